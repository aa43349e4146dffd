"""A neighbour that asks one address "are you there?" all the time, and knows which question was answered.

Rules of this file: it is known when each question was sent, so an answer proves that the other machine
answered after that instant, however late the answer is read. Two kinds of question: who has this address
(ARP, neighbour solicitation), in the name of a new sender each time; and an echo request with a number.
"""

from __future__ import annotations

import ipaddress
import select
import socket
import threading
import time
from types import TracebackType

from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether

from tests.kernel_segment.segment import INTERFACE, OUR_MAC, PATIENCE_S, THEIR_MAC, Segment
from vipkeeper.agent.clocks import boot_s

INTERVAL_S = 0.008
_ALL_FRAMES = 3  # ETH_P_ALL
_ARP_REPLY = 2
_ECHO_REPLY, _ECHO_REPLY_6, _ADVERTISEMENT = 0, 129, 136
_SENDERS = 32


def settle_neighbours(segment: Segment) -> None:
    """Ours knows the asking machine under all its names.

    It would have to ask for it in a VIP's name otherwise. And it answers nobody for whom it finds no room in
    the table of neighbours, which has 1024 entries for all namespaces, permanent ones not counted.
    """
    names = ["10.9.0.2", "fd09::2"]
    for sender in range(_SENDERS):
        names += [_sender_name(4, sender), _sender_name(6, sender)]
    segment.ours.configure(
        *(f"neigh replace {name} lladdr {THEIR_MAC} nud permanent dev {INTERFACE}" for name in names)
    )


def _sender_name(version: int, sender: int) -> str:
    return f"10.9.128.{sender}" if version == 4 else f"fd09::ff:{sender:x}"


class Prober:
    """Asks from `theirs` while the block runs. Instants are CLOCK_BOOTTIME in seconds."""

    def __init__(self, segment: Segment, address: str) -> None:
        self.address = address
        self._packed = ipaddress.ip_address(address).packed
        self._socket = segment.theirs.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self._socket.bind((INTERFACE, _ALL_FRAMES))
        self._socket.setblocking(False)
        self._asked: dict[tuple[str, int], float] = {}
        self._answered: set[tuple[str, int]] = set()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"prober-{address}")

    def __enter__(self) -> Prober:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()

    def answered_between(self, start_s: float, end_s: float) -> set[str]:
        """Which kinds of question asked in this time were answered."""
        with self._lock:
            return {name[0] for name in self._answered if start_s < self._asked[name] < end_s}

    def assert_all_answered(self, start_s: float, end_s: float) -> None:
        """Wait for the answers to all questions of this time."""
        give_up_s = boot_s() + PATIENCE_S
        while missing := self._unanswered_between(start_s, end_s):
            assert boot_s() < give_up_s, f"asked after so many seconds, and not answered: {missing}"
            time.sleep(0.01)

    def _unanswered_between(self, start_s: float, end_s: float) -> list[tuple[str, float]]:
        with self._lock:
            return [
                (name[0], round(at_s - start_s, 3))
                for name, at_s in self._asked.items()
                if start_s < at_s < end_s and name not in self._answered
            ]

    def wait_until_answered(self) -> None:
        """Until both kinds of question asked from now on have been answered."""
        start_s = boot_s()
        give_up_s = start_s + PATIENCE_S
        while self.answered_between(start_s, give_up_s) != {"who has", "echo"}:
            assert boot_s() < give_up_s, f"nobody answers for {self.address}"
            time.sleep(0.01)

    def wait_until_asked(self, length_s: float) -> float:
        """Until questions have been asked for so long; the instant at which that began."""
        start_s = boot_s()
        give_up_s = start_s + length_s + PATIENCE_S
        while True:
            with self._lock:
                later = sum(at_s > start_s for at_s in self._asked.values())
            if later >= 20 and boot_s() > start_s + length_s:
                return start_s
            assert boot_s() < give_up_s, "nothing is asked"
            time.sleep(0.01)

    def _run(self) -> None:
        number = 0
        while not self._ended.is_set():
            number += 1
            for kind, frame in (("who has", self._who_has(number)), ("echo", self._echo(number))):
                with self._lock:
                    self._asked[kind, number] = boot_s()
                self._socket.send(frame)
            next_s = boot_s() + INTERVAL_S
            while (pause_s := next_s - boot_s()) > 0:
                if select.select([self._socket], [], [], pause_s)[0]:
                    self._hear(number)

    def _who_has(self, number: int) -> bytes:
        sender = number % _SENDERS
        if len(self._packed) == 4:
            return bytes(
                Ether(src=THEIR_MAC, dst="ff:ff:ff:ff:ff:ff")
                / ARP(op="who-has", hwsrc=THEIR_MAC, psrc=_sender_name(4, sender), pdst=self.address)
            )
        group = "ff02::1:ff" + self._packed[-3:].hex()[:2] + ":" + self._packed[-2:].hex()
        return bytes(
            Ether(src=THEIR_MAC, dst="33:33:ff:" + self._packed[-3:].hex(":"))
            / IPv6(src=_sender_name(6, sender), dst=group, hlim=255)
            / ICMPv6ND_NS(tgt=self.address)
            / ICMPv6NDOptSrcLLAddr(lladdr=THEIR_MAC)
        )

    def _echo(self, number: int) -> bytes:
        ethernet = Ether(src=THEIR_MAC, dst=OUR_MAC)
        if len(self._packed) == 4:
            return bytes(ethernet / IP(src="10.9.0.2", dst=self.address) / ICMP(type=8, id=1, seq=number))
        return bytes(ethernet / IPv6(src="fd09::2", dst=self.address) / ICMPv6EchoRequest(id=1, seq=number))

    def _hear(self, last: int) -> None:
        while True:
            try:
                frame = self._socket.recv(256)
            except BlockingIOError:
                return
            name = self._answer(frame, last)
            if name is not None:
                with self._lock:
                    self._answered.add(name)

    def _answer(self, frame: bytes, last: int) -> tuple[str, int] | None:
        """The question that a frame answers."""
        protocol = int.from_bytes(frame[12:14])
        if frame[6:12] != bytes.fromhex(OUR_MAC.replace(":", "")):
            return None
        if protocol == 0x0806 and frame[20:22] == b"\0\x02" and frame[28:32] == self._packed:
            return "who has", _latest(frame[41], last)
        if protocol == 0x0800 and frame[26:30] == self._packed and frame[34] == _ECHO_REPLY:
            return "echo", _latest_16(frame[40:42], last)
        if protocol == 0x86DD and frame[20] == socket.IPPROTO_ICMPV6:
            if frame[54] == _ADVERTISEMENT and frame[62:78] == self._packed and frame[58] & 0x40:
                return "who has", _latest(int.from_bytes(frame[52:54]), last)
            if frame[54] == _ECHO_REPLY_6 and frame[22:38] == self._packed:
                return "echo", _latest_16(frame[60:62], last)
        return None


def _latest(sender: int, last: int) -> int:
    """The last question asked in the name of this sender."""
    return last - (last - sender) % _SENDERS


def _latest_16(number: bytes, last: int) -> int:
    return last - (last - int.from_bytes(number)) % (1 << 16)
