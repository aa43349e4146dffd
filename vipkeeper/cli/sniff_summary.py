"""What a while of listening showed: who claims which VIP, who is master, and what cannot both be right.

Rules of this file: pure. A VIP that moves is no conflict: the former owner falls silent. Two owners are told
by one that goes on after the other one spoke. Three rules:

- *two MACs*: two different MACs answer one asker within a second, or one claims the VIP before and again
  after another one did, all within a second;
- *two masters*: a router goes on advertising, without a pause of three of its intervals, after another one
  of the same VRID did; twice at least, because an election of equals may cross once;
- *a shared VRID*: different routers advertise different addresses under one VRID.
"""

from __future__ import annotations

from collections import Counter, deque

import msgspec

from vipkeeper.cli.neighbour_frames import Claim
from vipkeeper.cli.sniffed_frames import Heard
from vrrp_compat.wire.inspection import ACCEPT, Inspected
from vrrp_compat.wire.vrid_census import VridCensus, VridUse, free_vrid

_WINDOW_NS = 1_000_000_000
_CLAIMS_KEPT = 64
_CROSSINGS = 2  # of adverts, that one election may explain: fewer than these


class RouterSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One router of one VRID, by what it said last."""

    vrid: int
    family: int
    version: int
    source: str
    mac: str
    priority: int
    interval_cs: int
    addresses: tuple[str, ...]
    adverts: int
    last: str
    left: bool  # it took leave, with priority 0


class VipSeen(msgspec.Struct, frozen=True):
    """`claims`: how often each MAC was said to have it; `last_at`: the latest of them."""

    vip: str
    claims: dict[str, int]
    last_at: str


class Conflict(msgspec.Struct, frozen=True):
    """`kind`: two-macs, two-masters or shared-vrid."""

    kind: str
    about: str
    text: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The last thing that is shown."""

    kind: str = "summary"
    frames: int
    routers: tuple[RouterSeen, ...]
    vips: tuple[VipSeen, ...]
    discarded: dict[str, int]
    conflicts: tuple[Conflict, ...]
    free_vrid: int | None


class Summariser:
    """Takes in one frame after the other."""

    def __init__(self) -> None:
        self._frames = 0
        self._discarded: Counter[str] = Counter()
        self._census = VridCensus()
        self._routers: dict[tuple[int, int, str], RouterSeen] = {}
        self._masters = _Masters()
        self._claims: dict[str, _Claims] = {}

    def add(self, heard: Heard, at_ns: int) -> None:
        self._frames += 1
        if heard.shown.reason is not None:
            self._discarded[heard.shown.reason] += 1
        if heard.packet is not None:
            self._census.hear(heard.packet)
            if heard.packet.verdict == ACCEPT:
                self._add_advert(heard.packet, heard.shown.sender_mac, heard.shown.time, at_ns)
        if heard.claim is not None:
            self._claims.setdefault(heard.claim.address, _Claims()).add(heard.claim, at_ns)

    def _add_advert(self, packet: Inspected, mac: str, time: str, at_ns: int) -> None:
        source, vrid, interval_cs = packet.source or "", packet.vrid or 0, packet.interval_cs or 0
        family = 6 if ":" in source else 4
        known = self._routers.get((family, vrid, source))
        self._routers[family, vrid, source] = RouterSeen(
            vrid=vrid,
            family=family,
            version=packet.version or 0,
            source=source,
            mac=mac,
            # A leave says nothing of the priority that it has.
            priority=packet.priority or (known.priority if known else 0),
            interval_cs=interval_cs,
            addresses=packet.addresses or (),
            adverts=(known.adverts if known else 0) + 1,
            last=time,
            left=packet.priority == 0,
        )
        self._masters.add((family, vrid), source, packet.priority == 0, interval_cs, at_ns)

    def summary(self) -> Summary:
        uses = self._census.uses()
        return Summary(
            frames=self._frames,
            routers=tuple(self._routers[place] for place in sorted(self._routers)),
            vips=tuple(
                VipSeen(vip, dict(claims.counts), claims.last_at)
                for vip, claims in sorted(self._claims.items())
            ),
            discarded=dict(self._discarded),
            conflicts=(*self._two_macs(), *self._masters.conflicts(), *_shared_vrids(uses)),
            free_vrid=free_vrid(uses) if uses else None,
        )

    def _two_macs(self) -> list[Conflict]:
        return [
            Conflict("two-macs", vip, f"{vip} is claimed by {' and '.join(claims.counts)} at the same time")
            for vip, claims in sorted(self._claims.items())
            if claims.contested
        ]


