"""One VIP that speaks VRRP: what it accepts, how it speaks, and what it has counted.

Rules of this file: it decides nothing and sends nothing. Who decides is a subclass's: VRRP itself
(`vrrp_router.py`), or a store whose owner announces itself (`vrrp_announcer.py`).
"""

from __future__ import annotations

import abc
import itertools
import logging
from collections import Counter
from collections.abc import Iterator

from vipkeeper.agent.logs import log
from vipkeeper.agent.vrrp_plan import RouterPlan
from vrrp_compat.router.effects import Decided, Noticed, RouterStatus
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.states import State
from vrrp_compat.wire.advertisement import PRIORITY_LEAVING, PROTOCOL_VRRP, Advertisement, Datagram
from vrrp_compat.wire.ah_sequence import AhSequence
from vrrp_compat.wire.authentication import AuthKind
from vrrp_compat.wire.discards import Discard, DiscardReason
from vrrp_compat.wire.ipv4_datagram import IPV4_BYTES, write_ipv4
from vrrp_compat.wire.message import write_message
from vrrp_compat.wire.receiving import Accepted, receive

# Identifications of IPv4 datagrams: 0 would be filled in by the kernel, which AH does not survive.
_identifications = itertools.cycle(range(1, 0x10000))


class Speaker(abc.ABC):
    """One VIP. `refused_port`: why the kernel does not let it speak, if so."""

    def __init__(self, plan: RouterPlan, sequence: AhSequence) -> None:
        self.plan = plan
        self.sequence = sequence
        self.refused_port = ""
        self.last_state = State.INITIALIZE  # as logged
        self.sent = 0
        self.sent_leaving = 0
        self.received = 0
        self.received_leaving = 0
        self.became_master = 0
        self.twins: tuple[str, float] | None = None  # who uses its VRID for something else, and when heard
        self.discards: Counter[DiscardReason] = Counter()

    @abc.abstractmethod
    def status(self, now_s: float) -> RouterStatus:
        """Where it stands, and why."""

    @property
    def name(self) -> str:
        return self.plan.unit.name

    @property
    def weights(self) -> str:
        """For people: what makes up its priority; "": it is as configured."""
        return ""

    @property
    def mute(self) -> tuple[RouterReason, str] | None:
        """Why it cannot speak now."""
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
                yield Datagram(source, destination, plan.ttl, PROTOCOL_VRRP, payload)
                continue
            packet = write_ipv4(
                advertisement,
                source,
                destination,
                identification=identification,
                ttl=plan.ttl,
                authentication=plan.authentication,
                sequence=number,
                rule=plan.rule,
            )
            header = packet[:IPV4_BYTES]
            yield Datagram(source, destination, plan.ttl, header[9], packet[IPV4_BYTES:], header)

    def count_sent(self, advertisement: Advertisement) -> None:
        """It left."""
        self.sent += 1
        self.sent_leaving += advertisement.priority == PRIORITY_LEAVING

    def tell(self, effect: Decided | Noticed) -> None:
        """Log it, one line; what is decided is counted."""
        level, event = logging.WARNING, "notice"
        if isinstance(effect, Decided):
            level, event = logging.INFO, effect.state.value.lower()
            self.became_master += effect.state is State.MASTER and self.last_state is not State.MASTER
            self.last_state = effect.state
        reason = effect.reason
        log(level, event, reason.explained, vip=self.name, reason=reason.value, detail=effect.detail)
