"""`vipkeeper ipvs`: the virtual servers of this node, their real servers, and why they are up or down.

Rules of this file: what is missing in the kernel is one sentence each on standard error, and the exit code
says so; what is shown is what the director knows, which reads the kernel's counters for it.
"""

from __future__ import annotations

import argparse
import os
import sys

import msgspec
from msgspec.structs import replace

from vipkeeper.cli.director_view import add_director_options, director_path, report_of_director
from vipkeeper.model.director_messages import DirectorReport
from vipkeeper.model.errors import ConfigError

_NOT_IN_THE_KERNEL = 1


def fill(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="one virtual server; without it, all of this node"
    )
    output = parser.add_mutually_exclusive_group()
    output.add_argument(
        "-o", "--output", choices=("table", "json"), default="table", help="for a person or for a program"
    )
    output.add_argument("--json", action="store_const", const="json", dest="output", help="as -o json")
    add_director_options(parser)
    parser.description = (
        "Show the virtual servers (IPVS) of this node: their real servers, state, weight in\n"
        "force beside the configured one, connections and rates, and what the last check said.\n"
        "WEIGHT of a virtual server is what is well now, and the quorum. Ends with 1 when\n"
        "something is not in the kernel that should be, and says what."
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Raises ConfigError, NoDirector or MissingPrivilege."""
    report = report_of_director(director_path(arguments))
    if arguments.name is not None:
        report = _only(report, arguments.name)
    for sentence in (report.missing, *report.refused):
        if sentence:
            print(f"vipkeeper: {sentence}", file=sys.stderr)
    if arguments.output == "json":
        print(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
    else:
        _show(report)
    return _NOT_IN_THE_KERNEL if report.missing or report.refused else 0


def _only(report: DirectorReport, name: str) -> DirectorReport:
    found = tuple(server for server in report.virtual_servers if server.name == name)
    if not found:
        there = ", ".join(server.name for server in report.virtual_servers) or "none"
        raise ConfigError((f"there is no virtual server {name}; there are: {there}",))
    return replace(report, virtual_servers=found)


def _show(report: DirectorReport) -> None:
    if not report.virtual_servers:
        print("vipkeeper: no virtual server is configured", file=sys.stderr)
    else:
        from vipkeeper.cli.ipvs_table import draw_table, plain_table

        if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
            draw_table(report.virtual_servers)
        else:
            print(plain_table(report.virtual_servers))
    if report.sync is not None:
        print(f"connections are synchronised as {report.sync}")
