"""What the settings of IPVS on the whole host must mean, and those of what SSL checks show and trust.

Rules of this file: as in `service_rules.py`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from vipkeeper.config.mistakes import Finding, nearest
from vipkeeper.config.schema import Config
from vipkeeper.config.toml_positions import Path
from vipkeeper.config.words import LONGEST_INTERFACE_NAME

_SYNC: Path = ("ipvs", "sync_daemon")


def broken_ipvs_rules(config: Config) -> Iterator[Finding]:
    """Everything that makes them unusable."""
    yield from _bad_sync(config)
    fifo = config.ipvs.fifo
    if fifo is not None and not PurePosixPath(fifo).is_absolute():
        fix = "write for example /run/vipkeeper/ipvs.fifo"
        yield Finding(("ipvs", "fifo"), f'"{fifo}" is not an absolute path', fix)
    ssl = config.ssl
    if ssl.key is not None and ssl.certificate is None:
        yield Finding(("ssl", "key"), "there is no certificate that it belongs to", "add ssl.certificate")
    for word in ("password", "password_file"):
        if getattr(ssl, word) is not None and ssl.certificate is None:
            yield Finding(("ssl", word), "there is no certificate with a key", "add ssl.certificate")
    if ssl.password is not None and ssl.password_file is not None:
        yield Finding(("ssl", "password"), "password and password_file are both set", "keep one of them")


def _bad_sync(config: Config) -> Iterator[Finding]:
    sync = config.ipvs.sync_daemon
    if sync.interface is None:
        if sync.vip is not None:
            wrong = "connections are told nowhere"
            yield Finding((*_SYNC, "vip"), wrong, "add ipvs.sync_daemon.interface, or leave it out")
        return
    if len(sync.interface) > LONGEST_INTERFACE_NAME or re.search(r"[/\s]", sync.interface):
        wrong = f'"{sync.interface}" cannot be the name of an interface'
        fix = f"at most {LONGEST_INTERFACE_NAME} characters without slashes and spaces; see `ip link`"
        yield Finding((*_SYNC, "interface"), wrong, fix)
    if sync.vip is not None and sync.vip not in config.vip:
        near = nearest(sync.vip, config.vip)
        fix = f'did you mean "{near}"?' if near is not None else f"add [vip.{sync.vip}]"
        yield Finding((*_SYNC, "vip"), f'there is no VIP "{sync.vip}"', fix)
    if sync.group is not None and not _is_multicast(sync.group):
        wrong = f'"{sync.group}" is no multicast address'
        yield Finding((*_SYNC, "group"), wrong, "write for example 224.0.0.81 or ff02::81")


def _is_multicast(text: str) -> bool:
    try:
        return "%" not in text and ipaddress.ip_address(text).is_multicast
    except ValueError:
        return False


def ssl_files(config: Config) -> tuple[tuple[Path, str], ...]:
    """Files that SSL checks need, with the key that names each; none if there are no such checks."""
    keys = ("ca", "certificate", "key", "password_file")
    named = tuple((("ssl", key), file) for key in keys if (file := getattr(config.ssl, key)) is not None)
    return named if named and speaks_tls(config) else ()


def speaks_tls(config: Config) -> bool:
    """Whether a check does."""
    return any(
        virtual.ssl_get or any(real.ssl_get for real in virtual.real_server.values())
        for virtual in config.virtual_server.values()
    )
