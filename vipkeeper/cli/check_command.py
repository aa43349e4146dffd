"""`vipkeeper check FILE`: all mistakes and notices of a file, and what follows from its timings.

With --store also what the store is like that the file names, with --wire who uses which VRID. The file is
ours or a keepalived.conf; of that also what keepalived says, and with --like-keepalived only that.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable

from vipkeeper.config.consequences import build_units
from vipkeeper.config.flags import Flags
from vipkeeper.config.host_facts import facts_of_this_host
from vipkeeper.config.mistakes import Mistake
from vipkeeper.config.parsing import parse_config
from vipkeeper.config.reader import read_source
from vipkeeper.config.rules import failover_summary, host_notices, notices
from vipkeeper.config.schema import DEFAULT_CONFIG_FILE, Config
from vipkeeper.config.track_rules import tracking_summary

_ALIKE = 5


def fill(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        default=DEFAULT_CONFIG_FILE,
        help="configuration file, TOML or keepalived.conf (default: %(default)s)",
    )
    parser.add_argument(
        "--backend",
        metavar="NAME",
        help="judge a keepalived.conf as `agent --backend NAME` would: etcd, zookeeper (default: vrrp)",
    )
    parser.add_argument(
        "--like-keepalived",
        action="store_true",
        help="say only what keepalived has to say of its file, and end as `keepalived -t` does: 0 it is "
        "fine, 4 it would not start, 5 it would start and leave something out, 6 scripts without security",
    )
    parser.add_argument(
        "--store",
        action="store_true",
        help="also connect to the store: whether each endpoint answers, and what its operator should do",
    )
    parser.add_argument(
        "--wire",
        action="store_true",
        help="also listen on the interfaces of the VIPs for some seconds: which VRIDs others use there, and "
        "which one is free (root)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Raises VipkeeperError; mistakes are a ConfigError, and notices and advice alone end with 0."""
    if arguments.like_keepalived:
        from vipkeeper.cli.keepalived_report import report_like_keepalived

        return report_like_keepalived(arguments.file)
    source = read_source(arguments.file, Flags(backend=arguments.backend))
    if source.document is not None:
        from vipkeeper.cli.keepalived_report import print_remarks

        print_remarks(source.document.remarks)
    parsed = parse_config(source)
    config = parsed.config
    findings = (*notices(config), *host_notices(config, facts_of_this_host(config)))
    _print_warnings(parsed.places.mistakes(findings))
    print(f"{arguments.file}: no mistakes")
    _summarize(config)
    if arguments.store:
        from vipkeeper.cli.store_report import report_store

        report_store(config)
    if arguments.wire:
        from vipkeeper.cli.wire_report import report_wire

        report_wire(config)
    return 0


def _print_warnings(warnings: Iterable[Mistake]) -> None:
    """Of those that say the same only the first: a thousand virtual servers may all be without a VIP."""
    alike = Counter[tuple[str, str]]()
    for warning in warnings:
        what = (warning.wrong, warning.fix)
        alike[what] += 1
        if alike[what] <= _ALIKE:
            print(f"{warning} (warning)", file=sys.stderr)
    for (wrong, _), count in alike.items():
        if count > _ALIKE:
            print(f"and {count - _ALIKE} more like these: {wrong} (warning)", file=sys.stderr)


def _summarize(config: Config) -> None:
    for unit in build_units(config):
        whose = f"sync group {unit.name} ({', '.join(unit.members)})" if unit.members else f"vip {unit.name}"
        print(f"{whose}: {', '.join(map(str, unit.addresses))}, priority {unit.priority}")
    for line in (*tracking_summary(config), *_virtual_servers(config), *failover_summary(config)):
        print(line)


def _virtual_servers(config: Config) -> tuple[str, ...]:
    if not config.virtual_server:
        return ()
    from vipkeeper.config.balancing_notices import balancing_summary

    return tuple(balancing_summary(config))
