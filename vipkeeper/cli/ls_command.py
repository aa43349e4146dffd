"""`vipkeeper ls`: reads the store once and shows who owns what, and why."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from backends.store import Snapshot, Unknown
from vipkeeper.agent.stores import open_store
from vipkeeper.cli.options import add_store_options, flags_from
from vipkeeper.cli.vip_listing import ListedNode, ListedVip, list_nodes, list_vips, unreadable_nodes
from vipkeeper.config.consequences import store_access
from vipkeeper.config.parsing import ConfigSource, parse_settings
from vipkeeper.config.reader import read_source
from vipkeeper.config.schema import Config
from vipkeeper.model.errors import MissingPrivilege, StoreUnreachable
from vipkeeper.model.records import Keys

# A store answers in milliseconds, whichever member is frozen; a leader change takes up to 2.4 s.
READ_WITHIN_S = 5.0
STORE_SETTINGS = frozenset({"cluster", "backend", "etcd", "zookeeper"})


def fill(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    add_store_options(parser)
    parser.add_argument(
        "-o", "--output", choices=("table", "json"), default="table", help="for a person or for a program"
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="the nodes as well, and what is hidden otherwise: VIPs that no node is configured for any more",
    )
    parser.description = (
        "Show who owns which VIP, and why. Works from any machine that reaches the store\n"
        "and needs no root. The remaining lease is counted with the wall clocks of this\n"
        "machine and of the owner, so it is as right as they are; no decision depends on it."
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Raises ConfigError, or StoreUnreachable when no member of the store answered."""
    config = store_settings(arguments)
    snapshot = asyncio.run(_read(config))
    wall_now = datetime.now(UTC)
    known = list_vips(snapshot, wall_now)
    vips = known if arguments.all else [vip for vip in known if not vip.forgotten]
    for sentence in unreadable_nodes(snapshot):
        print(f"vipkeeper: {sentence}; upgrade this vipkeeper or that node's", file=sys.stderr)
    nodes = list_nodes(snapshot, wall_now) if arguments.all else []
    if arguments.output == "json":
        shown = {"vips": vips, "nodes": nodes} if arguments.all else vips
        print(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode())
        return 0
    if not vips:
        which = "only VIPs that no node has any more; see ls --all" if known else "no VIP yet"
        print(f"vipkeeper: cluster {config.cluster} has {which}", file=sys.stderr)
    _show(vips, nodes, wall_now)
    return 0


def _show(vips: Sequence[ListedVip], nodes: Sequence[ListedNode], wall_now: datetime) -> None:
    if not vips and not nodes:
        return
    from vipkeeper.cli.vip_table import draw_table, node_table, plain_table

    if vips and sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        draw_table(vips, wall_now)
    elif vips:
        print(plain_table(vips, wall_now))
    if nodes:
        print(("\n" if vips else "") + node_table(nodes, wall_now))


def store_settings(arguments: argparse.Namespace, wanted: frozenset[str] = STORE_SETTINGS) -> Config:
    """The settings that a command needs which works from any machine that reaches the store."""
    flags = flags_from(arguments)
    try:
        source = read_source(arguments.config, flags)
    except MissingPrivilege as refusal:
        if arguments.config is not None:
            raise
        # The default file may hold a password. Flags can say all that is needed.
        print(f"vipkeeper: {refusal}; using the flags alone", file=sys.stderr)
        source = ConfigSource(text=None, name="", flags=flags, hostname="")
    return parse_settings(source, wanted)


async def _read(config: Config) -> Snapshot:
    store = open_store(config)
    try:
        answer = await store.read(Keys(config.cluster).prefix, timeout_s=READ_WITHIN_S)
    finally:
        await store.close()
    if isinstance(answer, Unknown):
        raise StoreUnreachable(what_to_do(answer, config))
    return answer


def what_to_do(answer: Unknown, config: Config) -> str:
    """What the user of a command is told when the store gave no answer."""
    if answer.actor != "store":
        return f"the store cannot be read: {answer.why}"
    endpoints = ", ".join(store_access(config).endpoints)
    return (
        f"the store does not answer: {answer.why}; check that {config.backend} runs at {endpoints}, "
        "or give other --endpoints"
    )
