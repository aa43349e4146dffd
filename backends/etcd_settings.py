"""What an etcd store is made from: addresses, certificates and a user, checked before the first connection.

Rules of this file: every mistake of the settings is found at once and reported as one `ConfigError`.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec

from backends.client_tls import client_context
from vipkeeper.model.errors import ConfigError

DEFAULT_PORT = 2379


@dataclass(frozen=True, slots=True)
class EtcdSettings:
    """Endpoints are `host`, `host:port` or a URL; without a scheme it is https if `ca_file` is set."""

    endpoints: tuple[str, ...]
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)


class EtcdAddress(msgspec.Struct, frozen=True):
    """One endpoint, taken apart."""

    host: str
    port: int
    tls: ssl.SSLContext | None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"


def addresses(settings: EtcdSettings) -> tuple[EtcdAddress, ...]:
    """The endpoints in their order. ConfigError names all that is wrong with the settings."""
    mistakes: list[str] = []
    if not settings.endpoints:
        mistakes.append("etcd: no endpoint is given; name at least one, for example https://10.0.0.1:2379")
    if (settings.cert_file is None) != (settings.key_file is None):
        mistakes.append("etcd: cert_file and key_file go together; give both or none")
    if (settings.username is None) != (settings.password is None):
        mistakes.append("etcd: username and password go together; give both or none")
    default_scheme = "http" if settings.ca_file is None else "https"
    wanted: list[tuple[str, int, bool]] = []
    for endpoint in settings.endpoints:
        try:
            wanted.append(_split(endpoint, default_scheme))
        except ValueError as error:
            mistakes.append(f"etcd: endpoint {endpoint!r}: {error}; write it like https://10.0.0.1:2379")
    tls = None
    if not mistakes and any(encrypted for _, _, encrypted in wanted):
        tls = _tls(settings, mistakes)
    if mistakes:
        raise ConfigError(tuple(mistakes))
    return tuple(EtcdAddress(host, port, tls if encrypted else None) for host, port, encrypted in wanted)


def _split(endpoint: str, default_scheme: str) -> tuple[str, int, bool]:
    parts = urlsplit(endpoint if "://" in endpoint else f"{default_scheme}://{endpoint}")
    if parts.scheme not in {"http", "https"}:
        raise ValueError(f"the scheme {parts.scheme!r} is neither http nor https")
    if not parts.hostname:
        raise ValueError("there is no host in it")
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise ValueError("there is more in it than a scheme, a host and a port")
    parts.hostname.encode("idna")  # UnicodeError is a ValueError
    return parts.hostname, DEFAULT_PORT if parts.port is None else parts.port, parts.scheme == "https"


def _tls(settings: EtcdSettings, mistakes: list[str]) -> ssl.SSLContext | None:
    context = client_context("etcd", settings, mistakes)
    if context is not None:
        context.set_alpn_protocols(["h2"])
    return context
