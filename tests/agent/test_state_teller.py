"""When a change is told: once the kernel has it, in order, whatever the listener does."""

from __future__ import annotations

import logging
from collections.abc import Collection

import pytest
from msgspec.structs import replace

from vipkeeper.agent.state_teller import StateTeller
from vipkeeper.agent.store_changes import StoreChanges
from vipkeeper.election.effects import Decided, Role
from vipkeeper.election.events import ConflictHeard
from vipkeeper.model.reasons import Reason
from vipkeeper.model.state_changes import StateChange, VipState
from vipkeeper.model.vips import Unit
from vipkeeper.model.weights import Weight

MASTER, BACKUP, FAULT = VipState.MASTER, VipState.BACKUP, VipState.FAULT
LOWER = VipState.MASTER_RX_LOWER_PRI


class Kernel:
    """What stands, by unit; units that are not here have nothing left."""

    def __init__(self, **stands: bool) -> None:
        self.stands = stands  # all of it, or a part

    def settled(self, served: Collection[str], gone: Collection[str]) -> set[str]:
        whole = {name for name in served if self.stands.get(name)}
        return whole | {name for name in gone if name not in self.stands}


def change(unit: str, state: VipState) -> StateChange:
    return StateChange(unit, state, 100)


class Bench:
    def __init__(self) -> None:
        self.told: list[StateChange] = []
        self.teller = StateTeller(self.told.append)

    def states(self) -> list[tuple[str, VipState]]:
        told, self.told[:] = list(self.told), []
        return [(one.unit, one.state) for one in told]


def test_master_is_told_when_every_address_stands() -> None:
    bench = Bench()
    bench.teller.decided(change("web", MASTER))
    for kernel in (Kernel(), Kernel(web=False)):
        bench.teller.settle(kernel)
        assert bench.states() == []
    bench.teller.settle(Kernel(web=True))
    assert bench.states() == [("web", MASTER)]
    bench.teller.settle(Kernel(web=True))
    assert bench.states() == []


@pytest.mark.parametrize("state", [BACKUP, FAULT, VipState.DELETED])
def test_everything_else_is_told_when_nothing_stands(state: VipState) -> None:
    bench = Bench()
    bench.teller.decided(change("web", state))
    for whole in (True, False):
        bench.teller.settle(Kernel(web=whole))
        assert bench.states() == []
    bench.teller.settle(Kernel())
    assert bench.states() == [("web", state)]


def test_what_the_kernel_never_had_is_not_told() -> None:
    bench = Bench()
    bench.teller.decided(change("web", MASTER))
    bench.teller.decided(change("web", FAULT))
    bench.teller.settle(Kernel())
    assert bench.states() == [("web", FAULT)]


def test_they_are_told_in_the_order_of_the_decisions() -> None:
    bench = Bench()
    for name in ("c", "a", "b"):
        bench.teller.decided(change(name, BACKUP))
    bench.teller.decided(change("c", FAULT))
    bench.teller.settle(Kernel())
    assert bench.states() == [("a", BACKUP), ("b", BACKUP), ("c", FAULT)]


def test_a_remark_comes_after_the_state_and_not_in_a_change() -> None:
    bench = Bench()
    bench.teller.remark(change("web", LOWER))
    bench.teller.decided(change("web", MASTER))
    bench.teller.settle(Kernel(web=True))
    assert bench.states() == [("web", MASTER), ("web", LOWER)]
    bench.teller.decided(change("web", BACKUP))
    bench.teller.remark(change("web", LOWER))
    bench.teller.settle(Kernel(web=True))
    bench.teller.settle(Kernel())
    assert bench.states() == [("web", BACKUP)]


def test_a_listener_that_fails_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def fail(one: StateChange) -> None:
        raise OSError(one.unit)

    logging.getLogger("vipkeeper").propagate = True
    teller = StateTeller(fail)
    teller.decided(change("a", BACKUP))
    teller.decided(change("b", BACKUP))
    teller.settle(Kernel())
    assert [record.message.partition(":")[0] for record in caplog.records] == ["a change was not told"] * 2


