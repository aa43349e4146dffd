"""Watches etcd over its JSON gateway and notes when each write became visible; an independent client."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from vipkeeper.lab.etcd_servers import CLIENT_PORT, EtcdMember
from vipkeeper.lab.observer import now_ns


@dataclass(frozen=True, slots=True)
class Write:
    key: str
    revision: int
    seen_ns: int


@dataclass(slots=True)
class StoreWatch:
    """Writes below /vipkeeper/ in the order in which they were seen."""

    writes: list[Write] = field(default_factory=list)

    def between(self, start_ns: int, end_ns: int) -> list[Write]:
        return [write for write in list(self.writes) if start_ns <= write.seen_ns <= end_ns]


@contextlib.contextmanager
def watch_store(member: EtcdMember) -> Iterator[StoreWatch]:
    """Watch from now until the block ends."""
    watch = StoreWatch()
    connection = http.client.HTTPConnection(member.server.ipv4, CLIENT_PORT)
    connection.sock = member.server.namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
    connection.sock.connect((member.server.ipv4, CLIENT_PORT))
    order = {"create_request": {"key": _encode("/vipkeeper/"), "range_end": _encode("/vipkeeper0")}}
    connection.request("POST", "/v3/watch", json.dumps(order))
    response = connection.getresponse()
    response.readline()  # says that the watch is made
    sock = connection.sock

    def read() -> None:
        # The end of the block cuts the connection in the middle of the stream.
        with contextlib.suppress(OSError, http.client.HTTPException):
            while line := response.readline():
                watch.writes.extend(_writes(line, now_ns()))

    reader = threading.Thread(target=read, name="store-watch")
    reader.start()
    try:
        yield watch
    finally:
        sock.shutdown(socket.SHUT_RDWR)
        reader.join()
        response.close()
        connection.close()


def _writes(line: bytes, seen_ns: int) -> Iterator[Write]:
    for event in json.loads(line)["result"].get("events", ()):
        pair = event["kv"]
        yield Write(base64.b64decode(pair["key"]).decode(), int(pair["mod_revision"]), seen_ns)


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
