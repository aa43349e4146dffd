"""Opens the configured store.

Rules of this file: only the configured backend is imported; the password file is read here alone.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from backends.store import Store
from vipkeeper.config.consequences import store_access
from vipkeeper.config.etcd_schema import Etcd
from vipkeeper.config.schema import Config
from vipkeeper.config.zookeeper_schema import Zookeeper
from vipkeeper.model.errors import ConfigError


def open_store(config: Config) -> Store:
    """The store of this configuration; nothing is sent yet. Call it inside the running event loop.

    Raises ConfigError when a file that the configuration names cannot be used.
    """
    if config.backend == "zookeeper":
        return _open_zookeeper(config.zookeeper)
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
            password=_password("etcd", etcd),
        )
    )


def store_hosts(config: Config) -> list[str]:
    """The host of each endpoint."""
    endpoints = store_access(config).endpoints
    parts = [urlsplit(endpoint if "://" in endpoint else f"//{endpoint}") for endpoint in endpoints]
    return [part.hostname for part in parts if part.hostname]


def _open_zookeeper(zookeeper: Zookeeper) -> Store:
    from backends.zookeeper import ZookeeperStore
    from backends.zookeeper_settings import ZookeeperSettings

    return ZookeeperStore(
        ZookeeperSettings(
            endpoints=zookeeper.endpoints,
            ca_file=zookeeper.ca_file,
            cert_file=zookeeper.cert_file,
            key_file=zookeeper.key_file,
            auth=zookeeper.auth,
            username=zookeeper.username,
            password=_password("zookeeper", zookeeper),
        )
    )


def _password(table: str, access: Etcd | Zookeeper) -> str | None:
    file = access.password_file
    if file is None:
        return access.password
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        message = f"{table}.password_file: {file} cannot be read: {reason}; correct the path or its mode"
        raise ConfigError((message,)) from error
    if not lines or not lines[0]:
        message = f"{table}.password_file: the first line of {file} is empty; put the password there"
        raise ConfigError((message,))
    return lines[0]
