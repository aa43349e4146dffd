"""The observer's own process: every few milliseconds it asks who has each VIP, and writes down who answers.

Rules of this file: it knows MACs, names of hosts and addresses, and nothing of vipkeeper; it writes what it
sent and what it heard and judges nothing (`verdicts.py` does). Times are CLOCK_BOOTTIME in nanoseconds; an
answer's time is the kernel's own stamp of its arrival, so a stalled observer doesn't make an answer late.

Its record is text, one line an event, in the order in which they were noticed:

    T <sequence> <sent> <late> <vip,vip,...>          probes sent; how late this round was; "*" for all VIPs
    A <kind> <vip> <sequence> <who> <received>        an answer, or an announcement (sequence 0)

Run as `python -m vipkeeper.lab.observer_process FILE` with the order as JSON in the file; it prints `ready`
and ends with SIGTERM.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import sys
import time
from pathlib import Path

import msgspec

from vipkeeper.lab import probe_frames
from vipkeeper.lab.namespaces import Namespace

# Linux values; Python 3.11 has no names for them.
_SO_SNDBUFFORCE = 32
_SO_RCVBUFFORCE = 33
_SO_TIMESTAMPNS = 35
_SOL_PACKET = 263
_PACKET_IGNORE_OUTGOING = 23  # else a socket for all protocols sees what its own machine sends
_ETH_ALL = 0x0003
_TIMESPEC = struct.Struct("=qq")
_RECEIVE_BUFFER_BYTES = 8 << 20
_SEND_BUFFER_BYTES = 32 << 20
_WRITE_EVERY_NS = 20_000_000


class ObservedNode(msgspec.Struct, frozen=True):
    name: str
    mac: str
    port: str = ""  # the switch's end of its cable


class ObserverOrder(msgspec.Struct, frozen=True):
    """What to watch, from where, how often."""

    observer_namespace: str
    client_namespace: str
    interface: str
    own_mac: str
    own_ipv4: str
    own_ipv6: str
    vips: tuple[str, ...]
    nodes: tuple[ObservedNode, ...]
    interval_ms: float
    record: str  # file to write
    kinds: tuple[str, ...] = ("arp", "udp", "client")
    vips_per_round: int = 16  # many VIPs are asked in turn, so that a round stays short
    processor: int | None = 0
    # Hear each node at its port of this switch. Whoever answers is then known by the cable and not by the
    # MAC, which nodes may share. Empty: hear them where the probes come from.
    switch_namespace: str = ""


class Prober:
    """Sockets, and one round of probes at a time."""

    def __init__(self, order: ObserverOrder) -> None:
        self._order = order
        self._names = {node.mac: node.name for node in order.nodes}
        self._numbers = {vip: number for number, vip in enumerate(order.vips)}
        self._lines: list[str] = []
        self._written_at = 0
        self._sequence = 0
        self._sent: dict[int, int] = {}  # residue of an ARP probe's number -> its number
        self._record = Path(order.record).open("w")  # noqa: SIM115 (open as long as the process)
        observer, client = Namespace(order.observer_namespace), Namespace(order.client_namespace)
        self._raw = observer.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._raw.bind((order.interface, 0))
        self._ears = self._open_ears(observer)
        self._clients = {
            4: self._client(client, socket.AF_INET),
            6: self._client(client, socket.AF_INET6),
        }
        self._poll = select.poll()
        self._by_number = {each.fileno(): each for each in (*self._ears, *self._clients.values())}
        for number in self._by_number:
            self._poll.register(number, select.POLLIN)
        # The answers are read as frames; without this socket the kernel would answer them with ICMP errors.
        self._deaf = observer.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self._deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        self._deaf.bind(("", probe_frames.PROBE_PORT))

    def _open_ears(self, observer: Namespace) -> dict[socket.socket, str]:
        """Sockets for frames, each with the node whose cable it is on; empty when that is anybody's."""
        order = self._order
        if not order.switch_namespace:
            return {_ear(observer, order.interface, ether_type): "" for ether_type in _ETHER_TYPES}
        # A bridge takes every frame from its ports before a socket for one protocol could see it.
        switch = Namespace(order.switch_namespace)
        return {_ear(switch, node.port, _ETH_ALL): node.name for node in order.nodes}

    def _client(self, client: Namespace, family: int) -> socket.socket:
        opened = client.socket(family, socket.SOCK_DGRAM)
        _prepare(opened)
        # What waits for the MAC of a VIP that nobody has must not keep back the probes for the others.
        opened.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _SEND_BUFFER_BYTES)
        return opened

    def run(self) -> None:
        """Probe until SIGTERM."""
        interval_ns = round(self._order.interval_ms * 1e6)
        turns = self._turns()
        due = _boottime_ns()
        stop_read = _stop_signal()
        self._poll.register(stop_read, select.POLLIN)
        print("ready", flush=True)
        while True:
            now = _boottime_ns()
            if now >= due:
                self._send_round(turns[self._sequence % len(turns)], now - due)
                # After a stall go on from here; a burst of overdue rounds would measure nothing.
                due = max(due + interval_ns, now)
            for number, _ in self._poll.poll(max(0.0, (due - _boottime_ns()) / 1e6)):
                if number == stop_read:
                    self._write()
                    return
                self._listen(self._by_number[number])
            if now - self._written_at > _WRITE_EVERY_NS:
                self._written_at = now
                self._write()

    def _turns(self) -> list[tuple[str, ...]]:
        vips, size = self._order.vips, self._order.vips_per_round
        return [vips[start : start + size] for start in range(0, len(vips), size)]

    def _send_round(self, vips: tuple[str, ...], late_ns: int) -> None:
        order, sequence = self._order, self._sequence
        self._sequence += 1
        self._sent[sequence % probe_frames.PROBE_SENDERS] = sequence
        which = "*" if len(vips) == len(order.vips) else ",".join(str(self._numbers[vip]) for vip in vips)
        self._lines.append(f"T {sequence} {_boottime_ns()} {late_ns} {which}\n")
        for vip in vips:
            # A full queue, a missing route, a link that is down: the probe is lost, and counts as lost.
            with contextlib.suppress(OSError):
                self._send_probes(vip, self._numbers[vip], sequence)

    def _send_probes(self, vip: str, number: int, sequence: int) -> None:
        order = self._order
        if "client" in order.kinds:
            version = 6 if ":" in vip else 4
            payload = probe_frames.probe_payload(number, sequence)
            with contextlib.suppress(OSError):
                self._clients[version].sendto(payload, (vip, probe_frames.ECHO_PORT))
        if "arp" in order.kinds:
            self._raw.send(probe_frames.who_has_frame(vip, sequence, order.own_mac))
        if "udp" in order.kinds:
            own_address = order.own_ipv6 if ":" in vip else order.own_ipv4
            for node in order.nodes:
                self._raw.send(
                    probe_frames.udp_frame(
                        vip,
                        number,
                        sequence,
                        own_mac=order.own_mac,
                        own_address=own_address,
                        node_mac=node.mac,
                    )
                )

    def _listen(self, ear: socket.socket) -> None:
        while True:
            try:
                frame, ancillary, _, _ = ear.recvmsg(2048, 64)
            except BlockingIOError:
                return
            except OSError:  # the interface went down and came back
                return
            received = _received_ns(ancillary)
            if ear in self._ears:
                self._note_frame(frame, received, self._ears[ear])
            else:
                read = probe_frames.read_payload(frame)
                if read is not None:
                    self._note("client", read[0], read[1], read[2], received)

    def _note_frame(self, frame: bytes, received: int, on_cable_of: str) -> None:
        heard = probe_frames.hear(frame)
        if heard is None or heard.address not in self._numbers:
            return
        # ARP tells the number's residue only; without such a probe it answers somebody else's.
        sequence = self._sent.get(heard.sequence) if heard.kind == "arp" else heard.sequence
        if sequence is None:
            return
        who = on_cable_of or self._names.get(heard.who, heard.who)
        self._note(heard.kind, self._numbers[heard.address], sequence, who, received)

    def _note(self, kind: str, vip: int, sequence: int, who: str, received: int) -> None:
        self._lines.append(f"A {kind} {vip} {sequence} {who} {received}\n")

    def _write(self) -> None:
        self._record.write("".join(self._lines))
        self._record.flush()
        self._lines.clear()


