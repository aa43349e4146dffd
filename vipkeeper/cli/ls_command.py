"""`vipkeeper ls`: reads the store once and shows who owns what, and why."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from datetime import UTC, datetime

import msgspec

from backends.store import Snapshot, Unknown
from vipkeeper.agent.stores import open_store
from vipkeeper.cli.options import add_store_options, flags_from
from vipkeeper.cli.vip_listing import list_vips, unreadable_nodes
from vipkeeper.config.consequences import store_access
from vipkeeper.config.parsing import ConfigSource, parse_settings
from vipkeeper.config.reader import read_source
from vipkeeper.config.schema import Config
from vipkeeper.model.errors import MissingPrivilege, StoreUnreachable
from vipkeeper.model.records import Keys

# A store answers in milliseconds, whichever member is frozen; a leader change takes up to 2.4 s.
_READ_WITHIN_S = 5.0
_SETTINGS = frozenset({"cluster", "backend", "etcd", "zookeeper"})


def fill(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    add_store_options(parser)
    parser.add_argument(
        "-o", "--output", choices=("table", "json"), default="table", help="for a person or for a program"
    )
    parser.description = (
        "Show who owns which VIP, and why. Works from any machine that reaches the store\n"
        "and needs no root. The remaining lease is counted with the wall clocks of this\n"
        "machine and of the owner, so it is as right as they are; no decision depends on it."
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Raises ConfigError, or StoreUnreachable when no member of the store answered."""
    config = _store_settings(arguments)
    snapshot = asyncio.run(_read(config))
    wall_now = datetime.now(UTC)
    vips = list_vips(snapshot, wall_now)
    for sentence in unreadable_nodes(snapshot):
        print(f"vipkeeper: {sentence}; upgrade this vipkeeper or that node's", file=sys.stderr)
    if arguments.output == "json":
        print(msgspec.json.format(msgspec.json.encode(vips), indent=2).decode())
        return 0
    if not vips:
        print(f"vipkeeper: cluster {config.cluster} has no VIP yet", file=sys.stderr)
        return 0
    from vipkeeper.cli.vip_table import draw_table, plain_table

    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        draw_table(vips, wall_now)
    else:
        print(plain_table(vips, wall_now))
    return 0


def _store_settings(arguments: argparse.Namespace) -> Config:
    flags = flags_from(arguments)
    try:
        source = read_source(arguments.config, flags)
    except MissingPrivilege as refusal:
        if arguments.config is not None:
            raise
        # The default file may hold a password. Flags can say all that is needed.
        print(f"vipkeeper: {refusal}; using the flags alone", file=sys.stderr)
        source = ConfigSource(text=None, name="", flags=flags, hostname="")
    return parse_settings(source, _SETTINGS)


async def _read(config: Config) -> Snapshot:
    store = open_store(config)
    try:
        answer = await store.read(Keys(config.cluster).prefix, timeout_s=_READ_WITHIN_S)
    finally:
        await store.close()
    if isinstance(answer, Unknown):
        raise StoreUnreachable(_what_to_do(answer, config))
    return answer


def _what_to_do(answer: Unknown, config: Config) -> str:
    if answer.actor != "store":
        return f"the store cannot be read: {answer.why}"
    endpoints = ", ".join(store_access(config).endpoints)
    return (
        f"the store does not answer: {answer.why}; check that {config.backend} runs at {endpoints}, "
        "or give other --endpoints"
    )
