"""Whether this host could serve each unit, told to the election when it changes.

Rules of this file: a unit is unfit while its interface is missing or down, while somebody else's address
stands in its place, while a check of it fails, or for a while after the kernel refused it or others removed
it again and again.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping

from vipkeeper.agent.logs import log
from vipkeeper.election.effects import Holding
from vipkeeper.election.events import Event, FitnessChanged
from vipkeeper.model.host import HostState, Link
from vipkeeper.model.reasons import Reason
from vipkeeper.model.vips import Unit, VipAddress

# After a refusal: long enough for another node to take over and for an operator's log to stay readable.
REFUSED_FOR_S = 10.0
# Something that removes a VIP so often would go on doing so: let another node have it.
REMOVALS_BEFORE_GIVING_UP = 5
REMOVAL_WINDOW_S = 10.0

_Verdict = tuple[Reason | None, str]


class Fitness:
    """The verdict on every unit, from what the host's shell saw last."""

    def __init__(self, units: tuple[Unit, ...], post: Callable[[Event], None]) -> None:
        self._units = units
        self._post = post
        self._told: dict[str, _Verdict] = {}
        self._refused: dict[str, tuple[float, str]] = {}  # until when, and why
        self._removals: dict[str, deque[float]] = {}
        self._foreign: frozenset[VipAddress] = frozenset()
        self._homeless: frozenset[str] = frozenset()  # units of which an interface is missing
        self._checks: Mapping[str, tuple[Reason, str]] = {}
        self.links: Mapping[str, Link] = {}

    def checked(self, failing: Mapping[str, tuple[Reason, str]]) -> None:
        """What tracked things say against these units; nothing against all others."""
        self._checks = failing
        self._tell()

    def reconfigure(self, units: tuple[Unit, ...]) -> None:
        """Other units; what is new is told at the next look."""
        self._units = units
        names = {unit.name for unit in units}
        self._told = {name: verdict for name, verdict in self._told.items() if name in names}
        self._refused = {name: entry for name, entry in self._refused.items() if name in names}

    def look(self, links: Mapping[str, Link], foreign: frozenset[VipAddress], now_s: float) -> frozenset[str]:
        """Judge by a fresh reading; names of links that came up, or got another MAC, since the last one."""
        before = self.links
        self.links = links
        self._foreign = foreign
        self._refused = {name: entry for name, entry in self._refused.items() if entry[0] > now_s}
        self._homeless = frozenset(
            unit.name for unit in self._units if any(vip.interface not in links for vip in unit.addresses)
        )
        self._tell()
        return frozenset(
            name
            for name, link in links.items()
            if link.up and not (name in before and before[name].up and before[name].mac == link.mac)
        )

    def refused(self, addresses: Mapping[VipAddress, str], now_s: float) -> None:
        """The kernel refused these addresses: their units are withdrawn whole."""
        for unit in self._units:
            reasons = [addresses[vip] for vip in unit.addresses if vip in addresses]
            if reasons:
                self._refuse(unit.name, reasons[0], now_s)
        self._tell()

    def all_refused(self, why: str, now_s: float) -> None:
        """The fence cannot be kept: nothing may be served."""
        for unit in self._units:
            self._refuse(unit.name, why, now_s)
        self._tell()

    def removed_by_others(self, addresses: Iterable[VipAddress], now_s: float) -> None:
        """These addresses of ours are gone, though we did not remove them."""
        lost = frozenset(addresses)
        for unit in self._units:
            if lost.isdisjoint(unit.addresses):
                continue
            seen = self._removals.setdefault(unit.name, deque(maxlen=REMOVALS_BEFORE_GIVING_UP))
            seen.append(now_s)
            message = "somebody else removed it; it is put back"
            if len(seen) == REMOVALS_BEFORE_GIVING_UP and now_s - seen[0] < REMOVAL_WINDOW_S:
                message = (
                    f"somebody else removes it again and again ({len(seen)} times in {REMOVAL_WINDOW_S:g} s)"
                )
                self._refuse(unit.name, message, now_s)
                seen.clear()
            log(logging.WARNING, "removed-by-others", message, vip=unit.name)
        self._tell()

    def servable(self, holdings: Mapping[str, Holding]) -> Mapping[str, Holding]:
        """The holdings that the kernel may be asked for: what it refused and what has no interface is not."""
        if not self._refused and not self._homeless:
            return holdings
        left_out = self._refused.keys() | self._homeless
        return {name: holding for name, holding in holdings.items() if name not in left_out}

    def _refuse(self, name: str, why: str, now_s: float) -> None:
        self._refused[name] = (now_s + REFUSED_FOR_S, why)

    def _tell(self) -> None:
        changed: dict[_Verdict, list[str]] = {}
        for unit in self._units:
            verdict = self._judge(unit)
            if self._told.get(unit.name) != verdict or unit.name not in self._told:
                self._told[unit.name] = verdict
                changed.setdefault(verdict, []).append(unit.name)
        for (reason, detail), names in changed.items():
            self._post(FitnessChanged(frozenset(names), reason, detail))

    def _judge(self, unit: Unit) -> _Verdict:
        for vip in unit.addresses:
            link = self.links.get(vip.interface)
            if link is None:
                return Reason.INTERFACE_MISSING, vip.interface
            needed = unit.interfaces_needed is None or vip.interface in unit.interfaces_needed
            if not link.up and needed:
                return Reason.INTERFACE_DOWN, vip.interface
        if unit.name in self._refused:
            return Reason.KERNEL_REFUSED, self._refused[unit.name][1]
        return self._judge_foreign(unit) or self._checks.get(unit.name) or (None, "")

    def _judge_foreign(self, unit: Unit) -> _Verdict | None:
        texts = {vip.address for vip in unit.addresses}
        for vip in self._foreign:
            if vip.address in texts:
                return Reason.KERNEL_REFUSED, (
                    f"{vip.address} is on {vip.interface} already and was not put there by vipkeeper: "
                    f"ip address del {vip.address}/{vip.prefix_length} dev {vip.interface}"
                )
        return None


def lost_addresses(
    served: Iterable[VipAddress], before: HostState, found: HostState, links: Mapping[str, Link]
) -> set[VipAddress]:
    """What stood and is gone. A link that goes takes its addresses along, IPv6 even when it goes down."""
    return {
        vip
        for vip in served
        if vip in before.addresses
        and vip not in found.addresses
        and (link := links.get(vip.interface)) is not None
        and link.up
    }
