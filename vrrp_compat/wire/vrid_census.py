"""Which virtual routers are on a wire, by what was heard of them, and which VRID is still free.

Rules of this file: whoever sends something whole with a VRID uses it, even if receivers discard it. One VRID
with two sets of addresses is two uses, because that is two groups of routers that disturb each other. IPv4
and IPv6 are apart: RFC 9568 5.2.3 counts VRIDs by family, and so do the virtual MACs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from vrrp_compat.wire.discards import DiscardReason
from vrrp_compat.wire.inspection import Inspected

FIRST_VRID, LAST_VRID = 1, 255

_Kind = TypeVar("_Kind")
_DAMAGED = frozenset(
    reason.value
    for reason in (
        *(DiscardReason.FRAGMENT, DiscardReason.INCOMPLETE, DiscardReason.LENGTH),
        *(DiscardReason.VERSION, DiscardReason.TYPE, DiscardReason.CHECKSUM),
    )
)


class VridUse(msgspec.Struct, frozen=True):
    """One VRID, as used for one set of addresses. Texts in the order of their first appearance."""

    vrid: int
    family: int  # 4 or 6
    addresses: tuple[str, ...]
    sources: tuple[str, ...]
    versions: tuple[int, ...]
    highest_priority: int
    adverts: int

    def __str__(self) -> str:
        versions = " and ".join(str(version) for version in self.versions)
        named = f"VRID {self.vrid} (IPv{self.family}, version {versions})"
        return f"{named} is used by {_listed(self.sources)} for {_listed(self.addresses)}"


class VridCensus:
    """Counts what is heard. Ask it at any time."""

    def __init__(self) -> None:
        self._uses: dict[tuple[int, int, frozenset[str]], VridUse] = {}

    def hear(self, packet: Inspected) -> None:
        """Take one packet into account; what is too damaged to be believed counts for nothing."""
        vrid, source = packet.vrid, packet.source
        if vrid is None or source is None or not FIRST_VRID <= vrid <= LAST_VRID:
            return
        if packet.reason in _DAMAGED:
            return
        family = 6 if ":" in source else 4
        addresses = packet.addresses or ()
        place = (family, vrid, frozenset(addresses))
        known = self._uses.get(place) or VridUse(vrid, family, addresses, (), (), 0, 0)
        self._uses[place] = VridUse(
            vrid=vrid,
            family=family,
            addresses=known.addresses,
            sources=_with(known.sources, source),
            versions=_with(known.versions, packet.version or 0),
            highest_priority=max(known.highest_priority, packet.priority or 0),
            adverts=known.adverts + 1,
        )

    def uses(self) -> tuple[VridUse, ...]:
        """All of them, by family and number."""
        return tuple(sorted(self._uses.values(), key=lambda use: (use.family, use.vrid, use.addresses)))


def used_by_others(uses: Iterable[VridUse], vrid: int, addresses: Iterable[str]) -> tuple[VridUse, ...]:
    """Uses of this VRID for anything else than these addresses (as text; of one family).

    The same set of addresses is our own group. Another set is another group, or a neighbour of ours whose
    configuration differs: either way somebody has to look.
    """
    ours = frozenset(addresses)
    family = 6 if any(":" in address for address in ours) else 4
    return tuple(
        use for use in uses if (use.family, use.vrid) == (family, vrid) and frozenset(use.addresses) != ours
    )


def free_vrid(uses: Iterable[VridUse], wanted: int = FIRST_VRID) -> int | None:
    """The next VRID from the wanted one on that nobody uses in either family; None if there is none."""
    taken = {use.vrid for use in uses}
    in_turn = (*range(wanted, LAST_VRID + 1), *range(FIRST_VRID, wanted))
    return next((vrid for vrid in in_turn if vrid not in taken), None)


def taken_message(others: Iterable[VridUse], uses: Iterable[VridUse]) -> str:
    """What an operator is told whose VRID others use. `uses` is all that was heard."""
    said = "; ".join(str(use) for use in others)
    vrid = next((use.vrid for use in others), FIRST_VRID)
    free = free_vrid(uses, vrid)
    advice = f"VRID {free} is free on this wire" if free else "no VRID is free on this wire"
    rule = "all routers of one group need the same addresses, and each group a VRID of its own"
    return f"{said}: {rule}; {advice}"


def _with(known: tuple[_Kind, ...], one: _Kind) -> tuple[_Kind, ...]:
    return known if one in known else (*known, one)


def _listed(texts: tuple[str, ...]) -> str:
    return ", ".join(texts) or "no address"
