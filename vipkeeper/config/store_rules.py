"""What the settings of the stores must mean beyond their shape: endpoints and credentials.

Rules of this file: pure; see `rules.py`. Both tables are judged, whichever backend is chosen, so that a
mistake shows before the day on which somebody changes over.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from urllib.parse import SplitResult, urlsplit

from vipkeeper.config.consequences import store_access
from vipkeeper.config.etcd_schema import Etcd
from vipkeeper.config.mistakes import Finding, dotted
from vipkeeper.config.schema import Config
from vipkeeper.config.toml_positions import Path
from vipkeeper.config.zookeeper_schema import Zookeeper


def broken_store_rules(config: Config) -> Iterator[Finding]:
    """Everything that makes access to a store unusable."""
    yield from _bad_etcd_endpoints(config.etcd)
    yield from _bad_zookeeper_endpoints(config.zookeeper)
    yield from _bad_credentials("etcd", config.etcd)
    yield from _bad_credentials("zookeeper", config.zookeeper)


def store_notices(config: Config, vips: Mapping[str, Path]) -> Iterator[Finding]:
    """What works, but not as it should. `vips` says where each address of a VIP stands."""
    if config.backend == "vrrp":
        return
    yield from _store_behind_vip(config, vips)
    if config.backend == "zookeeper" and config.zookeeper.username is None:
        yield Finding(
            ("zookeeper",),
            "there is no username, so everybody who reaches ZooKeeper may change who owns a VIP",
            "set zookeeper.username and zookeeper.password_file, or let nobody else reach its ports",
        )


def store_files(config: Config) -> tuple[tuple[Path, str], ...]:
    """Files that the chosen store's table names, with the key that names each."""
    if config.backend == "vrrp":
        return ()
    access = store_access(config)
    keys = ("ca_file", "cert_file", "key_file", "password_file")
    return tuple(((config.backend, key), file) for key in keys if (file := getattr(access, key)) is not None)


def _endpoint_parts(endpoint: str) -> SplitResult | None:
    """An endpoint taken apart; None if it cannot be one."""
    try:
        parts = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")
        usable = parts.scheme in {"", "http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if usable else None


def _bad_etcd_endpoints(etcd: Etcd) -> Iterator[Finding]:
    files = [f"etcd.{key}" for key in ("ca_file", "cert_file") if getattr(etcd, key) is not None]
    for index, endpoint in enumerate(etcd.endpoints):
        path: Path = ("etcd", "endpoints", index)
        parts = _endpoint_parts(endpoint)
        if parts is None:
            fix = "write http://HOST:PORT or https://HOST:PORT; etcd's port is usually 2379"
            yield Finding(path, f'"{endpoint}" is not the address of an etcd member', fix)
        elif parts.path.strip("/") or parts.query or parts.fragment or parts.username:
            yield Finding(
                path, f'"{endpoint}" has more than a host and a port', "write http://HOST:PORT alone"
            )
        elif files and (parts.scheme == "http" or (parts.scheme == "" and etcd.ca_file is None)):
            wrong = f"{endpoint} would not be encrypted, but {' and '.join(files)} is set"
            yield Finding(path, wrong, "write https://, or leave out the certificate files")


def _bad_zookeeper_endpoints(zookeeper: Zookeeper) -> Iterator[Finding]:
    last = len(zookeeper.endpoints) - 1
    for index, endpoint in enumerate(zookeeper.endpoints):
        path: Path = ("zookeeper", "endpoints", index)
        parts = _endpoint_parts(endpoint)
        if parts is None or parts.scheme or parts.query or parts.fragment or parts.username:
            fix = "write HOST:PORT; ZooKeeper's port is usually 2181"
            yield Finding(path, f'"{endpoint}" is not the address of a ZooKeeper server', fix)
        elif parts.path and index != last:
            wrong = f'"{endpoint}" has a path, which only the last endpoint may have'
            yield Finding(path, wrong, "write it once, at the end: it holds for all of them")
        elif any(name in {"", ".", ".."} for name in parts.path.rstrip("/").split("/")[1:]):
            fix = "write for example HOST:PORT/ha"
            yield Finding(path, f'"{parts.path}" cannot be a path in ZooKeeper', fix)


def _bad_credentials(table: str, access: Etcd | Zookeeper) -> Iterator[Finding]:
    if (access.cert_file is None) != (access.key_file is None):
        there, missing = ("cert_file", "key_file") if access.cert_file else ("key_file", "cert_file")
        yield Finding((table, there), f"{there} is set without {missing}", f"set {table}.{missing} too")
    if access.password is not None and access.password_file is not None:
        yield Finding((table, "password"), "password and password_file are both set", "keep one of them")
    secret = "password_file" if access.password_file is not None else "password"
    has_secret = access.password is not None or access.password_file is not None
    if has_secret and access.username is None:
        yield Finding((table, secret), f"{secret} is set without username", f"set {table}.username too")
    if access.username is not None and not has_secret:
        yield Finding(
            (table, "username"), "username is set without a password", f"set {table}.password_file too"
        )


def _store_behind_vip(config: Config, vips: Mapping[str, Path]) -> Iterator[Finding]:
    for index, endpoint in enumerate(store_access(config).endpoints):
        parts = _endpoint_parts(endpoint)
        try:
            address = str(ipaddress.ip_address(parts.hostname or "" if parts is not None else ""))
        except ValueError:
            continue
        if address in vips:
            yield Finding(
                (config.backend, "endpoints", index),
                f"the store is reached at {address}, which is {dotted(vips[address])}",
                "use the members' own addresses: while nobody holds the VIP, nobody could reach the store",
            )
