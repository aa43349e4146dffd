"""What a check of a configuration asks this host for: interfaces, files, addresses, programs.

Rules of this file: it decides nothing; what cannot be found out is not complained of. An agent never loads
it.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import shutil
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

from vipkeeper.config.host_rules import named_programs, named_servers, named_sources
from vipkeeper.config.rules import HostFacts, named_files
from vipkeeper.config.schema import Config


def facts_of_this_host(config: Config) -> HostFacts:
    """What `host_notices` wants to know."""
    missing = [file for _, file in named_files(config) if not os.access(file, os.R_OK)]
    return HostFacts(
        interfaces=frozenset(name for _, name in socket.if_nameindex()),
        missing_files=frozenset(missing),
        foreign_addresses=frozenset(
            address for address, interface in named_sources(config) if not _is_own(address, interface)
        ),
        unusable_programs=dict(_unusable_programs(named_programs(config))),
        own_addresses=frozenset(filter(_comes_back_here, named_servers(config))),
    )


def _is_own(address: str, interface: str) -> bool:
    """Whether this host could send from `address`; what cannot be found out is not complained of."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address, 0, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
        )[0]
        if family == socket.AF_INET6 and ipaddress.ip_address(address).is_link_local:
            place = (address, 0, 0, socket.if_nametoindex(interface))
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(place)
    except OSError as error:
        return error.errno != errno.EADDRNOTAVAIL
    return True


def _comes_back_here(address: str) -> bool:
    """Whether packets to `address` stay on this host. Binding to it would say so of every address where
    `ip_nonlocal_bind` is on, as it often is on directors.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
            own: str = probe.getsockname()[0]
    except OSError:
        return False
    return ipaddress.ip_address(own) == ipaddress.ip_address(address)


def _unusable_programs(programs: Iterable[str]) -> Iterator[tuple[str, str]]:
    for program in programs:
        if "/" not in program:
            if shutil.which(program) is None:
                yield program, "is not found in PATH on this host"
        elif not Path(program).exists():
            yield program, "is not there on this host"
        elif not os.access(program, os.X_OK):
            yield program, "is not executable on this host"
