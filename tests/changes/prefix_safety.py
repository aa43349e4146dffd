"""Stops a plan after each of its steps and says what would be wrong with the host that is left behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vipkeeper.changes.change_kinds import (
    AddAddresses,
    Applied,
    Change,
    RefreshAddresses,
    RemoveAddresses,
    after,
)
from vipkeeper.model.host import CLOSED_S, HostState
from vipkeeper.model.vips import VipAddress

NOW_S = 1000.0


def dangers(
    changes: Sequence[Change],
    observed: HostState,
    granted: Mapping[str, float],
    *,
    refusing: frozenset[VipAddress] = frozenset(),
) -> list[str]:
    """What is unsafe after any step. `granted`: until when each address text may be answered for.

    The kernel refuses whatever it is asked for an address in `refusing`.
    """
    found = []
    state = observed
    for number, change in enumerate(changes, 1):
        state = after(state, change, Applied(NOW_S, _refusals(change, refusing)))
        for vip in state.addresses:
            if vip.address not in state.deadlines:
                found.append(f"step {number}: {vip} is not fenced")
            elif state.deadlines[vip.address] > granted.get(vip.address, CLOSED_S):
                found.append(f"step {number}: {vip} is answered for beyond its lease")
    return found


def _refusals(change: Change, refusing: frozenset[VipAddress]) -> dict[VipAddress, str]:
    match change:
        case AddAddresses(lifetimes) | RefreshAddresses(lifetimes):
            return {vip: "refused" for vip in lifetimes if vip in refusing}
        case RemoveAddresses(addresses):
            return {vip: "refused" for vip in addresses if vip in refusing}
    return {}


def carried_out(changes: Sequence[Change], observed: HostState) -> HostState:
    """What stands when the kernel takes all of it."""
    state = observed
    for change in changes:
        state = after(state, change, Applied(NOW_S))
    return state
