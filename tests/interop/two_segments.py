"""Who answers ARP for a VIP on each of two segments, asked all the time by machines that know nothing else.

Rules of this file: one question every few milliseconds on each segment; an answer counts when it comes; the
verdict comes from answers alone.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.peers.grouped import IN, OUT
from vipkeeper.lab.namespaces import new_lab_name
from vipkeeper.lab.network import Host, Network, Station, make_network

ASK_EVERY_S = 0.004
# An answer so old says nothing about now.
RECENT_S = 0.1
_ARP = struct.Struct("!HHBBH6s4s6s4s")
_ETH_ARP = 0x0806
_BROADCAST = b"\xff" * 6


@dataclass(frozen=True, slots=True)
class Answer:
    at_s: float
    vip: str
    host: str


@dataclass
class TwoSegments:
    """A network with hosts on both segments, and what was answered on each."""

    network: Network
    answers: list[Answer] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, answer: Answer) -> None:
        with self._lock:
            self.answers.append(answer)

    def since(self, since_s: float) -> list[Answer]:
        with self._lock:
            return [answer for answer in self.answers if answer.at_s >= since_s]

    def now(self, vip: str) -> str | None:
        """Who answers for it, if just one does."""
        hosts = {answer.host for answer in self.since(time.monotonic() - RECENT_S) if answer.vip == vip}
        return hosts.pop() if len(hosts) == 1 else None

    def wait_for(self, host: Host, within_s: float = 30.0) -> None:
        """Until it answers for both. Raises TimeoutError."""
        deadline_s = time.monotonic() + within_s
        while (now := (self.now(OUT), self.now(IN))) != (host.name, host.name):
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"answered by {now} instead of {host.name}")
            time.sleep(0.01)

    def owners(self, vip: str, since_s: float) -> list[str]:
        """Who answered for it, in the order in which they began."""
        return list(dict.fromkeys(answer.host for answer in self.since(since_s) if answer.vip == vip))

    def overlap_s(self, vip: str, since_s: float) -> float:
        """For how long a former owner answered after the next one had begun."""
        answers = [answer for answer in self.since(since_s) if answer.vip == vip]
        first = {answer.host: answer.at_s for answer in reversed(answers)}
        last = {answer.host: answer.at_s for answer in answers}
        hosts = sorted(first, key=lambda host: first[host])
        return max((last[one] - first[other] for one, other in itertools.pairwise(hosts)), default=0.0)

    def longest_split_s(self, since_s: float) -> float:
        """For how long at a time one host answered for one VIP and another one for the other."""
        last: dict[str, Answer] = {}
        began_s, longest_s = None, 0.0
        for answer in self.since(since_s):
            last[answer.vip] = answer
            fresh = [one for one in last.values() if answer.at_s - one.at_s < RECENT_S]
            if len({one.host for one in fresh}) > 1:
                began_s = answer.at_s if began_s is None else began_s
                longest_s = max(longest_s, answer.at_s - began_s)
            else:
                began_s = None
        return longest_s

    def outage_s(self, vip: str, since_s: float) -> float:
        """The longest time without an answer."""
        times = [since_s, *(answer.at_s for answer in self.since(since_s) if answer.vip == vip)]
        return max((later - earlier for earlier, later in itertools.pairwise(times)), default=0.0)


@contextlib.contextmanager
def two_segments() -> Iterator[TwoSegments]:
    """Two hosts with a foot on each; all gone when the block ends."""
    with make_network(new_lab_name(), hosts=2, store_servers=1) as network:
        made = TwoSegments(network)
        ended = threading.Event()
        asked = ((network.observer, "eth0", OUT), (network.store_servers[0], "store0", IN))
        threads = [
            threading.Thread(target=_ask, args=(made, station, interface, vip, ended), daemon=True)
            for station, interface, vip in asked
        ]
        for thread in threads:
            thread.start()
        try:
            yield made
        finally:
            ended.set()
            for thread in threads:
                thread.join()


def _ask(made: TwoSegments, station: Station, interface: str, vip: str, ended: threading.Event) -> None:
    names = {_mac_of(host, interface): host.name for host in made.network.hosts}
    own = bytes.fromhex(station.mac.replace(":", ""))
    wanted, sender = socket.inet_aton(vip), socket.inet_aton(station.ipv4)
    question = _BROADCAST + own + struct.pack("!H", _ETH_ARP)
    question += _ARP.pack(1, 0x0800, 6, 4, 1, own, sender, bytes(6), wanted)
    with station.namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_ARP)) as asking:
        asking.bind((interface, _ETH_ARP))
        asking.settimeout(ASK_EVERY_S)
        next_s = time.monotonic()
        while not ended.is_set():
            if time.monotonic() >= next_s:
                next_s = time.monotonic() + ASK_EVERY_S
                asking.send(question)
            with contextlib.suppress(TimeoutError):
                frame = asking.recv(128)
                *_, operation, mac, address, target, _ = _ARP.unpack_from(frame, 14)
                if (operation, address, target) == (2, wanted, own) and mac in names:
                    made.hear(Answer(time.monotonic(), vip, names[mac]))


def _mac_of(host: Host, interface: str) -> bytes:
    text = host.namespace.run("cat", str(Path("/sys/class/net") / interface / "address"))
    return bytes.fromhex(text.strip().replace(":", ""))
