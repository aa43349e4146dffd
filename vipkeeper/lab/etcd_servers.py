"""Real etcd servers, one or several members, each in its own namespace on the store network.

Rules of this file: the lab asks etcd over its JSON gateway with the standard library, so that what is tested
and what tests it share no client.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vipkeeper.lab.frozen_disk import Disk, make_disk
from vipkeeper.lab.network import Station
from vipkeeper.lab.processes import LabProcess
from vipkeeper.model.errors import StoreUnreachable

CLIENT_PORT = 2379
PEER_PORT = 2380
_POLL_S = 0.05


class EtcdMember:
    """One server. It keeps its data over kill and start."""

    def __init__(self, name: str, server: Station, process: LabProcess, disk: Disk | None) -> None:
        self.name = name
        self.server = server
        self.process = process
        self.disk = disk
        self.endpoint = f"http://{server.ipv4}:{CLIENT_PORT}"

    def request(self, path: str, body: dict[str, Any], timeout_s: float = 2.0) -> dict[str, Any]:
        """Answer of the JSON gateway. Raises StoreUnreachable, also when the answer is not a success."""
        connection = http.client.HTTPConnection(self.server.ipv4, CLIENT_PORT)
        try:
            connection.sock = self.server.namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
            connection.sock.settimeout(timeout_s)
            connection.sock.connect((self.server.ipv4, CLIENT_PORT))
            connection.request("POST", path, json.dumps(body))
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise StoreUnreachable(f"{self.name} does not answer: {error}") from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise StoreUnreachable(f"{self.name} answered {response.status}: {content.decode()}")
        decoded: dict[str, Any] = json.loads(content)
        return decoded

    def serves(self) -> bool:
        """Whether it answers what only a member with a leader can: a linearizable read."""
        if not self.process.is_running():
            return False
        try:
            self.request("/v3/kv/range", {"key": _base64(b"/")}, timeout_s=0.5)
        except StoreUnreachable:
            return False
        return True

    def is_leader(self) -> bool:
        """By its own word; False too when it does not answer or there is no leader."""
        if not self.process.is_running():
            return False
        try:
            status = self.request("/v3/maintenance/status", {}, timeout_s=0.5)
        except StoreUnreachable:
            return False
        return bool(status.get("leader")) and status["leader"] == status["header"]["member_id"]


class EtcdCluster:
    """All members. Keys are read linearizably from whichever member answers."""

    backend = "etcd"

    def __init__(self, members: tuple[EtcdMember, ...]) -> None:
        self.members = members
        self.endpoints = tuple(member.endpoint for member in members)

    def leader(self, timeout_s: float = 20.0) -> EtcdMember:
        """The member that says it leads. Raises StoreUnreachable when there is none for so long."""
        deadline = time.monotonic() + timeout_s
        while True:
            for member in self.members:
                if member.is_leader():
                    return member
            if time.monotonic() > deadline:
                ends = "\n".join(f"{member.name}: {member.process.log_end(3)}" for member in self.members)
                raise StoreUnreachable(f"no etcd member leads after {timeout_s:g} s\n{ends}")
            time.sleep(_POLL_S)

    def read(self, prefix: str) -> tuple[int, dict[str, bytes]]:
        """Revision and all keys that begin with `prefix`. Raises StoreUnreachable."""
        start = prefix.encode()
        body = {"key": _base64(start), "range_end": _base64(start[:-1] + bytes([start[-1] + 1]))}
        answer = self._ask_any("/v3/kv/range", body)
        pairs = {
            base64.b64decode(pair["key"]).decode(): base64.b64decode(pair["value"])
            for pair in answer.get("kvs", ())
        }
        return int(answer["header"]["revision"]), pairs

    def _ask_any(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        said = []
        for member in self.members:
            try:
                return member.request(path, body)
            except StoreUnreachable as error:
                said.append(str(error))
        raise StoreUnreachable("; ".join(said))

    def stop(self) -> None:
        """End every member; frozen disks are thawed first, or the processes could not end."""
        for member in self.members:
            if member.disk is not None:
                member.disk.thaw()
        for member in self.members:
            member.process.stop()


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@contextlib.contextmanager
def run_etcd(
    servers: tuple[Station, ...], directory: Path, *, freezable_wal: bool = False
) -> Iterator[EtcdCluster]:
    """A cluster that has a leader; stopped when the block ends.

    With `freezable_wal` each member writes its log to a disk of its own (`member.disk`).
    """
    names = [f"etcd{number}" for number in range(1, len(servers) + 1)]
    peers = ",".join(
        f"{name}=http://{server.ipv4}:{PEER_PORT}" for name, server in zip(names, servers, strict=True)
    )
    with contextlib.ExitStack() as stack:
        members = []
        for name, server in zip(names, servers, strict=True):
            home = directory / name
            home.mkdir(parents=True)
            disk = stack.enter_context(make_disk(home)) if freezable_wal else None
            arguments = _etcd_arguments(name, server, home, peers, disk)
            process = LabProcess(name, arguments, log=directory / f"{name}.log", namespace=server.namespace)
            members.append(EtcdMember(name, server, process, disk))
        cluster = EtcdCluster(tuple(members))
        try:
            for member in members:
                member.process.start()
            cluster.leader()
            yield cluster
        finally:
            cluster.stop()


def _etcd_arguments(name: str, server: Station, home: Path, peers: str, disk: Disk | None) -> tuple[str, ...]:
    client_url = f"http://{server.ipv4}:{CLIENT_PORT}"
    peer_url = f"http://{server.ipv4}:{PEER_PORT}"
    wal = () if disk is None else ("--wal-dir", str(disk.mount_point / "wal"))
    return (
        "etcd",
        *("--name", name),
        *("--data-dir", str(home / "data")),
        *wal,
        *("--listen-client-urls", client_url),
        *("--advertise-client-urls", client_url),
        *("--listen-peer-urls", peer_url),
        *("--initial-advertise-peer-urls", peer_url),
        *("--initial-cluster", peers),
        *("--initial-cluster-state", "new"),
        *("--logger", "zap"),
        *("--log-level", "warn"),
    )
