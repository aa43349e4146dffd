"""Sync groups: their members are master on one host together, or none of them is."""

from __future__ import annotations

import pytest

from tests.vrrp_router.driver import LOW
from tests.vrrp_router.group_driver import IN, OUT, GroupDriver, a_master_group
from vrrp_compat.router.events import Grouped, ReleaseAsked, Started, StopRequested, TimePassed
from vrrp_compat.router.group import RouterGroup
from vrrp_compat.router.group_states import GroupState
from vrrp_compat.router.machine import VirtualRouter
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.states import State

BACKUPS = (State.BACKUP, State.BACKUP)
MASTERS = (State.MASTER, State.MASTER)
FAULTS = (State.FAULT, State.FAULT)


def test_alone_all_become_master_together() -> None:
    group = GroupDriver()
    group.run(3.6)
    assert group.states() == BACKUPS
    group.run(0.1)
    assert (group.states(), group.answers(), group.group.state) == (MASTERS, (True, True), GroupState.MASTER)
    assert group.adverts(OUT) == group.adverts(IN), "and say so in the same step"


def test_one_that_lost_its_master_waits_for_the_other() -> None:
    group = GroupDriver()
    group.run_hearing(10.0, inside=150)
    assert group.states() == BACKUPS, "a master of the whole group lives: only one way to it is cut"
    assert group.reason(OUT) is RouterReason.GROUP_WAITING
    group.run(4.0)
    assert group.states() == MASTERS
    assert group.reason(OUT) is RouterReason.NO_MASTER_HEARD
    assert group.reason(IN) is RouterReason.MASTER_SILENT


def test_while_one_waits_no_timer_rings_again_and_again() -> None:
    group = GroupDriver()
    group.run_hearing(4.0, inside=150)
    assert group.reason(OUT) is RouterReason.GROUP_WAITING
    assert group.routers[OUT].next_deadline() is None
    group.hear(OUT, 150)
    assert group.routers[OUT].next_deadline() is not None


def test_a_better_master_of_one_takes_all() -> None:
    group = a_master_group()
    group.hear(OUT, 150)
    assert (group.states(), group.answers(), group.group.state) == (
        BACKUPS,
        (False, False),
        GroupState.BACKUP,
    )
    assert group.reason(OUT) is RouterReason.HIGHER_PRIORITY_HEARD
    assert group.reason(IN) is RouterReason.GROUP_STOOD_BACK
    assert group.adverts(IN)[-1][1] == 0, "so that the winner need not wait there"


def test_a_fault_of_one_is_a_fault_of_all_and_told_where_it_can_be() -> None:
    group = a_master_group()
    group.unfit(IN, RouterReason.INTERFACE_DOWN)
    assert (group.states(), group.answers(), group.group.state) == (FAULTS, (False, False), GroupState.FAULT)
    assert (group.reason(IN), group.reason(OUT)) == (RouterReason.INTERFACE_DOWN, RouterReason.GROUP_FAULT)
    assert group.routers[OUT].status(group.now_s).detail == "in: interface-down eth1"
    assert [priority for _, priority in group.adverts(OUT)] == [0]
    assert group.adverts(IN) == []


def test_all_faults_have_to_end() -> None:
    group = a_master_group()
    group.unfit(IN, RouterReason.INTERFACE_DOWN)
    group.unfit(OUT, RouterReason.CHECK_FAILED)
    group.unfit(IN, None)
    assert group.states() == FAULTS
    assert group.reason(IN) is RouterReason.GROUP_FAULT
    group.unfit(OUT, None)
    assert group.states() == BACKUPS
    group.run(3.7)
    assert group.states() == MASTERS


def test_one_preempts_when_all_may() -> None:
    group = GroupDriver()
    group.run_hearing(6.0, out=50)
    assert group.states() == MASTERS, "the other one hears nobody"
    group = GroupDriver()
    group.run_hearing(6.0, out=50, inside=150)
    assert group.states() == BACKUPS
    group.run_hearing(1.0, out=50, inside=50)
    assert group.states() == BACKUPS, "the better one may still live"
    group.run_hearing(3.0, out=50, inside=50)
    assert group.states() == MASTERS
    assert group.reason(OUT) is RouterReason.PREEMPTING


