"""`vipkeeper realserver`: has a VIP on this host and tells nobody, for a director that passes packets on.

Rules of this file: what it prints is one line for each VIP; repeating a command changes nothing.
"""

from __future__ import annotations

import argparse
import ipaddress
from pathlib import Path

from vipkeeper.model.errors import ConfigError

# Not the agent's, which belongs to the agent's user and unit.
_RUN_DIR = "/run/vipkeeper-realserver"
_NOT_UP = 1


def fill(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    parser.add_argument("action", choices=("up", "down", "status"))
    parser.add_argument(
        "--vip",
        metavar="ADDR",
        action="append",
        default=[],
        help="address of the virtual server; may be repeated. down and status without it: all that are up",
    )
    parser.add_argument(
        "--run-dir",
        metavar="DIR",
        default=_RUN_DIR,
        help=f"what was found is kept here (default: {_RUN_DIR})",
    )
    parser.description = (
        "Put a VIP on this host's lo, so that it takes what an IPVS director passes on by\n"
        "direct routing or a tunnel, and keep the host from answering ARP for it\n"
        "(arp_ignore = 1, arp_announce = 2). `down` takes the VIP away and puts back what was\n"
        "found. `status` ends with 1 when a VIP is not up. Needs no IPVS in this kernel."
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Raises ConfigError, Refused, KernelRefused, or MissingPrivilege."""
    from vipkeeper.kernel.real_server import real_server

    addresses = _addresses(arguments.vip)
    if arguments.action == "up" and not addresses:
        raise ConfigError(("--vip: which address? For example --vip 192.0.2.10",))
    with real_server(Path(arguments.run_dir)) as server:
        if arguments.action == "up":
            new = server.up(addresses)
            for address in addresses:
                print(f"{address} is up" + ("" if address in new else " already"))
            return 0
        if arguments.action == "down":
            gone = server.down(addresses or None)
            for address in addresses or gone:
                print(f"{address} is down" + ("" if address in gone else " already"))
            return 0
        states = server.status(addresses or None)
        for state in states:
            print(f"{state.address} is " + (f"not up: {state.missing}" if state.missing else "up"))
        if not states:
            print("no VIP is up")
        return _NOT_UP if any(state.missing for state in states) else 0


def _addresses(texts: list[str]) -> list[str]:
    """Canonical texts. Raises ConfigError with every mistake."""
    addresses, mistakes = [], []
    for text in texts:
        try:
            given = ipaddress.ip_interface(text)
        except ValueError:
            mistakes.append(f'--vip: "{text}" is not an address; write for example 192.0.2.10')
            continue
        if given.network.prefixlen != given.max_prefixlen:
            mistakes.append(f"--vip: {text}: a real server has the address alone; write {given.ip}")
        addresses.append(str(given.ip))
    if mistakes:
        raise ConfigError(tuple(mistakes))
    return addresses
