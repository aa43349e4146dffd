"""What an operator is told of the other routers on the wire: what was discarded, and VRIDs used twice.

Rules of this file: a peer can cause lines as fast as it can send, so the same one is told once a minute, with
how often it happened; what is remembered is bounded by the number of VRIDs.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable

from vipkeeper.agent.logs import log
from vipkeeper.agent.vrrp_speaker import Speaker
from vrrp_compat.wire.advertisement import Datagram
from vrrp_compat.wire.discards import Discard, DiscardReason
from vrrp_compat.wire.inspection import inspect_packet
from vrrp_compat.wire.ip_packets import IpPacket
from vrrp_compat.wire.receiving import Accepted, Note
from vrrp_compat.wire.vrid_census import VridCensus, VridUse, taken_message, used_by_others

TOLD_EVERY_S = 60.0
_MOST_TOLD = 1024  # more kinds of lines than any honest segment causes

_NOTES = {
    Note.FIRST_NOT_LINK_LOCAL: "its first address is not link-local (RFC 9568 5.2.9); it is believed even so",
}

# A group of others that happens to have our number may differ in any of these first.
_OF_OTHER_GROUPS = frozenset(
    {
        *(DiscardReason.VERSION, DiscardReason.AUTH_TYPE, DiscardReason.AUTH_PASSWORD),
        *(DiscardReason.INTERVAL, DiscardReason.ADDRESSES, DiscardReason.SOURCE),
    }
)
_VRID_TAKEN = "vrid-taken"


class Neighbours:
    """One host. `clock` is CLOCK_BOOTTIME in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told: dict[tuple[str, str], tuple[float, int]] = {}  # when told last, and how often since
        self._strays: dict[tuple[int, int], Datagram] = {}  # by address length and VRID: the last one heard

    def stray(self, _interface: str, datagram: Datagram) -> None:
        """One of a VRID that nobody here has: remembered, so that a free number can be named."""
        vrid = inspect_packet(IpPacket(datagram)).vrid
        if vrid:
            self._strays[len(datagram.source), vrid] = datagram

    def counted(self, router: Speaker, uses: tuple[VridUse, ...]) -> None:
        """Who was heard on its interface by somebody who listens to everything."""
        others = used_by_others(uses, router.plan.router.vrid, _texts(router))
        if others:
            said = taken_message(others, uses)
            router.twins = (said, self._clock())
            self._tell("vrrp-neighbour", router, others[0].sources[0], _VRID_TAKEN, said)

    def judge(self, router: Speaker, datagram: Datagram) -> Accepted | None:
        """What a router of ours may act upon; None for what must change nothing."""
        verdict = router.judge(datagram)
        if isinstance(verdict, Discard):
            self._discarded(router, datagram, verdict)
            return None
        self._accepted(router, datagram, verdict)
        return verdict

    def _discarded(self, router: Speaker, datagram: Datagram, why: Discard) -> None:
        """It changed nothing, and was counted."""
        said = f"{why.detail}; {why.reason.explained}" if why.detail else why.reason.explained
        if why.reason in _OF_OTHER_GROUPS:
            said = self._census(router, datagram) or said
        self._tell("discarded", router, _text(datagram.source), why.reason.value, said)

    def _accepted(self, router: Speaker, datagram: Datagram, verdict: Accepted) -> None:
        """It counts, but may be odd."""
        for note in verdict.notes:
            said = self._census(router, datagram) if note is Note.ADDRESSES_DIFFER else _NOTES[note]
            if said:
                self._tell("vrrp-neighbour", router, _text(datagram.source), note.value, said)

    def _census(self, router: Speaker, datagram: Datagram) -> str:
        """Who uses our VRID for what, and which number is free."""
        census = VridCensus()
        for heard in (*self._strays.values(), datagram):
            census.hear(inspect_packet(IpPacket(heard)))
        others = used_by_others(census.uses(), router.plan.router.vrid, _texts(router))
        if not others:
            return ""
        said = taken_message(others, census.uses())
        router.twins = (said, self._clock())
        return said

    def _tell(self, event: str, router: Speaker, source: str, reason: str, said: str) -> None:
        now_s = self._clock()
        if len(self._told) > _MOST_TOLD:
            self._told.clear()
        told_s, unsaid = self._told.get((router.name + source, reason), (float("-inf"), 0))
        if now_s - told_s < TOLD_EVERY_S:
            self._told[router.name + source, reason] = (told_s, unsaid + 1)
            return
        self._told[router.name + source, reason] = (now_s, 0)
        log(
            logging.WARNING,
            event,
            said,
            vip=router.name,
            reason=reason,
            source=source,
            more_since=unsaid or None,
        )


def _texts(router: Speaker) -> list[str]:
    return [_text(packed) for packed in router.plan.router.addresses]


def _text(packed: bytes) -> str:
    return str(ipaddress.ip_address(packed))
