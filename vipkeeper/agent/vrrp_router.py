"""One virtual router at work: its decisions, what it accepts, how it speaks, and what it has counted.

Rules of this file: it carries nothing out; the shell sends, and brings the kernel in line.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

from vipkeeper.agent.vrrp_plan import RouterPlan
from vrrp_compat.router.machine import VirtualRouter
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.states import State
from vrrp_compat.wire.advertisement import FULL_TTL, PRIORITY_LEAVING, PROTOCOL_VRRP, Advertisement, Datagram
from vrrp_compat.wire.ah_sequence import AhSequence
from vrrp_compat.wire.authentication import AuthKind
from vrrp_compat.wire.discards import Discard, DiscardReason
from vrrp_compat.wire.ipv4_datagram import IPV4_BYTES, write_ipv4
from vrrp_compat.wire.message import write_message
from vrrp_compat.wire.receiving import Accepted, receive

# Identifications of IPv4 datagrams: 0 would be filled in by the kernel, which AH does not survive.
_identifications = itertools.cycle(range(1, 0x10000))


class RouterAtWork:
    """One VIP. `unfit_host`: why the kernel's side cannot serve it."""

    def __init__(self, plan: RouterPlan, sequence: AhSequence) -> None:
        self.plan = plan
        self.machine = VirtualRouter(plan.router)
        self.sequence = sequence
        self.unfit_host: tuple[RouterReason, str] | None = (RouterReason.STARTING, "")
        self.refused_port = ""
        self.told_unfit: tuple[RouterReason, str] | None = None
        self.ended = False
        self.last_state = State.INITIALIZE  # as logged
        self.held_until_s: float | None = None  # what the kernel was told
        self.in_kernel = False  # told so, and its absence not confirmed since
        self.sent = 0
        self.sent_leaving = 0
        self.received = 0
        self.received_leaving = 0
        self.became_master = 0
        self.twins: tuple[str, float] | None = None  # who uses its VRID for something else, and when heard
        self.discards: Counter[DiscardReason] = Counter()

    @property
    def name(self) -> str:
        return self.plan.unit.name

    @property
    def unfit(self) -> tuple[RouterReason, str] | None:
        """Why this host cannot serve it now."""
        if self.unfit_host is not None:
            return self.unfit_host
        if self.plan.lacks is not None:
            return self.plan.lacks
        return (RouterReason.PORT_UNAVAILABLE, self.refused_port) if self.refused_port else None

    def judge(self, datagram: Datagram) -> Accepted | Discard:
        """Whether it counts; counted either way."""
        verdict = receive(datagram, self.plan.expected, self.sequence)
        if isinstance(verdict, Discard):
            self.discards[verdict.reason] += 1
        else:
            self.received += 1
            self.received_leaving += verdict.advertisement.priority == PRIORITY_LEAVING
        return verdict

    def datagrams(self, advertisement: Advertisement, unix_time_s: int) -> Iterator[Datagram]:
        """One for each destination; with AH all share one number."""
        plan = self.plan
        source, version = plan.router.address, plan.port.ip_version
        identification = next(_identifications)
        with_ah = plan.authentication.kind is AuthKind.AH
        number = self.sequence.next(unix_time_s) if with_ah else 0
        for destination in plan.destinations:
            if version == 6:
                payload = write_message(advertisement, source, destination)
                yield Datagram(source, destination, FULL_TTL, PROTOCOL_VRRP, payload)
                continue
            packet = write_ipv4(
                advertisement,
                source,
                destination,
                identification=identification,
                authentication=plan.authentication,
                sequence=number,
                rule=plan.rule,
            )
            header = packet[:IPV4_BYTES]
            yield Datagram(source, destination, FULL_TTL, header[9], packet[IPV4_BYTES:], header)

    def count_sent(self, advertisement: Advertisement) -> None:
        """It left."""
        self.sent += 1
        self.sent_leaving += advertisement.priority == PRIORITY_LEAVING