def test_who_is_to_be_preempted_has_to_be_alive() -> None:
    """Its kernel may answer for as long as it was not silent for too long."""
    group = GroupDriver()
    for _ in range(10):
        group.hear(OUT, 50)
        group.hear(IN, 150)
        group.run(0.5)
    assert group.reason(OUT) is RouterReason.GROUP_WAITING
    group.run(1.6)  # the worse one is dead by now, and the better one not yet given up
    assert not group.routers[OUT].wants(group.now_s)
    group.run(2.5)
    assert group.states() == MASTERS


def test_a_release_is_one_of_all() -> None:
    group = a_master_group()
    group.step(IN, ReleaseAsked())
    assert group.states() == BACKUPS
    assert group.reason(OUT) is RouterReason.RELEASED
    group.run_hearing(8.0, out=50, inside=50)
    assert group.states() == BACKUPS
    group.run(4.0)
    assert group.states() == MASTERS


def test_a_member_that_cannot_speak_gives_up_the_others() -> None:
    """Elsewhere it is served soon, and nobody there takes the others while they are served here."""
    group = a_master_group()
    group.mute.add(IN)
    group.run(2.6)
    assert group.answers() == (True, True)
    group.run(0.5)
    assert group.answers() == (True, False), "its hold is over, and others may answer"
    group.run(1.0)
    assert group.states() == BACKUPS
    assert group.adverts(OUT)[-1][1] == 0
    assert RouterReason.GROUP_STOOD_BACK in group.decided(OUT)
    group.run_hearing(20.0, out=50)
    assert group.states() == BACKUPS, "whoever took it keeps it, though its priority is lower"


def test_alone_it_goes_on_without_the_member_that_cannot_speak() -> None:
    group = a_master_group()
    group.mute.add(IN)
    group.run(30.0)
    assert group.answers() == (True, False)
    assert group.decided(OUT).count(RouterReason.GROUP_STOOD_BACK) == 1
    group.hear(OUT, 50, LOW)
    group.run(1.5)
    assert group.states() == BACKUPS, "somebody else is there again"


def test_frozen_for_long_it_goes_on_where_nobody_took_over() -> None:
    group = a_master_group()
    group.now_s += 30.0
    for name in (OUT, IN):
        group.step(name, TimePassed())
    assert (group.states(), group.answers()) == (MASTERS, (True, True))


def test_frozen_for_long_it_yields_all_where_one_was_taken() -> None:
    group = a_master_group()
    group.now_s += 30.0
    group.hear(IN, 50)
    assert group.states() == BACKUPS


def test_a_member_that_starts_late_joins() -> None:
    group = GroupDriver(starts=(OUT,))
    group.run(10.0)
    assert group.states() == (State.BACKUP, State.INITIALIZE)
    group.step(IN, Started())
    group.run(3.0)
    assert group.states() == BACKUPS
    group.run(1.0)
    assert group.states() == MASTERS


def test_masters_that_are_grouped_by_a_reload_go_on_and_a_new_member_listens_first() -> None:
    settings = GroupDriver().settings
    out = VirtualRouter(settings[OUT])
    out.step(Started(adopted_until_s=1e9), 0.0)
    inside = VirtualRouter(settings[IN])
    inside.step(Started(), 0.0)
    group = RouterGroup("lb", {OUT: out, IN: inside}, 1.0)
    group.begin({}, 1.0)
    assert [one.state for one in (out, inside)] == [State.MASTER, State.BACKUP]
    group.step(IN, TimePassed(), 3.7)
    assert [one.state for one in (out, inside)] == [State.MASTER, State.MASTER]


def test_a_router_that_leaves_its_group_decides_by_itself() -> None:
    group = GroupDriver()
    group.run_hearing(6.0, inside=150)
    out = group.routers[OUT]
    assert group.states() == BACKUPS
    out.step(Grouped(grouped=False), group.now_s)
    out.step(TimePassed(), group.now_s)
    assert out.state is State.MASTER


@pytest.mark.parametrize("keep", [False, True])
def test_all_are_stopped(keep: bool) -> None:
    group = a_master_group()
    for name in (OUT, IN):
        group.step(name, StopRequested(keep))
    assert RouterReason.GROUP_STOOD_BACK not in group.decided(IN)
    if keep:
        assert group.answers() == (True, True)
    else:
        assert group.answers() == (False, False)
        assert [group.adverts(name)[-1][1] for name in (OUT, IN)] == [0, 0]
