"""The ports of all virtual routers of this host: one for each interface and IP version.

Rules of this file: what differs between two plans that share an interface is joined; a port that the kernel
took away with its interface is opened anew; each datagram goes to the one router that it is for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec.structs import replace

from vipkeeper.agent.vrrp_plan import RouterPlan
from vipkeeper.agent.vrrp_speaker import Speaker
from vrrp_compat.sockets.segment_port import (
    PortSettings,
    PortUnavailable,
    SegmentPort,
    SegmentPorts,
    SendFailed,
)
from vrrp_compat.wire.advertisement import PROTOCOL_AH, Advertisement, Datagram
from vrrp_compat.wire.authentication_header import AH_BYTES

_Place = tuple[int, str, str]  # IP version, interface heard on, interface sent on
_VRID_AT = 1


class RouterPorts:
    """`hear` gets the name of a router and a datagram for it; `stray`, those of a VRID that is not ours."""

    def __init__(
        self,
        ports: SegmentPorts,
        hear: Callable[[str, Datagram], None],
        stray: Callable[[str, Datagram], None],
    ) -> None:
        self._ports = ports
        self._hear = hear
        self._stray = stray
        self._open: dict[_Place, SegmentPort] = {}
        self._places: dict[str, _Place] = {}
        self._names: dict[tuple[_Place, int], str] = {}

    def want(self, plans: Sequence[RouterPlan]) -> Mapping[str, str]:
        """Open what these need and close the rest; the routers whose port the kernel refuses, and why.

        Raises MissingPrivilege.
        """
        self._places = {plan.unit.name: _place(plan.port) for plan in plans}
        self._names = {(_place(plan.port), plan.router.vrid): plan.unit.name for plan in plans}
        wanted = _joined(plan.port for plan in plans)
        for place in [
            place
            for place, port in self._open.items()
            if wanted.get(place) != port.settings or port.is_stale()
        ]:
            port = self._open.pop(place)
            port.drain()  # what is there was heard in time
            port.close()
        refused: dict[_Place, str] = {}
        for place, settings in wanted.items():
            if place not in self._open:
                opened = self._ports.open(settings, self._receiver(place))
                if isinstance(opened, PortUnavailable):
                    refused[place] = opened.reason
                else:
                    self._open[place] = opened
        return {name: refused[place] for name, place in self._places.items() if place in refused}

    def drain(self) -> None:
        """Hand on what waits: before time is fed to a router."""
        for port in list(self._open.values()):
            port.drain()

    def say(self, speaker: Speaker, advertisement: Advertisement) -> str:
        """Send it to everybody, and count it; else why some did not get it: then it left in time for none."""
        why = ""
        for datagram in speaker.datagrams(advertisement, int(time.time())):
            failed = self._send(speaker.name, datagram)
            if failed is not None:
                why = failed.reason
        if not why:
            speaker.count_sent(advertisement)
        return why

    def _send(self, name: str, datagram: Datagram) -> SendFailed | None:
        port = self._open.get(self._places[name])
        return SendFailed("its port is not open", 0) if port is None else port.send(datagram)

    def close(self) -> None:
        """Hear and send no more."""
        for port in self._open.values():
            port.close()
        self._open.clear()

    def _receiver(self, place: _Place) -> Callable[[str, Datagram], None]:
        def receive(interface: str, datagram: Datagram) -> None:
            at = _VRID_AT + (AH_BYTES if datagram.protocol == PROTOCOL_AH else 0)
            vrid = datagram.payload[at] if len(datagram.payload) > at else 0
            name = self._names.get((place, vrid))
            if name is None:
                self._stray(interface, datagram)
            else:
                self._hear(name, datagram)

        return receive


def _place(settings: PortSettings) -> _Place:
    return (settings.ip_version, settings.interface, settings.send_on)


def _joined(settings: Iterable[PortSettings]) -> dict[_Place, PortSettings]:
    joined: dict[_Place, PortSettings] = {}
    for each in settings:
        place = _place(each)
        other = joined.get(place, each)
        joined[place] = replace(
            other,
            groups=other.groups | each.groups,
            addresses=other.addresses | each.addresses,
            protocols=other.protocols | each.protocols,
        )
    return joined
