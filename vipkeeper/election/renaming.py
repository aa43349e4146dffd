"""Addresses that a reload moved to another name, and that this node serves: they change names in one commit.

Rules of this file: only where the units that are configured no more and those that have their addresses now
are made of the very same addresses, and this node holds all of the former. Then one transaction marks those
records released and makes this node the owner of the others; the kernel is not touched, because nothing
changes in it. In every other case the former units leave as what is not configured does, and the others
wait for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from backends.store import MAX_TRANSACTION_OPERATIONS
from vipkeeper.election.state import ElectionState
from vipkeeper.election.unit_phases import Phase, UnitState
from vipkeeper.model.reasons import Reason
from vipkeeper.model.vips import VipAddress

_WAITING = frozenset({Phase.STANDBY, Phase.CLAIMING})


class Renaming(msgspec.Struct, frozen=True):
    """Names that are given up, and names that take over their addresses."""

    former: frozenset[str]
    heirs: tuple[str, ...]


def renamings(state: ElectionState) -> Mapping[str, Renaming]:
    """By the name of each unit that takes part in one, on either side."""
    leaving = [
        unit
        for unit in state.units.values()
        if not unit.configured and unit.phase is Phase.HOLDING and unit.unit.addresses
    ]
    if not leaving or state.stopping or state.barred is not None:
        return {}
    configured = {
        address: unit.name
        for unit in state.units.values()
        if unit.configured
        for address in unit.unit.addresses
    }
    found: dict[str, Renaming] = {}
    waiting = {unit.name: unit for unit in leaving}
    while waiting:
        _, first = waiting.popitem()
        renaming = _grown(state, first, waiting, configured)
        if renaming is not None:
            found |= dict.fromkeys((*renaming.former, *renaming.heirs), renaming)
    return found


def is_kept_for_heirs(state: ElectionState, unit: UnitState) -> bool:
    """Whether a unit that is configured no more is held until others have its addresses."""
    return is_handed_on(state, unit) or unit.name in renamings(state)


def is_handed_on(state: ElectionState, unit: UnitState) -> bool:
    """Whether the record was given up by a renaming of ours whose answer is still on its way.

    The watch may be quicker. Until the answer the unit is held by the lease that it had.
    """
    record = state.view.vip(unit.name)
    if (
        record is None
        or record.owner is not None
        or record.incarnation != state.settings.incarnation
        or record.reason != Reason.ADDRESS_RENAMED.value
        or unit.phase is not Phase.HOLDING
    ):
        return False
    claimed = {
        address
        for heir in state.units.values()
        if heir.configured and heir.phase is Phase.CLAIMING
        for address in heir.unit.addresses
    }
    return not unit.configured and claimed.issuperset(unit.unit.addresses)


def leaves_under_other_name(state: ElectionState, unit: UnitState) -> bool:
    """Whether an address of this unit is on its way out of the kernel as that of another one.

    A reload renamed it, and a second reload, or the host, undid that before the kernel had it under the new
    name. Two configured units share no address, so there is one that is configured no more.
    """
    if len(state.units) == len(state.settings.units):
        return False
    record = state.view.vip(unit.name)
    ours = {vip.address for vip in unit.unit.addresses}.union(() if record is None else record.addresses)
    return any(
        other.in_kernel and other.phase is not Phase.HOLDING and other is not unit and vip.address in ours
        for other in state.units.values()
        for vip in other.unit.addresses
    )


def _grown(
    state: ElectionState,
    first: UnitState,
    waiting: dict[str, UnitState],
    configured: Mapping[VipAddress, str],
) -> Renaming | None:
    """All units that share addresses with this one, and with those, and so on; None if it cannot be done."""
    former, heirs = {first.name: first}, set[str]()
    new = [first]
    while new:
        addresses = [address for unit in new for address in unit.unit.addresses]
        if any(address not in configured for address in addresses):
            return None
        heirs |= {configured[address] for address in addresses}
        inherited = {address for name in heirs for address in state.units[name].unit.addresses}
        new = [unit for unit in waiting.values() if not inherited.isdisjoint(unit.unit.addresses)]
        for unit in new:
            former[unit.name] = waiting.pop(unit.name)
    given = {address for unit in former.values() for address in unit.unit.addresses}
    fits = _operations(len(former), len(heirs), len(given)) <= MAX_TRANSACTION_OPERATIONS
    if not fits or inherited != given or not all(state.all_bound(unit) for unit in former.values()):
        return None
    if not _can_inherit(state, (state.units[name] for name in heirs)):
        return None
    return Renaming(frozenset(former), tuple(sorted(heirs)))


def _can_inherit(state: ElectionState, heirs: Iterable[UnitState]) -> bool:
    """A host that has not been looked at for them yet may turn out to be fit in a moment."""
    for heir in heirs:
        record = state.view.vip(heir.name)
        owned = record is not None and record.owner is not None
        readable = state.view.readable(state.view.keys.vip(heir.name))
        if heir.phase not in _WAITING or heir.unfit not in (None, Reason.STARTING) or owned or not readable:
            return False
    return True


def _operations(former: int, heirs: int, addresses: int) -> int:
    """What is put: our lease, the former records; of each heir a record, its history and its addresses."""
    return 1 + former + 2 * heirs + addresses
