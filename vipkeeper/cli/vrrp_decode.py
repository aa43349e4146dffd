"""`vipkeeper vrrp decode`: a capture or one packet in, one object or row a packet out.

Rules of this file: a packet is shown as soon as it is read, so that a pipe can be followed and a capture that
turns out damaged has shown what was good; what is no VRRP is counted on standard error.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from vipkeeper.model.errors import MalformedInput
from vrrp_compat.wire.captures import Frame, is_capture, read_capture
from vrrp_compat.wire.inspection import Inspected, inspect_packet
from vrrp_compat.wire.ip_packets import carries_vrrp, read_ip
from vrrp_compat.wire.link_layers import ip_bytes
from vrrp_compat.wire.loose_packet import inspect_loose

_MAGIC_BYTES = 4
_MOST_TEXT_BYTES = 1 << 20  # the longest packet has 64 KiB


class Shown(Protocol):
    """Where packets go."""

    def add(self, packet: Inspected) -> None: ...

    def end(self) -> None: ...


def decode(words: Sequence[str], auth_key: str | None, *, as_json: bool) -> int:
    """Shows all packets. Raises MalformedInput, after those that could be read."""
    key = None if auth_key is None else os.fsencode(auth_key)
    shown: Shown = _JsonLines() if as_json else _Table()
    try:
        for packet in _packets(words, key):
            shown.add(packet)
    finally:
        shown.end()
    return 0


class _JsonLines:
    def add(self, packet: Inspected) -> None:
        print(msgspec.json.encode(packet).decode(), flush=True)

    def end(self) -> None:
        pass


class _Table:
    def __init__(self) -> None:
        self._packets: list[Inspected] = []

    def add(self, packet: Inspected) -> None:
        self._packets.append(packet)

    def end(self) -> None:
        if not self._packets:
            return
        from vipkeeper.cli.packet_table import draw_table, explanations, plain_table

        if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
            draw_table(self._packets)
        else:
            print(plain_table(self._packets))
        for line in explanations(self._packets):
            print(f"\n{line}")


def _packets(words: Sequence[str], key: bytes | None) -> Iterator[Inspected]:
    with _opened(words) as file:
        beginning = file.read(_MAGIC_BYTES)
        rest = _Resumed(beginning, file)
        if is_capture(beginning):
            yield from _captured(read_capture(rest), key)
        else:
            yield inspect_loose(_bytes_of(rest.read(_MOST_TEXT_BYTES)), key)


def _opened(words: Sequence[str]) -> contextlib.AbstractContextManager[BinaryIO]:
    """A file that is there, standard input, or the words themselves. Raises MalformedInput."""
    (first, *others) = words
    if first == "-" and not others:
        if sys.stdin is None:
            raise MalformedInput("standard input is closed; give a file or digits")
        return contextlib.nullcontext(sys.stdin.buffer)
    if not others:
        try:
            return Path(first).open("rb")
        except OSError as error:
            # A long row of digits is no file name either.
            if not _is_hexadecimal(first):
                wrong = f"{first} cannot be read: {error.strerror}"
                raise MalformedInput(
                    f"{wrong}; give a pcap file, or a packet as hexadecimal digits"
                ) from None
    return io.BytesIO(" ".join(words).encode(errors="replace"))


class _Resumed:
    """A file whose beginning was read already."""

    def __init__(self, beginning: bytes, file: BinaryIO) -> None:
        self._beginning = beginning
        self._file = file

    def read(self, size: int, /) -> bytes:
        """Raises MalformedInput when the disk does not give it."""
        taken, self._beginning = self._beginning[:size], self._beginning[size:]
        try:
            return taken + self._file.read(size - len(taken))
        except OSError as error:
            raise MalformedInput(
                f"cannot be read on: {error.strerror}; copy the file and try again"
            ) from None


def _captured(frames: Iterator[Frame], key: bytes | None) -> Iterator[Inspected]:
    others = 0
    try:
        for frame in frames:
            found = ip_bytes(frame.link_type, frame.data)
            packet = None if found is None else read_ip(found)
            if packet is None or not carries_vrrp(packet):
                others += 1
            else:
                yield inspect_packet(packet, key, cut=frame.missing > 0)
    finally:
        if others:
            noun = "frame is" if others == 1 else "frames are"
            print(f"vipkeeper: {others} other {noun} no VRRP, and skipped", file=sys.stderr)


def _is_hexadecimal(text: str) -> bool:
    return not text.strip("0123456789abcdefABCDEF: \t\r\n")


def _bytes_of(text: bytes) -> bytes:
    """Raises MalformedInput for what is no row of bytes."""
    try:
        data = bytes.fromhex(text.decode("ascii").replace(":", " "))
    except ValueError:
        wrong = "is neither a capture (pcap, pcapng) nor an even number of digits"
    else:
        if data:
            return data
        wrong = "is empty"
    raise MalformedInput(f"what was given {wrong}; a packet looks like 45c000280001...")