def decided(role: Role, reason: Reason = Reason.OWNER_ALIVE, unit: str = "web") -> Decided:
    return Decided(unit, role, reason, "as decided", 7)


class StoreBench(Bench):
    def __init__(self) -> None:
        super().__init__()
        self.changes = StoreChanges(self.teller)
        self.changes.take_units([Unit("web", (), 100), Unit("mail", (), 50)])

    def settle(self, **stands: bool) -> list[tuple[str, VipState]]:
        self.changes.settle(Kernel(**stands))
        return self.states()


def test_what_a_role_is_called() -> None:
    bench = StoreBench()
    bench.changes.decided(decided(Role.STANDBY))
    assert bench.settle() == [("web", BACKUP)]
    bench.changes.decided(decided(Role.HOLDER, Reason.OWNER_EXPIRED))
    bench.changes.settle(Kernel(web=True))
    (told,) = bench.told
    assert told == StateChange("web", MASTER, 100, "owner-expired", "as decided", 7)
    bench.told.clear()
    bench.changes.decided(decided(Role.UNFIT, Reason.INTERFACE_DOWN))
    assert bench.settle() == [("web", FAULT)]
    bench.changes.decided(decided(Role.UNFIT, Reason.NOT_CONFIGURED))
    assert bench.settle() == [("web", VipState.DELETED)]


@pytest.mark.parametrize("reason", [Reason.STARTING, Reason.CHECK_PENDING, Reason.STOPPING])
def test_what_is_not_known_yet_and_the_end_are_not_told(reason: Reason) -> None:
    bench = StoreBench()
    bench.changes.decided(decided(Role.UNFIT, reason))
    assert bench.settle() == []


def test_a_standby_without_a_store_is_a_backup_unless_it_has_something_to_adopt() -> None:
    bench = StoreBench()
    bench.changes.decided(decided(Role.STANDBY, Reason.STARTING))
    assert bench.settle(web=True) == []
    bench.changes.decided(decided(Role.HOLDER, Reason.RESUMED))
    assert bench.settle(web=True) == [("web", MASTER)]
    bench.changes.decided(decided(Role.STANDBY, Reason.STARTING, "mail"))
    assert bench.settle(web=True) == [("mail", BACKUP)]


def test_a_conflict_is_told_of_what_is_held() -> None:
    bench = StoreBench()
    bench.changes.decided(decided(Role.HOLDER))
    bench.changes.decided(decided(Role.STANDBY, unit="mail"))
    bench.settle(web=True)
    for unit in ("web", "mail", "other"):
        bench.changes.conflict(ConflictHeard(unit, "02:00:00:00:00:01"))
    bench.changes.settle(Kernel(web=True))
    (told,) = bench.told
    assert (told.unit, told.state, told.detail) == ("web", LOWER, "announced by 02:00:00:00:00:01")


def test_another_effective_priority_is_told_by_the_state() -> None:
    bench = StoreBench()
    bench.changes.take_weights({"web": Weight(-5), "mail": Weight(-5)})
    assert bench.settle() == [], "before any state is known"
    bench.changes.decided(decided(Role.HOLDER))
    bench.changes.decided(decided(Role.STANDBY, unit="mail"))
    bench.settle(web=True)
    bench.changes.take_weights({"web": Weight(-5), "mail": Weight(-200)})
    bench.changes.take_units([replace(Unit("web", (), 100), priority=80), Unit("mail", (), 50)])
    bench.changes.settle(Kernel(web=True))
    assert [(one.unit, one.state, one.priority) for one in bench.told] == [
        ("mail", VipState.BACKUP_PRIORITY, 1),
        ("web", VipState.MASTER_PRIORITY, 75),
    ]
