"""`vipkeeper ls`: reads the store once and shows who owns what, and why.

Rules of this file: without the store, what the agent of this machine knows is shown in its place; standard
error and the exit code say so, so that no script takes the one for the other.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from backends.store import Snapshot, Unknown
from vipkeeper.agent.stores import open_store
from vipkeeper.cli.options import add_store_options, flags_from
from vipkeeper.cli.vip_listing import ListedNode, ListedVip, list_nodes, list_vips, unreadable_nodes
from vipkeeper.config.consequences import store_access
from vipkeeper.config.parsing import ConfigSource, parse_settings
from vipkeeper.config.reader import read_source
from vipkeeper.config.schema import Config
from vipkeeper.model.agent_report import Report
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
        help="the nodes as well, what the agent tracks, and VIPs that no node is configured for any more",
    )
    parser.add_argument(
        "--agent",
        action="store_true",
        help="ask the agent of this machine and not the store: what it knows, at once, store or not",
    )
    parser.add_argument("--run-dir", metavar="DIR", help="that agent's run directory")
    parser.description = (
        "Show who owns which VIP, and why. Works from any machine that reaches the store\n"
        "and needs no root. The remaining lease is counted with the wall clocks of this\n"
        "machine and of the owner, so it is as right as they are; no decision depends on it.\n"
        "When the store does not answer, the agent of this machine is asked what it knows;\n"
        "the exit code is 69 all the same, so that no script takes that for the store's word.\n"
        "With --backend vrrp there is no store, and only the agent of this machine is asked."
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Raises ConfigError, or StoreUnreachable when neither the store nor an agent answered."""
    config = store_settings(arguments, STORE_SETTINGS | {"run_dir"})
    if config.backend == "vrrp":
        return _show_routers(config, as_json=arguments.output == "json", everything=arguments.all)
    snapshot, report, exit_code = _look(config, agent_alone=arguments.agent)
    wall_now = datetime.now(UTC)
    known = list_vips(snapshot, wall_now)
    if report is not None:
        from vipkeeper.cli.agent_view import as_the_agent_sees, missing_routing

        known = as_the_agent_sees(known, report)
        for sentence in missing_routing(report):
            print(f"vipkeeper: {sentence}", file=sys.stderr)
    vips = known if arguments.all else [vip for vip in known if not vip.forgotten]
    for sentence in unreadable_nodes(snapshot):
        print(f"vipkeeper: {sentence}; upgrade this vipkeeper or that node's", file=sys.stderr)
    nodes = list_nodes(snapshot, wall_now) if arguments.all else []
    if arguments.output == "json":
        shown = _everything(vips, nodes, report) if arguments.all else vips
        print(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode())
        return exit_code
    if not vips:
        which = "only VIPs that no node has any more; see ls --all" if known else "no VIP yet"
        print(f"vipkeeper: cluster {config.cluster} has {which}", file=sys.stderr)
    _show(vips, nodes, report if arguments.all else None, wall_now)
    if report is not None and report.routers:
        from vipkeeper.cli.router_listing import list_routers, router_table

        print(f"\n{router_table(list_routers(report))}")
    if report is not None and arguments.all:
        _show_tracks(report)
    return exit_code


def _show_tracks(report: Report) -> None:
    if report.tracks:
        from vipkeeper.cli.track_table import track_table

        print(f"\n{track_table(report)}")


def _show_routers(config: Config, *, as_json: bool, everything: bool) -> int:
    """VRRP has no place where all of it is written: this machine's agent tells what it knows."""
    from vipkeeper.cli.agent_view import missing_routing, report_of_agent
    from vipkeeper.cli.router_listing import list_routers, router_table

    report = report_of_agent(config)
    for sentence in missing_routing(report):
        print(f"vipkeeper: {sentence}", file=sys.stderr)
    routers = list_routers(report)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(routers), indent=2).decode())
    elif routers:
        print(router_table(routers))
    if everything and not as_json:
        _show_tracks(report)
    return 0


def _look(config: Config, *, agent_alone: bool) -> tuple[Snapshot, Report | None, int]:
    """The records; the agent's report, if they are what an agent knows; and the exit code."""
    answer = None if agent_alone else asyncio.run(_read(config))
    if isinstance(answer, Snapshot):
        return answer, None, 0
    from vipkeeper.cli.agent_view import ask_agent, report_of_agent, snapshot_of

    if answer is None:
        known = report_of_agent(config)
        return snapshot_of(known), known, 0
    report = ask_agent(config)
    if isinstance(report, str):
        raise StoreUnreachable(what_to_do(answer, config))
    said = f"{what_to_do(answer, config)}; what follows is what the agent of {report.node} knows"
    print(f"vipkeeper: {said}", file=sys.stderr)
    return snapshot_of(report), report, StoreUnreachable.exit_code


def _everything(
    vips: Sequence[ListedVip], nodes: Sequence[ListedNode], report: Report | None
) -> dict[str, object]:
    agent = None if report is None else replace(report, records={})
    return {"vips": vips, "nodes": nodes, "from": "store" if report is None else "agent", "agent": agent}


def _show(
    vips: Sequence[ListedVip], nodes: Sequence[ListedNode], report: Report | None, wall_now: datetime
) -> None:
    if not vips and not nodes:
        return
    from vipkeeper.cli.vip_table import draw_table, elector_table, node_table, plain_table

    if vips and sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        draw_table(vips, wall_now)
    elif vips:
        print(plain_table(vips, wall_now))
    if nodes:
        print(("\n" if vips else "") + node_table(nodes, wall_now))
    if report is not None and report.electorate:
        print("\n" + elector_table(report))


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


async def _read(config: Config) -> Snapshot | Unknown:
    store = open_store(config)
    try:
        return await store.read(Keys(config.cluster).prefix, timeout_s=READ_WITHIN_S)
    finally:
        await store.close()


def what_to_do(answer: Unknown, config: Config) -> str:
    """What the user of a command is told when the store gave no answer."""
    if answer.actor != "store":
        return f"the store cannot be read: {answer.why}"
    endpoints = ", ".join(store_access(config).endpoints)
    return (
        f"the store does not answer: {answer.why}; check that {config.backend} runs at {endpoints}, "
        "or give other --endpoints"
    )