class _Claims:
    """To one VIP."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.last_at = ""
        self.contested = False
        self._recent: deque[tuple[int, Claim]] = deque(maxlen=_CLAIMS_KEPT)

    def add(self, claim: Claim, at_ns: int) -> None:
        self.counts[claim.mac] += 1
        self.last_at = claim.mac
        recent = [each for since_ns, each in self._recent if at_ns - since_ns <= _WINDOW_NS]
        before = next((place for place, each in enumerate(recent) if each.mac == claim.mac), len(recent))
        between = any(each.mac != claim.mac for each in recent[before:])
        same_question = claim.asker is not None and any(
            each.asker == claim.asker and each.mac != claim.mac for each in recent
        )
        self.contested = self.contested or between or same_question
        self._recent.append((at_ns, claim))


class _Masters:
    """Of all VRIDs."""

    def __init__(self) -> None:
        self._last_ns: dict[tuple[int, int], dict[str, int]] = {}
        self._crossings: dict[tuple[int, int], Counter[tuple[str, str]]] = {}

    def add(self, place: tuple[int, int], source: str, left: bool, interval_cs: int, at_ns: int) -> None:
        last_ns = self._last_ns.setdefault(place, {})
        before_ns = last_ns.get(source)
        if left:
            last_ns.pop(source, None)
            return
        if before_ns is not None and at_ns - before_ns < 3 * interval_cs * 10_000_000:
            crossings = self._crossings.setdefault(place, Counter())
            for other, other_ns in last_ns.items():
                if other != source and other_ns > before_ns:
                    first, second = sorted((source, other))
                    crossings[first, second] += 1
        last_ns[source] = at_ns

    def conflicts(self) -> list[Conflict]:
        return [
            Conflict(
                "two-masters",
                f"VRID {vrid}",
                f"VRID {vrid} (IPv{family}) has two masters at once: {one} and {other}",
            )
            for (family, vrid), crossings in sorted(self._crossings.items())
            for (one, other), count in sorted(crossings.items())
            if count >= _CROSSINGS
        ]


def _shared_vrids(uses: tuple[VridUse, ...]) -> list[Conflict]:
    groups: dict[tuple[int, int], list[VridUse]] = {}
    for use in uses:
        groups.setdefault((use.family, use.vrid), []).append(use)
    return [
        Conflict("shared-vrid", f"VRID {vrid}", "; ".join(str(use) for use in sharing))
        for (_, vrid), sharing in sorted(groups.items())
        if len(sharing) > 1
    ]


def lines(summary: Summary, listened_s: float) -> list[str]:
    """For a person."""
    told = [f"--- {summary.frames} frames in {listened_s:.1f} s"]
    told += [
        f"VRID {router.vrid} IPv{router.family} version {router.version}: {router.source} ({router.mac}), "
        f"priority {router.priority}, every {router.interval_cs / 100:g} s, {router.adverts} adverts"
        + (", left" if router.left else "")
        + f", for {', '.join(router.addresses) or 'no address'}"
        for router in summary.routers
    ]
    told += [
        f"{seen.vip}: last at {seen.last_at}; claims: "
        + ", ".join(f"{count} of {mac}" for mac, count in seen.claims.items())
        for seen in summary.vips
    ]
    told += [f"discarded for {reason}: {count}" for reason, count in sorted(summary.discarded.items())]
    told += [f"CONFLICT {conflict.kind}: {conflict.text}" for conflict in summary.conflicts]
    if not summary.conflicts:
        told.append("no conflict seen")
    elif summary.free_vrid is not None and any(each.kind == "shared-vrid" for each in summary.conflicts):
        told.append(f"VRID {summary.free_vrid} is free on this wire")
    return told
