"""Opens the configured store.

Rules of this file: only the configured backend is imported; the password file is read here alone.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from backends.store import Store
from vipkeeper.config.schema import Config, Etcd
from vipkeeper.model.errors import ConfigError


def open_store(config: Config) -> Store:
    """The store of this configuration; nothing is sent yet. Call it inside the running event loop.

    Raises ConfigError when a file that the configuration names cannot be used.
    """
    # The schema allows etcd alone, so there is nothing to choose yet.
    from backends.etcd import EtcdStore
    from backends.etcd_settings import EtcdSettings

    etcd = config.etcd
    return EtcdStore(
        EtcdSettings(
            endpoints=etcd.endpoints,
            ca_file=etcd.ca_file,
            cert_file=etcd.cert_file,
            key_file=etcd.key_file,
            username=etcd.username,
            password=_password(etcd),
        )
    )


def store_hosts(config: Config) -> list[str]:
    """The host of each endpoint."""
    endpoints = config.etcd.endpoints
    parts = [urlsplit(endpoint if "://" in endpoint else f"//{endpoint}") for endpoint in endpoints]
    return [part.hostname for part in parts if part.hostname]


def _password(etcd: Etcd) -> str | None:
    if etcd.password_file is None:
        return etcd.password
    try:
        lines = Path(etcd.password_file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        message = (
            f"etcd.password_file: {etcd.password_file} cannot be read: {reason}; correct the path or its mode"
        )
        raise ConfigError((message,)) from error
    if not lines or not lines[0]:
        message = (
            f"etcd.password_file: the first line of {etcd.password_file} is empty; put the password there"
        )
        raise ConfigError((message,))
    return lines[0]
