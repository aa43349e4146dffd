"""`vipkeeper vrrp ...`: tools for people who look at VRRP on the wire.

Rules of this file: only the chosen tool is imported.
"""

from __future__ import annotations

import argparse


def fill(parser: argparse.ArgumentParser) -> None:
    """Adds the tools, each a subcommand."""
    tools = parser.add_subparsers(metavar="TOOL", required=True)
    _add_decode(tools.add_parser("decode", help=_DECODE, allow_abbrev=False))
    _add_stats(tools.add_parser("stats", help=_STATS, allow_abbrev=False))


_STATS = "count what this machine's agent sent, received and discarded"
_DECODE = "say what captured VRRP packets are, and whether a receiver must discard them"


def _add_decode(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = (
        "Say what captured VRRP packets are, and whether any receiver must discard them.\n"
        "Needs no root and no configuration. A pipe is followed while it is written:\n\n"
        "    tcpdump -i eth0 -U -w - 'proto 112 or proto 51' | vipkeeper vrrp decode -o json -\n\n"
        "One packet may be given as hexadecimal digits, from its IP header on."
    )
    parser.add_argument(
        "input",
        metavar="FILE.pcap|HEX",
        nargs="+",
        help="pcap or pcapng file, digits, or - for standard input",
    )
    parser.add_argument(
        "--auth-key",
        metavar="KEY",
        help="password or AH key to judge by, at most 8 bytes count; shows in the process list",
    )
    parser.add_argument(
        "-o", "--output", choices=("table", "json"), default="table", help="for a person or for a program"
    )
    parser.set_defaults(run=_run_decode)


def _add_stats(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Count what each virtual router of this machine's agent sent, received and discarded, and why, since "
        "it started."
    )
    parser.add_argument("--config", metavar="FILE", help="that agent's configuration file")
    parser.add_argument("--run-dir", metavar="DIR", help="that agent's run directory")
    parser.add_argument("--cluster", metavar="NAME", help="its cluster, if that is not in the file")
    parser.add_argument(
        "-o", "--output", choices=("table", "json"), default="table", help="for a person or for a program"
    )
    parser.set_defaults(run=_run_stats)


def _run_stats(arguments: argparse.Namespace) -> int:
    """Raises ConfigError, or StoreUnreachable when no agent answers."""
    from vipkeeper.cli.vrrp_stats import show_statistics

    return show_statistics(arguments)


def _run_decode(arguments: argparse.Namespace) -> int:
    """Raises MalformedInput."""
    from vipkeeper.cli.vrrp_decode import decode

    return decode(arguments.input, arguments.auth_key, as_json=arguments.output == "json")
