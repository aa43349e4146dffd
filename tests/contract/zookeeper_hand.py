"""An operator's own client of ZooKeeper: kazoo's, which shares no code of connections with the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kazoo.client import KazooClient

from tests.contract.zookeeper_server import START_TIMEOUT_S


@contextmanager
def hand(endpoint: str, **options: object) -> Iterator[KazooClient]:
    """A connected client, closed at the end."""
    client = KazooClient(endpoint, timeout=START_TIMEOUT_S, **options)
    client.start(timeout=START_TIMEOUT_S)
    try:
        yield client
    finally:
        client.stop()
        client.close()
