"""Keeps the kernel at what the election holds, and tells the election what the kernel can do.

Rules of this file: level-triggered; what stands is known from our own acknowledged changes and from fresh
readings; nothing is reported as withdrawn that a fresh reading still shows; the clock is looked at again
after everything that may have taken time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Set

from vipkeeper.agent.fitness import Fitness, lost_addresses
from vipkeeper.agent.logs import log
from vipkeeper.changes.change_kinds import AddAddresses, RemoveAddresses, after
from vipkeeper.changes.plan import plan
from vipkeeper.desired.announcing import Announcing
from vipkeeper.desired.wanted_host import answers_until_s, served_until_s, still_stands, wanted_host
from vipkeeper.election.effects import Holding
from vipkeeper.election.events import ConflictHeard, Event, KernelAdoptable, Withdrawn
from vipkeeper.kernel.host_network import ForeignAnnouncement, HostEvent, HostNetwork, KernelChanged
from vipkeeper.model.address_options import AddressSettings
from vipkeeper.model.errors import KernelRefused
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.host import FenceInForce, HostState, Link
from vipkeeper.model.vips import Unit, VipAddress

# Everything is read again this often although the kernel tells of each change; only of the loss of an
# nftables table it does not tell us. A look takes about 1 ms.
LOOK_INTERVAL_S = {FenceKind.BPF: 5.0, FenceKind.NFTABLES: 1.0, FenceKind.LIFETIME: 5.0}

_PLAIN_ADDRESSES = AddressSettings()


class HostShell:
    """One host. `post` takes events for who decides; `clock` is CLOCK_BOOTTIME in seconds.

    `looked` hears of each fresh reading of the links, `stands` which addresses of ours there are, by text,
    and `comes` which there are to be, before the kernel is asked for them.
    """

    def __init__(
        self,
        host: HostNetwork,
        units: tuple[Unit, ...],
        post: Callable[[Event], None],
        *,
        allowed: tuple[FenceKind, ...],
        clock: Callable[[], float],
        looked: Callable[[Mapping[str, Link]], None] = lambda _links: None,
        comes: Callable[[Set[str]], None] = lambda _addresses: None,
        stands: Callable[[Set[str]], None] = lambda _addresses: None,
        settings: AddressSettings = _PLAIN_ADDRESSES,
    ) -> None:
        self._host = host
        self._units = self._configured = units
        self._former: list[Unit] = []  # configured no more, and held
        self._post = post
        self._allowed = allowed
        self._clock = clock
        self._looked = looked
        self._comes, self._stands = comes, stands
        self._told_standing: Set[VipAddress] | None = None
        self._settings = settings
        self._fence = FenceInForce(FenceKind.LIFETIME)
        self._standing = HostState()
        self._holdings: Mapping[str, Holding] = {}
        self._placed: dict[str, set[VipAddress]] = {}  # every address a unit may have in the kernel
        self.fitness = self._fitness = Fitness(units, post)  # tracked things tell it too
        self._announcing = Announcing(settings)
        self._schedule = self._announcing.schedule
        self._awake = asyncio.Event()
        self._changed = False
        self._watch_due = False

    def start(self) -> FenceKind:
        """Put a fence in force, adopt what may stay, remove the rest. Raises VipkeeperError."""
        self._fence = self._host.choose_fence(self._allowed)
        reading = self._host.read()
        self._standing = reading.state
        now_s = self._clock()
        adoptable = {
            unit.name: Holding(None)
            for unit in self._units
            if all(still_stands(vip, self._standing, self._fence.kind, now_s) for vip in unit.addresses)
        }
        links = self._host.links()
        self._fitness.look(links, reading.foreign, now_s)
        self._looked(links)
        self.want(adoptable)
        if adoptable:
            self._post(KernelAdoptable(frozenset(adoptable)))
        self._host.listen(self._hear)
        return self._fence.kind

    def adoptable_until_s(self, name: str) -> float | None:
        """Until when the kernel answers for all of a unit by itself; None if not for all of it now."""
        now_s = self._clock()
        vips = [vip for unit in self._units if unit.name == name for vip in unit.addresses]
        if not vips or not all(still_stands(vip, self._standing, self._fence.kind, now_s) for vip in vips):
            return None
        return min(answers_until_s(vip, self._standing, self._fence.kind) for vip in vips)

    def settled(self, served: Collection[str], gone: Collection[str]) -> set[str]:
        """Those to be served of which every address stands; those to be gone, as a reading has shown."""
        units = [unit for unit in self._units if unit.name in served and unit.name in self._holdings]
        standing = self._standing.addresses
        stand = {unit.name for unit in units if all(vip in standing for vip in unit.addresses)}
        return stand | {name for name in gone if name not in self._placed}

    def holds(self, name: str) -> bool:
        """Whether the kernel answers for the unit, or did when the agent started and may go on."""
        return name in self._holdings

    def announce_every(self, refresh_s: float) -> None:
        """How often to say what has been said several times already; from the next time on."""
        self._schedule.refresh_s = refresh_s

    def announce_again(self, name: str) -> None:
        """Begin the announcements of a unit anew: clients may have learnt somebody else's address."""
        vips = [vip for unit in self._units if unit.name == name for vip in unit.addresses]
        self._announcing.lesser_heard(vips, self._clock())
        self._awake.set()

    def take_settings(self, settings: AddressSettings) -> None:
        """How addresses look and are announced from now on; those that look otherwise are added anew soon."""
        self._settings = settings
        self._announcing.take(settings, self._clock())
        self._changed = True
        self._awake.set()

    def fence(self) -> FenceKind:
        """The fence in force."""
        return self._fence.kind

    def fence_note(self) -> str:
        """Why no stronger fence is in force, or what an earlier process left and could not be kept."""
        return self._fence.note

    def reconfigure(self, units: tuple[Unit, ...]) -> None:
        """Other units from now on. Units that have moved must not be held any more.

        One that is gone but held goes when it is held no more: its addresses may be another unit's by then.
        """
        left = self._holdings.keys() - {unit.name for unit in units}
        self._former = [unit for unit in self._units if unit.name in left]
        self._configured = units
        self._take_units()
        self._announcing.keep_only(vip for unit in self._units for vip in unit.addresses)
        self._look()
        self._awake.set()  # links that came up are announced again

    def want(self, holdings: Mapping[str, Holding]) -> None:
        """Bring the kernel in line, now. What left it is reported with Withdrawn."""
        if holdings.keys() != self._holdings.keys():
            self._comes(_addresses_of(self._units, holdings))
        self._holdings = holdings
        if any(unit.name not in holdings for unit in self._former):
            self._former = [unit for unit in self._former if unit.name in holdings]
            self._take_units()
        due_before_s = self._schedule.next_due_s()
        for name in holdings:
            self._placed.setdefault(name, set())
        self._reconcile()
        # Whatever took time may have outlived a deadline; then it must not stand a moment longer.
        now_s = self._clock()
        if any(h.deadline_s is not None and h.deadline_s <= now_s for h in holdings.values()):
            self._reconcile()
        self._confirm_withdrawals()
        self._tell_standing()
        if self._schedule.next_due_s() != due_before_s:  # leases are renewed up to 100 times a second
            self._awake.set()

    def _take_units(self) -> None:
        self._units = (*self._configured, *self._former)
        self._fitness.reconfigure(self._units)

    def _tell_standing(self) -> None:
        """After the kernel has what is wanted: nothing that hangs on an address holds up an address."""
        if self._standing.addresses.keys() != self._told_standing:
            self._told_standing = frozenset(self._standing.addresses)
            self._stands({vip.address for vip in self._told_standing})

    def _reconcile(self) -> None:
        # Each round with a refusal takes a unit out of what is asked for, so there are not many.
        while self._carry_out():
            self._standing = self._host.read().state
        self._start_announcing()

    def _carry_out(self) -> bool:
        """Apply what differs; whether the kernel refused something that is wanted."""
        wanted = wanted_host(
            self._units,
            self._fitness.servable(self._holdings),
            self._standing,
            self._fence.kind,
            self._clock(),
            options=self._settings.options,
        )
        for unit in self._units:
            if unit.name in self._holdings:
                self._placed[unit.name].update(vip for vip in unit.addresses if vip in wanted.addresses)
        refused: dict[VipAddress, str] = {}
        for change in plan(wanted, self._standing, fenced=self._fence.kind is not FenceKind.LIFETIME):
            applied = self._host.apply(change)
            self._standing = after(self._standing, change, applied)
            if isinstance(change, RemoveAddresses):
                # It is closed and is tried again at the next look.
                for vip, why in applied.refused.items():
                    log(logging.ERROR, "removal-refused", why, address=vip.address)
                continue
            refused.update(applied.refused)
            if isinstance(change, AddAddresses):
                self._announcing.forget(change.lifetimes)
                self._told_standing = None  # what hung on the address went with the one before it
        if refused:
            self._fitness.refused(refused, self._clock())
        return bool(refused)

    def _start_announcing(self) -> None:
        """A series for each address that a confirmed lease covers and that has none yet."""
        started = [
            vip
            for unit in self._units
            if (holding := self._holdings.get(unit.name)) is not None and holding.deadline_s is not None
            for vip in unit.addresses
            if vip not in self._announcing and vip in self._standing.addresses
        ]
        if started:
            self._announcing.begin(started, self._clock())
            self._announce()
            self._watch_segment()

    def _confirm_withdrawals(self) -> None:
        if not (leaving := self._placed.keys() - self._holdings.keys()):
            return
        self._standing = self._host.read().state
        self._reconcile()  # fence entries of what is gone now
        held = {vip for unit in self._units if unit.name in self._holdings for vip in unit.addresses}
        standing = self._standing.addresses.keys() - held  # what is another unit's now was given to it
        gone = {name for name in leaving if not self._placed[name] & standing}
        for name in gone:
            self._announcing.stop(self._placed.pop(name) - held)
        if gone:
            self._post(Withdrawn(frozenset(gone)))
            # Not now: it takes milliseconds, and a successor waits to hear that these are gone.
            self._watch_due = True
            self._awake.set()

    def _announce(self) -> None:
        """Send what is due, for VIPs whose lease runs at this very moment."""
        now_s = self._clock()
        if running := [vip for vip in self._schedule.take_due(now_s) if self._deadline_of(vip) > now_s]:
            self._host.announce(running)

    def _deadline_of(self, vip: VipAddress) -> float:
        return served_until_s(vip, self._units, self._holdings, self._standing, self._fence.kind)

    def _watch_segment(self) -> None:
        self._watch_due = False
        self._host.watch_announcements(vip for placed in self._placed.values() for vip in placed)

    def _hear(self, event: HostEvent) -> None:
        match event:
            case KernelChanged():
                self._changed = True
            case ForeignAnnouncement(vip, mac):
                self._announcing.again([vip], self._clock())
                for unit in self._units:
                    if vip in unit.addresses and unit.name in self._holdings:
                        log(logging.WARNING, "conflict", "somebody else announces it", vip=unit.name, mac=mac)
                        self._post(ConflictHeard(unit.name, mac))
        self._awake.set()

    async def run(self) -> None:
        """Serve the kernel's events, the announcements and the regular look, for ever."""
        loop = asyncio.get_running_loop()
        interval_s = LOOK_INTERVAL_S[self._fence.kind]
        look_at = loop.time() + interval_s
        self._watch_segment()
        while True:
            due_s = self._schedule.next_due_s()
            pause_s = look_at - loop.time()
            if due_s is not None:
                pause_s = min(pause_s, due_s - self._clock())
            if not self._awake.is_set() and pause_s > 0:
                timer = loop.call_later(pause_s, self._awake.set)
                await self._awake.wait()
                timer.cancel()
            self._awake.clear()
            if self._changed or loop.time() >= look_at:
                self._changed = False
                look_at = loop.time() + interval_s
                self._look()
            self._announce()
            if self._watch_due:
                self._watch_segment()
            await asyncio.sleep(0)  # others have their turn, whatever the kernel reports

    def _look(self) -> None:
        """Read everything anew and put right what others changed."""
        try:
            links_before, links = self._fitness.links, self._host.links()
            for name in self._host.restore_fence():
                if name in links_before:
                    log(logging.WARNING, "fence-restored", "somebody removed it", interface=name)
        except KernelRefused as refused:
            self._fitness.all_refused(str(refused), self._clock())
            self.want(self._holdings)
            return
        reading = self._host.read()
        lost = self._lost(reading.state, links)
        self._standing = reading.state
        self._fitness.removed_by_others(lost, self._clock())
        moved = self._fitness.look(links, reading.foreign, self._clock())
        self._looked(links)
        self.want(self._holdings)
        if links != links_before:
            self._announcing.again_on(moved, self._clock())
            self._watch_segment()

    def _lost(self, found: HostState, links: Mapping[str, Link]) -> set[VipAddress]:
        """What somebody removed, of what the kernel should still answer for."""
        placed, now_s = set().union(*self._placed.values()), self._clock()
        served = [vip for vip in placed if self._deadline_of(vip) > now_s]
        return lost_addresses(served, self._standing, found, links)

    def close(self, *, keep: bool) -> None:
        """Let go of the kernel; unless `keep`, with nothing of ours left in it."""
        try:
            if not keep:
                self.want({})
        finally:
            self._host.close(keep=keep)


def _addresses_of(units: Iterable[Unit], names: Collection[str]) -> set[str]:
    return {vip.address for unit in units if unit.name in names for vip in unit.addresses}