_ETHER_TYPES = (probe_frames.ETH_ARP, probe_frames.ETH_IPV4, probe_frames.ETH_IPV6)


def _ear(namespace: Namespace, interface: str, ether_type: int) -> socket.socket:
    """Receives what arrives there, of one protocol or of all."""
    ear = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    _prepare(ear)
    ear.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    ear.bind((interface, ether_type))
    return ear


def _prepare(opened: socket.socket) -> None:
    opened.setblocking(False)
    opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER_BYTES)


def _boottime_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def _received_ns(ancillary: list[tuple[int, int, bytes]]) -> int:
    """The kernel stamps in wall time; moved to CLOCK_BOOTTIME by the difference of the two clocks now."""
    now = _boottime_ns()
    for level, kind, stamp in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = _TIMESPEC.unpack(stamp[: _TIMESPEC.size])
            age: int = time.clock_gettime_ns(time.CLOCK_REALTIME) - seconds * 10**9 - nanoseconds
            return now - age
    return now


def _stop_signal() -> int:
    """A file descriptor that becomes readable at SIGTERM."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGTERM, lambda *_: None)
    return reading


def main(order_file: str) -> None:
    order = msgspec.json.decode(Path(order_file).read_bytes(), type=ObserverOrder)
    if order.processor is not None and order.processor in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {order.processor})
    os.nice(-10)  # a measurement must not wait behind what it measures
    Prober(order).run()


if __name__ == "__main__":
    main(sys.argv[1])
