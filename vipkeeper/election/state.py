"""What the parts of one node's election share.

Rules of this file: data and questions about it; nothing here decides.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from vipkeeper.config.timing_rules import longest_takeover_s
from vipkeeper.election.own_lease import OwnLease
from vipkeeper.election.settings import ElectionSettings
from vipkeeper.election.unit_phases import Phase, UnitState
from vipkeeper.election.view import StoreView
from vipkeeper.model.messages import GivenPromise
from vipkeeper.model.reasons import Reason


class PromiseGiven(msgspec.Struct):
    """What this node promised an owner. `names` is None where an earlier process promised: all VIPs."""

    kept: GivenPromise
    names: frozenset[str] | None


class ElectionState(msgspec.Struct):
    """One agent process."""

    settings: ElectionSettings
    view: StoreView
    units: dict[str, UnitState]
    lease: OwnLease = msgspec.field(default_factory=OwnLease)
    stopping: bool = False
    barred: Reason | None = None  # why this node may own nothing at all
    barred_detail: str = ""
    promises: dict[str, PromiseGiven] = msgspec.field(default_factory=dict)  # by owner
    _written: int = 0

    def fresh_id(self) -> str:
        """Unlike any id that this or another process ever wrote."""
        self._written += 1
        return f"{self.settings.process}-{self._written}"

    @property
    def holding(self) -> bool:
        """Whether any unit is held."""
        for unit in self.units.values():  # noqa: SIM110 - asked several times a step, and any() is slower
            if unit.phase is Phase.HOLDING:
                return True
        return False

    @property
    def lapsed(self) -> bool:
        """Whether a record names us that the store did not confirm in time."""
        return bool(self.in_phase(Phase.LAPSED, Phase.RESUMING))

    def in_phase(self, *phases: Phase) -> list[UnitState]:
        return [unit for unit in self.units.values() if unit.phase in phases]

    def lease_to_write_s(self) -> float:
        """The length of lease to ask for now.

        It gets shorter only when nothing stands in the kernel that is not held: what is to leave it, or was
        left by an earlier process, may still answer there, behind the fence of the longer lease.
        """
        ttl_s, running = self.settings.timing.ttl_s, self.lease.running
        if not any(unit.in_kernel and unit.phase is not Phase.HOLDING for unit in self.units.values()):
            return ttl_s
        if running is not None:
            return max(ttl_s, running.ttl_s)
        lease = self.view.lease(self.settings.node)
        return ttl_s if lease is None else max(ttl_s, lease.ttl_ms / 1000)

    def promised_until_s(self, vips: Iterable[str], now_s: float) -> tuple[float, str]:
        """Until when this node has promised not to claim any of these, and to whom."""
        until_s, owner = float("-inf"), ""
        for name, given in self.promises.items():
            if given.kept.until_s > max(now_s, until_s) and (
                given.names is None or not given.names.isdisjoint(vips)
            ):
                until_s, owner = given.kept.until_s, name
        return until_s, owner

    def lease_is_ours(self) -> bool:
        """Whether nobody else has written our lease record. An absent record is nobody's."""
        lease = self.view.lease(self.settings.node)
        return lease is None or lease.incarnation == self.settings.incarnation

    def names_us(self, vip: str) -> bool:
        """Whether the record says that this very incarnation owns the VIP."""
        record = self.view.vip(vip)
        return (
            record is not None
            and record.owner == self.settings.node
            and record.incarnation == self.settings.incarnation
            and self.lease_is_ours()
        )

    def distrusted_until_s(self) -> float:
        """Until when records of a store that went back prove nothing: a later owner may still serve."""
        went_back_at_s = self.view.went_back_at_s
        if went_back_at_s is None:
            return float("-inf")
        return went_back_at_s + longest_takeover_s(self.settings.timing.lease_max_s)

    def revision_to_keep(self, now_s: float) -> int | None:
        """What a later process of ours should expect of the store at least; None: leave what is kept.

        While a store that went back is distrusted, a process that starts anew has to notice it again.
        """
        unsure = self.view.complete_since_s is None or self.barred is Reason.WRONG_CLUSTER
        return None if unsure or now_s < self.distrusted_until_s() else self.view.revision

    def all_bound(self, unit: UnitState) -> bool:
        """Whether every configured address is kept under this VIP's name."""
        return all(self.view.binding(a.address) == unit.name for a in unit.unit.addresses)

    def unfit_for(self, unit: UnitState) -> tuple[Reason, str] | None:
        """Why this node may not own the unit now, or None."""
        if self.stopping:
            return Reason.STOPPING, ""
        if self.barred is not None:
            return self.barred, self.barred_detail
        if not unit.configured:
            return Reason.NOT_CONFIGURED, ""
        return (unit.unfit, unit.unfit_detail) if unit.unfit else None

    def not_eligible(self, unit: UnitState) -> Reason | None:
        """Why others should not count on this node for the unit, or None.

        A blocked node is no candidate: an owner would hand over to it in vain.
        """
        unfit = self.unfit_for(unit)
        if unfit is not None:
            return unfit[0]
        return unit.blocked if unit.phase is Phase.STANDBY else None
