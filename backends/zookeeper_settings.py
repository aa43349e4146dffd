"""What a ZooKeeper store is made from: addresses, a chroot, certificates and a user, checked before use.

Rules of this file: every mistake of the settings is found at once and reported as one `ConfigError`.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from backends.client_tls import client_context
from vipkeeper.model.errors import ConfigError

DEFAULT_PORT = 2181

_EXAMPLE = "10.0.0.1:2181"


@dataclass(frozen=True, slots=True)
class ZookeeperSettings:
    """Endpoints are `host` or `host:port`; the last may end with a chroot, as in `10.0.0.3:2181/ha`.

    TLS is spoken when `ca_file` or `cert_file` is set.
    """

    endpoints: tuple[str, ...]
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    auth: Literal["digest", "sasl"] = "digest"
    username: str | None = None
    password: str | None = field(default=None, repr=False)


class ZookeeperAddress(msgspec.Struct, frozen=True):
    """One endpoint, taken apart."""

    host: str
    port: int
    tls: ssl.SSLContext | None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def addresses(settings: ZookeeperSettings) -> tuple[tuple[ZookeeperAddress, ...], str]:
    """The endpoints in their order, and the chroot ("" for none). ConfigError names all that is wrong."""
    mistakes: list[str] = []
    if not settings.endpoints:
        mistakes.append(f"zookeeper: no endpoint is given; name at least one, for example {_EXAMPLE}")
    if (settings.cert_file is None) != (settings.key_file is None):
        mistakes.append("zookeeper: cert_file and key_file go together; give both or none")
    if (settings.username is None) != (settings.password is None):
        mistakes.append("zookeeper: username and password go together; give both or none")
    endpoints, chroot = _without_chroot(settings.endpoints)
    wanted: list[tuple[str, int]] = []
    for endpoint in endpoints:
        try:
            wanted.append(_split(endpoint))
        except ValueError as error:
            mistakes.append(f"zookeeper: endpoint {endpoint!r}: {error}; write it like {_EXAMPLE}")
    if chroot and any(part in {"", ".", ".."} for part in chroot[1:].split("/")):
        mistakes.append(f"zookeeper: the chroot {chroot!r} is no path; write it like {_EXAMPLE}/ha")
    tls = None
    if not mistakes and (settings.ca_file or settings.cert_file):
        tls = client_context("zookeeper", settings, mistakes)
    if mistakes:
        raise ConfigError(tuple(mistakes))
    return tuple(ZookeeperAddress(host, port, tls) for host, port in wanted), chroot


def _without_chroot(endpoints: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """As in ZooKeeper's own connect strings: what follows the last address is where our tree begins."""
    if not endpoints or "://" in endpoints[-1]:
        return endpoints, ""
    last, slash, path = endpoints[-1].partition("/")
    return (*endpoints[:-1], last), (slash + path).rstrip("/")


def _split(endpoint: str) -> tuple[str, int]:
    if "://" in endpoint:
        raise ValueError("ZooKeeper is not reached with a URL")
    parts = urlsplit(f"//{endpoint}")
    if not parts.hostname:
        raise ValueError("there is no host in it")
    if parts.path or parts.query or parts.fragment or parts.username:
        raise ValueError("there is more in it than a host and a port, and only the last may have a chroot")
    parts.hostname.encode("idna")  # UnicodeError is a ValueError
    return parts.hostname, DEFAULT_PORT if parts.port is None else parts.port
