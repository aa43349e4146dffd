"""What this folder asks the host for: configuration files, host name, interfaces.

Rules of this file: it decides nothing; what cannot be read becomes a ConfigError or MissingPrivilege that
says what to do.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import shutil
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

from vipkeeper.config.file_formats import is_keepalived_conf
from vipkeeper.config.flags import Flags
from vipkeeper.config.host_rules import named_programs, named_servers, named_sources
from vipkeeper.config.parsing import ConfigSource, ParsedConfig, parse_config
from vipkeeper.config.rules import HostFacts, named_files
from vipkeeper.config.schema import DEFAULT_CONFIG_FILE, Config
from vipkeeper.model.errors import ConfigError, MissingPrivilege


def read_source(file: str | None, flags: Flags) -> ConfigSource:
    """The text of `file`, or of the default file if there is one, with the flags.

    Raises ConfigError when a named file cannot be read, MissingPrivilege when this user may not read it.
    """
    name = DEFAULT_CONFIG_FILE if file is None else file
    hostname = socket.gethostname()
    if file is None and not Path(name).exists():
        return ConfigSource(text=None, name=name, flags=flags, hostname=hostname)
    content = _read_bytes(name)
    if not is_keepalived_conf(name, content.decode(errors="replace")):
        return ConfigSource(text=_decoded(name, content), name=name, flags=flags, hostname=hostname)
    if flags.endpoints is not None and flags.backend is None:
        raise ConfigError((_NO_BACKEND,))
    from vipkeeper.config.keepalived.translation import translate
    from vipkeeper.config.keepalived_reader import read_keepalived_conf

    document = translate(read_keepalived_conf(name).understood, flags.backend).document
    return ConfigSource(text=None, name=name, flags=flags, hostname=hostname, document=document)


_NO_BACKEND = (
    "--endpoints: names a store, and a keepalived.conf means VRRP unless told otherwise; "
    "add --backend etcd or --backend zookeeper"
)


def _read_bytes(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except PermissionError as error:
        raise MissingPrivilege(f"{name}: may not be read by this user; run as a user who may") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError((f"{name}: cannot be read: {reason}; correct the path",)) from error


def _decoded(name: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError((f"{name}:{line}: is not UTF-8 text; save the file as UTF-8",)) from error


def load_config(file: str | None, flags: Flags) -> Config:
    """What an agent runs with. Raises ConfigError with all mistakes, or MissingPrivilege."""
    return load_parsed(file, flags).config


def load_parsed(file: str | None, flags: Flags) -> ParsedConfig:
    """Like `load_config`, with the places of the settings."""
    return parse_config(read_source(file, flags))


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
