"""A LAN with routers of different makers on it, an observer that knows nothing of them, and their adverts.

Rules of this file: the verdict comes from the observer and from the wire alone, never from a router's word.
Nodes are told by their cable, because a virtual MAC belongs to several of them.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from tests.peers.adverts import Adverts, hear_adverts
from tests.peers.frr import Frr
from tests.peers.keepalived import Keepalived
from tests.peers.vipkeeper import Vipkeeper
from tests.peers.virtual_router import Router, VirtualRouter, running
from vipkeeper.lab.interruption import uninterrupted
from vipkeeper.lab.leftovers import sweep_leftovers
from vipkeeper.lab.namespaces import new_lab_name
from vipkeeper.lab.network import Host, Network, make_network, vip_ipv4, vip_ipv6
from vipkeeper.lab.observer import Observer, now_ns, run_observer
from vipkeeper.lab.run_command import require_for_lab
from vipkeeper.lab.verdicts import DoubleAnswers, Outage, double_answers, longest_outage

VIP4, VIP6 = vip_ipv4(0), vip_ipv6(0)
# For whatever has to happen at some time on a loaded machine.
PATIENCE_S = 20.0

# The owner of an address answers ARP, and a client is served. Frames to each host's own MAC ("udp") would
# accuse FRR's backups: they keep the address on a link without carrier, and Linux delivers to it.
KINDS = ("arp", "client")

Maker = Callable[[Host, VirtualRouter, Path], Router]
MAKERS: dict[str, Maker] = {"keepalived": Keepalived, "frr": Frr, "vipkeeper": Vipkeeper}


@dataclass(frozen=True, slots=True)
class Segment:
    """One lab, used by one set of routers after another."""

    network: Network
    directory: Path
    observer: Observer
    adverts: Adverts
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @contextlib.contextmanager
    def routers(
        self,
        kinds: Sequence[str],
        described: VirtualRouter,
        *,
        priorities: Sequence[int] = (120, 110, 100),
        others: VirtualRouter | None = None,
    ) -> Iterator[list[Router]]:
        """One router a host, none started yet; nothing is left of them when the block ends.

        `others`: what all but the first are told, when that differs.
        """
        directory = self.directory / f"routers{next(self._numbers)}"
        peers = {host.name: host.ipv4 if described.family == 4 else host.ipv6 for host in self.network.hosts}
        made: list[Router] = []
        for kind, host, priority in zip(kinds, self.network.hosts, priorities, strict=False):
            own = replace(others if made and others else described, priority=priority)
            if described.unicast_peers:
                own = replace(
                    own, unicast_peers=tuple(peers[each.name] for each in self.network.hosts if each != host)
                )
            made.append(MAKERS[kind](host, own, directory))
        self.forget()
        with running(made, start=0):
            yield made
        self.observer.wait_until_silent(described.addresses[0], timeout_s=PATIENCE_S)

    def forget(self) -> None:
        """What was observed up to now has been judged; the client has to ask again where a VIP is."""
        self.network.client.namespace.run("ip", "neigh", "flush", "dev", "eth0")
        self.observer.forget_before(now_ns())

    def answered_by(self, vip: str, router: Router, *, kinds: tuple[str, ...] = KINDS) -> None:
        """Wait until this router's host answers. Raises TimeoutError."""
        self.observer.wait_until_answered(vip, by=router.host.name, kinds=kinds, timeout_s=PATIENCE_S)

    def served_by(self, vip: str, router: Router) -> None:
        """Wait until a client is served by this router's host. Raises TimeoutError."""
        self.answered_by(vip, router, kinds=("client",))

    def doubles(self, since_ns: int) -> DoubleAnswers:
        """Proofs since then that two hosts answered at once."""
        found = double_answers(self.observer.recording())
        proofs = tuple(proof for proof in found.proofs if proof.received_ns >= since_ns)
        return DoubleAnswers(proofs, found.undecided, found.rounds)

    def outage(self, vip: str, since_ns: int) -> Outage:
        """The longest one that a client saw since then."""
        return longest_outage(self.observer.recording(), vip, from_ns=since_ns)


@contextlib.contextmanager
def make_segment(*, hosts: int = 3, store_servers: int = 0) -> Iterator[Segment]:
    """A LAN, watched; every process, namespace and file of it is gone afterwards. No store runs yet."""
    require_for_lab("nft", "keepalived", "/usr/lib/frr/vrrpd", "vtysh")
    sweep_leftovers()
    name = new_lab_name()
    stack = contextlib.ExitStack()
    try:
        directory = Path(tempfile.gettempdir()) / name
        directory.mkdir()
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        network = stack.enter_context(make_network(name, hosts=hosts, store_servers=store_servers))
        observer = stack.enter_context(
            run_observer(network, (VIP4, VIP6), directory, interval_ms=5, kinds=KINDS, by_cable=True)
        )
        yield Segment(network, directory, observer, stack.enter_context(hear_adverts(network)))
    finally:
        with uninterrupted():
            stack.close()
