"""One netlink socket: single requests, dumps, and packed batches with one acknowledgement.

Rules of this file: a request is answered when `send` returns, so nothing here waits for another host. In a
batch only the last message asks for an acknowledgement; refusals are sent by the kernel for any message.
1000 addresses go in with one system call (docs/decisions/0005-netlink.md).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vipkeeper.kernel.netlink_wire import (
    HEADER,
    NLM_F_ACK,
    NLM_F_DUMP,
    NLM_F_DUMP_INTR,
    NLM_F_REQUEST,
    NLMSG_DONE,
    NLMSG_ERROR,
    Message,
    attributes,
    messages,
    pack,
)
from vipkeeper.kernel.refusals import kernel_error

_SOL_NETLINK = 270
_NETLINK_CAP_ACK = 10
_NETLINK_EXT_ACK = 11
_NETLINK_GET_STRICT_CHK = 12
_SO_SNDBUFFORCE = 32
_SO_RCVBUFFORCE = 33
_NLM_F_CAPPED = 0x100
_NLM_F_ACK_TLVS = 0x200
_NLMSGERR_ATTR_MSG = 1

_RECEIVE_BYTES = 1 << 17
_BUFFER_BYTES = 4 << 20
# One datagram is one contiguous kernel allocation; 128 KiB is far below every limit.
_DATAGRAM_BYTES = 128 << 10
# A dump that was disturbed by a change is read again; a table that changes under each of these is in trouble.
_DUMP_ATTEMPTS = 10

CAP_NET_ADMIN = "CAP_NET_ADMIN"


class Answer(NamedTuple):
    """A refusal: error number, and the kernel's explanation if it gave one."""

    number: int
    text: str


