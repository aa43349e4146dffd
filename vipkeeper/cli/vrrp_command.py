"""`vipkeeper vrrp ...`: tools for people who look at VRRP on the wire.

Rules of this file: only the chosen tool is imported.
"""

from __future__ import annotations

import argparse


def fill(parser: argparse.ArgumentParser) -> None:
    """Adds the tools, each a subcommand."""
    tools = parser.add_subparsers(metavar="TOOL", required=True)
    _add_decode(tools.add_parser("decode", help=_DECODE, allow_abbrev=False))


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


def _run_decode(arguments: argparse.Namespace) -> int:
    """Raises MalformedInput."""
    from vipkeeper.cli.vrrp_decode import decode

    return decode(arguments.input, arguments.auth_key, as_json=arguments.output == "json")
