"""`vipkeeper check FILE`: all mistakes and notices of a file, and what follows from its timings.

With --store also what the store is like that the file names, with --wire who uses which VRID.
"""

from __future__ import annotations

import argparse
import sys

from vipkeeper.config.consequences import build_units
from vipkeeper.config.flags import Flags
from vipkeeper.config.reader import facts_of_this_host, load_parsed
from vipkeeper.config.rules import failover_summary, host_notices, notices
from vipkeeper.config.schema import DEFAULT_CONFIG_FILE


def fill(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        default=DEFAULT_CONFIG_FILE,
        help="configuration file (default: %(default)s)",
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
    parsed = load_parsed(arguments.file, Flags())
    config = parsed.config
    findings = (*notices(config), *host_notices(config, facts_of_this_host(config)))
    for warning in parsed.places.mistakes(findings):
        print(f"{warning} (warning)", file=sys.stderr)
    print(f"{arguments.file}: no mistakes")
    for unit in build_units(config):
        whose = f"sync group {unit.name} ({', '.join(unit.members)})" if unit.members else f"vip {unit.name}"
        print(f"{whose}: {', '.join(map(str, unit.addresses))}, priority {unit.priority}")
    for line in failover_summary(config):
        print(line)
    if arguments.store:
        from vipkeeper.cli.store_report import report_store

        report_store(config)
    if arguments.wire:
        from vipkeeper.cli.wire_report import report_wire

        report_wire(config)
    return 0