class NetlinkSocket:
    """A netlink socket of `protocol` in the namespace in which it is made."""

    def __init__(self, protocol: int) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_CAP_ACK, 1)
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_EXT_ACK, 1)
        self._sequence = 1
        # One buffer for all answers: a new one of this size is mapped and unmapped by each call, which took
        # five times as long as the call itself.
        self._buffer = memoryview(bytearray(_RECEIVE_BYTES))

    def enlarge(self) -> None:
        """Make room for the refusals of a large batch. Raises MissingPrivilege."""
        for option in (_SO_SNDBUFFORCE, _SO_RCVBUFFORCE):
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
            except PermissionError as refused:
                raise kernel_error(
                    refused.errno or 0, "managing addresses", capability=CAP_NET_ADMIN
                ) from refused

    def filter_dumps(self) -> None:
        """From now on the kernel leaves out of a dump what its request does not ask for (Linux 4.20)."""
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_GET_STRICT_CHK, 1)

    def close(self) -> None:
        self._socket.close()

    def request(self, message: Message, doing: str) -> None:
        """Send one message and wait for its acknowledgement.

        Raises KernelRefused or MissingPrivilege; `doing` completes "the kernel refused ...".
        """
        refusals = self.batch([message])
        if refusals:
            number, text = refusals[0]
            raise kernel_error(number, doing, capability=CAP_NET_ADMIN, text=text)

    def ask(self, message: Message, doing: str) -> list[tuple[int, bytes]]:
        """(type, body) of what the kernel says in answer to one message, which is no dump.

        Raises KernelRefused or MissingPrivilege; `doing` completes "the kernel refused ...".
        """
        sequence = self._sequence
        self._sequence += 1
        flags = message.flags | NLM_F_REQUEST | NLM_F_ACK
        self._socket.send(pack(Message(message.kind, flags, message.body), sequence))
        records: list[tuple[int, bytes]] = []
        while True:
            for kind, answer_flags, answered, body in messages(self._receive()):
                if answered != sequence:
                    continue
                if kind != NLMSG_ERROR:
                    records.append((kind, body))
                    continue
                number = -struct.unpack_from("=i", body)[0]
                if number:
                    text = _explanation(answer_flags, body)
                    raise kernel_error(number, doing, capability=CAP_NET_ADMIN, text=text)
                return records

    def batch(self, batch: Sequence[Message]) -> dict[int, Answer]:
        """Send many messages; the refusals, by position. Messages after a refused one are carried out too."""
        refusals: dict[int, Answer] = {}
        start = 0
        while start < len(batch):
            first = self._sequence
            parts: list[bytes] = []
            size = 0
            while start + len(parts) < len(batch) and size < _DATAGRAM_BYTES:
                kind, flags, body = batch[start + len(parts)]
                last = start + len(parts) == len(batch) - 1 or size + len(body) + 64 >= _DATAGRAM_BYTES
                wanted = flags | NLM_F_REQUEST | (NLM_F_ACK if last else 0)
                parts.append(pack(Message(kind, wanted, body), first + len(parts)))
                size += len(parts[-1])
                if last:
                    break
            self._sequence += len(parts)
            self._socket.send(b"".join(parts))
            for position, answer in self._answers(first, len(parts)).items():
                refusals[start + position] = answer
            start += len(parts)
        return refusals

    def transaction(self, begin: Message, batch: Sequence[Message], end: Message) -> dict[int, Answer]:
        """An nfnetlink batch: all of it happens, or nothing. Refusals by position; -1: the whole."""
        first = self._sequence
        self._sequence += len(batch) + 2
        parts = [pack(begin, first)]
        for position, (kind, flags, body) in enumerate(batch, 1):
            wanted = flags | NLM_F_REQUEST | (NLM_F_ACK if position == len(batch) else 0)
            parts.append(pack(Message(kind, wanted, body), first + position))
        parts.append(pack(end, first + len(batch) + 1))
        self._socket.send(b"".join(parts))
        return self._answers(first + 1, len(batch))

    def _receive(self) -> bytes:
        """One datagram."""
        return bytes(self._buffer[: self._socket.recv_into(self._buffer)])

    def _answers(self, first: int, count: int) -> dict[int, Answer]:
        """Read until the last of `count` messages from `first` on, or what opened them, is answered."""
        refusals: dict[int, Answer] = {}
        while True:
            for kind, flags, sequence, body in messages(self._receive()):
                if kind != NLMSG_ERROR or not first - 1 <= sequence < first + count:
                    continue
                number = -struct.unpack_from("=i", body)[0]
                if number:
                    refusals[sequence - first] = Answer(number, _explanation(flags, body))
                if sequence in (first - 1, first + count - 1):
                    return refusals

    def dump(self, kind: int, body: bytes) -> list[tuple[int, bytes]]:
        """(type, body) of every record of one table, read without a change in between.

        Raises KernelRefused or MissingPrivilege.
        """
        for _ in range(_DUMP_ATTEMPTS):
            records, disturbed = self._dump_once(kind, body)
            if not disturbed:
                break
        return records

    def _dump_once(self, kind: int, body: bytes) -> tuple[list[tuple[int, bytes]], bool]:
        sequence = self._sequence
        self._sequence += 1
        self._socket.send(pack(Message(kind, NLM_F_REQUEST | NLM_F_DUMP, body), sequence))
        records: list[tuple[int, bytes]] = []
        disturbed = False
        while True:
            for answer, flags, answered, record in messages(self._receive()):
                if answered != sequence:
                    continue
                disturbed |= bool(flags & NLM_F_DUMP_INTR)
                if answer == NLMSG_ERROR or (answer == NLMSG_DONE and len(record) >= 4):
                    number = -struct.unpack_from("=i", record)[0]
                    if number:
                        raise kernel_error(number, "a reading of its tables", capability=CAP_NET_ADMIN)
                if answer in (NLMSG_ERROR, NLMSG_DONE):
                    return records, disturbed
                records.append((answer, record))


def _explanation(flags: int, body: bytes) -> str:
    """The text of an extended acknowledgement; `body` is error number, then the refused header."""
    if not flags & _NLM_F_ACK_TLVS:
        return ""
    offset = 4 + HEADER.size
    if not flags & _NLM_F_CAPPED:
        offset += max(0, struct.unpack_from("=I", body, 4)[0] - HEADER.size)
    for kind, payload in attributes(body, offset):
        if kind == _NLMSGERR_ATTR_MSG:
            return payload.rstrip(b"\0").decode(errors="replace")
    return ""


def receive_events(listener: socket.socket) -> Iterator[tuple[int, bytes]]:
    """(type, body) of everything that waits in a multicast socket. OSError ENOBUFS: events were lost."""
    while True:
        try:
            data = listener.recv(_RECEIVE_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        for kind, _, _, body in messages(data):
            yield kind, body
