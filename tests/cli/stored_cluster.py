"""One cluster in a real etcd, for commands that read and write its records."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.cli.commands import run
from tests.contract.etcd_server import EtcdServer
from vipkeeper.model.records import HistoryRecord, InfoRecord, Keys, VipRecord

# Commands watch a node for the longest lease: 3.5 s with this one.
SHORT = "[lease]\nttl = 0.5\nmax = 0.5\n"


class Cluster:
    """One cluster in a store: its records, and commands on it."""

    def __init__(self, server: EtcdServer, name: str, directory: Path) -> None:
        self._server = server
        self._name = name
        self._config = directory / "vipkeeper.toml"
        self._config.write_text(SHORT)
        self.keys = Keys(name)

    def put(self, key: str, record: msgspec.Struct | bytes) -> None:
        value = record if isinstance(record, bytes) else msgspec.json.encode(record)
        self._server.etcdctl("put", key, value.decode())

    def get(self, key: str) -> str:
        return self._server.etcdctl("get", key, "--print-value-only").stdout.strip()

    def info_of(self, node: str) -> InfoRecord:
        return msgspec.json.decode(self.get(self.keys.info(node)), type=InfoRecord)

    def vip(self, name: str) -> VipRecord:
        return msgspec.json.decode(self.get(self.keys.vip(name)), type=VipRecord)

    def history_of(self, vip: str) -> HistoryRecord:
        return msgspec.json.decode(self.get(self.keys.history(vip)), type=HistoryRecord)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        where = ("--endpoints", self._server.url, "--cluster", self._name, "--config", str(self._config))
        return run(*words, *where)

    @contextlib.contextmanager
    def writes_again_and_again(self, key: str, record: msgspec.Struct) -> Iterator[None]:
        """A node that shows life."""
        done = threading.Event()

        def write() -> None:
            while not done.wait(0.2):
                self.put(key, record)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            yield
        finally:
            done.set()
            writer.join()
