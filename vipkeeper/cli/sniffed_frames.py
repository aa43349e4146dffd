"""One frame on the wire as `vipkeeper sniff` shows it, and which frames it shows.

Rules of this file: pure; the field names are a contract with scripts. VRRP is judged by the rules that any
receiver keeps, whatever its configuration. Without a list of VIPs, those are looked after that somebody
advertises.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from vipkeeper.cli.neighbour_frames import Claim, NeighbourFrame, read_neighbour_frame
from vrrp_compat.wire.inspection import ACCEPT, DISCARD, Inspected, inspect_packet
from vrrp_compat.wire.ip_packets import carries_vrrp, read_ip
from vrrp_compat.wire.link_layers import ETHERNET, ip_bytes


class Sniffed(msgspec.Struct, frozen=True, kw_only=True):
    """One frame. None: a frame of this kind has no such thing. `own`: this host sent it."""

    time: str
    kind: str
    sender_mac: str
    sender: str | None = None
    own: bool
    vips: tuple[str, ...] = ()
    at_mac: str | None = None  # where the sender says that the VIP is
    version: int | None = None
    vrid: int | None = None
    priority: int | None = None
    interval_cs: int | None = None
    verdict: str = ACCEPT
    reason: str | None = None


class Heard(msgspec.Struct, frozen=True):
    """What is shown, and what it was made from: an advertisement, or a claim to a watched VIP, or neither."""

    shown: Sniffed
    packet: Inspected | None = None
    claim: Claim | None = None


class Reader:
    """Picks frames and reads them. `vips`: addresses as text in their usual form; none: all advertised."""

    def __init__(self, vips: Iterable[str] = (), key: bytes | None = None) -> None:
        self._only = frozenset(vips)
        self._watched = set(self._only)
        self._key = key

    def read(self, frame: bytes, *, time: str, own: bool) -> Heard | None:
        """None for a frame that is not to be shown."""
        neighbour = read_neighbour_frame(frame)
        if neighbour is not None:
            return self._of_neighbour(neighbour, time, own)
        carried = ip_bytes(ETHERNET, frame)
        packet = None if carried is None else read_ip(carried)
        if packet is None or not carries_vrrp(packet):
            return None
        inspected = inspect_packet(packet, self._key)
        return self._of_router(inspected, frame[6:12].hex(":"), time, own)

    def _of_router(self, packet: Inspected, mac: str, time: str, own: bool) -> Heard | None:
        addresses = packet.addresses or ()
        # What is too broken to say its addresses may be meant for any VIP.
        if self._only and addresses and not self._only & set(addresses):
            return None
        if not self._only and packet.verdict == ACCEPT:
            self._watched.update(addresses)
        shown = Sniffed(
            time=time,
            kind="vrrp",
            sender_mac=mac,
            sender=packet.source,
            own=own,
            vips=addresses,
            version=packet.version,
            vrid=packet.vrid,
            priority=packet.priority,
            interval_cs=packet.interval_cs,
            verdict=packet.verdict,
            reason=packet.reason,
        )
        return Heard(shown, packet=packet)

    def _of_neighbour(self, frame: NeighbourFrame, time: str, own: bool) -> Heard | None:
        claim = frame.claim if frame.claim and frame.claim.address in self._watched else None
        vip = claim.address if claim else frame.asked
        if vip not in self._watched:
            return None
        shown = Sniffed(
            time=time,
            kind=frame.kind,
            sender_mac=frame.sender_mac,
            sender=frame.sender,
            own=own,
            vips=(vip,),
            at_mac=claim.mac if claim else None,
            verdict=DISCARD if frame.reason else ACCEPT,
            reason=frame.reason,
        )
        return Heard(shown, claim=claim)


def line(shown: Sniffed) -> str:
    """For a person."""
    clock = shown.time.partition("T")[2].rstrip("Z")
    words = [clock, f"{shown.kind:<12}", shown.sender_mac, f"{shown.sender or '-':<15}"]
    if shown.kind == "vrrp":
        words.append(_of_vrrp(shown))
    else:
        (vip,) = shown.vips
        words.append(f"{vip} is at {shown.at_mac}" if shown.at_mac else f"who has {vip}?")
    if shown.own:
        words.append("(this host)")
    if shown.verdict == DISCARD:
        words.append(f"DISCARD {shown.reason}")
    return "  ".join(words)


def _of_vrrp(shown: Sniffed) -> str:
    every = "-" if shown.interval_cs is None else f"{shown.interval_cs / 100:g} s"
    leaving = " (leaving)" if shown.priority == 0 else ""
    parts = (
        f"v{_or_dash(shown.version)} VRID {_or_dash(shown.vrid)}",
        f"priority {_or_dash(shown.priority)}{leaving}",
        f"every {every}",
        ", ".join(shown.vips) or "-",
    )
    return "  ".join(parts)


def _or_dash(number: int | None) -> str:
    return "-" if number is None else str(number)
