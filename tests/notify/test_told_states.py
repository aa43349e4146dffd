"""What a change means for what has been told: once, in order, and a group after its VIPs."""

from __future__ import annotations

from msgspec.structs import replace

from tests.config.sources import config_of
from vipkeeper.config.schema import Config
from vipkeeper.model.state_changes import StateChange, VipState
from vipkeeper.notify.notification import Kind, Notification
from vipkeeper.notify.told_states import ToldStates

MASTER, BACKUP, FAULT = VipState.MASTER, VipState.BACKUP, VipState.FAULT
LOWER, DELETED = VipState.MASTER_RX_LOWER_PRI, VipState.DELETED


def vip(name: str, vrid: int, more: str = "") -> str:
    return (
        f'[vip.{name}]\naddresses = ["192.0.2.{vrid}"]\ninterface = "eth0"\n'
        f"[vip.{name}.vrrp]\nvrid = {vrid}\n[vip.{name}.notify]\n{more}\n"
    )


def config(*tables: str, backend: str = "vrrp") -> Config:
    store = '[etcd]\nendpoints = ["127.0.0.1:2379"]\n' if backend == "etcd" else ""
    return config_of(f'backend = "{backend}"\n{store}' + "".join(tables))


GROUP = '[sync_group.both]\nvips = ["a", "b"]\n'
PAIR = config(vip("a", 1), vip("b", 2), GROUP)


def lines(told: list[Notification]) -> list[str]:
    return [one.fifo_line().decode().rstrip("\n") for one in told]


def take(states: ToldStates, unit: str, state: VipState, priority: int = 100) -> list[str]:
    return lines(states.take(StateChange(unit, state, priority)))


def test_a_state_is_told_once() -> None:
    states = ToldStates(config(vip("a", 1)))
    assert take(states, "a", BACKUP) == ['INSTANCE "a" BACKUP 100']
    assert take(states, "a", BACKUP) == []
    assert take(states, "a", MASTER) == ['INSTANCE "a" MASTER 100']
    assert take(states, "a", BACKUP, 90) == ['INSTANCE "a" BACKUP 90']


def test_a_unit_that_is_no_vip_of_this_node_is_nobodys_news() -> None:
    """The election also reports what records in the store name."""
    assert take(ToldStates(config(vip("a", 1))), "other", DELETED) == []


def test_a_group_is_told_after_its_vips_and_when_all_are_there() -> None:
    states = ToldStates(PAIR)
    assert take(states, "a", BACKUP) == ['INSTANCE "a" BACKUP 100']
    assert take(states, "b", BACKUP) == ['INSTANCE "b" BACKUP 100', 'GROUP "both" BACKUP 0']
    assert take(states, "b", MASTER) == ['INSTANCE "b" MASTER 100']
    assert take(states, "a", MASTER) == ['INSTANCE "a" MASTER 100', 'GROUP "both" MASTER 0']
    assert take(states, "a", FAULT) == ['INSTANCE "a" FAULT 100']
    assert take(states, "b", FAULT) == ['INSTANCE "b" FAULT 100', 'GROUP "both" FAULT 0']


def test_with_a_store_a_group_is_one_unit() -> None:
    plain = "".join(
        f'[vip.{name}]\naddresses = ["192.0.2.{n}"]\ninterface = "eth0"\n' for n, name in enumerate("ab", 1)
    )
    states = ToldStates(config(plain, GROUP, backend="etcd"))
    assert take(states, "both", MASTER, 7) == [
        'INSTANCE "a" MASTER 7',
        'INSTANCE "b" MASTER 7',
        'GROUP "both" MASTER 0',
    ]
    assert take(states, "both", LOWER, 7) == [
        'INSTANCE "a" MASTER_RX_LOWER_PRI 7',
        'INSTANCE "b" MASTER_RX_LOWER_PRI 7',
    ]


def test_a_remark_changes_no_state() -> None:
    states = ToldStates(config(vip("a", 1, "priority_changes = true")))
    take(states, "a", MASTER)
    assert take(states, "a", LOWER) == ['INSTANCE "a" MASTER_RX_LOWER_PRI 100']
    assert take(states, "a", LOWER) == ['INSTANCE "a" MASTER_RX_LOWER_PRI 100']
    assert take(states, "a", VipState.MASTER_PRIORITY, 95) == ['INSTANCE "a" MASTER_PRIORITY 95']
    assert take(states, "a", MASTER) == []


def test_changes_of_the_priority_are_told_when_asked_for() -> None:
    general, own = "[scripts]\npriority_changes = true\n", "priority_changes = false"
    asked = config(general, vip("a", 1), vip("b", 2, own))
    states = ToldStates(asked)
    assert take(states, "a", VipState.BACKUP_PRIORITY, 95) == ['INSTANCE "a" BACKUP_PRIORITY 95']
    assert take(states, "b", VipState.BACKUP_PRIORITY, 95) == []
    assert take(ToldStates(config(vip("a", 1))), "a", VipState.BACKUP_PRIORITY, 95) == []


def test_a_vip_that_a_reload_removes() -> None:
    """As keepalived says it: FAULT, or DELETED to those who know the word."""
    script = 'deleted = { script = "/bin/true" }'
    states = ToldStates(config(vip("a", 1), vip("b", 2, script), vip("c", 3, "say_deleted = true")))
    for name in "abc":
        take(states, name, BACKUP)
    states.reconfigure(config(vip("d", 4)))
    assert take(states, "a", DELETED) == ['INSTANCE "a" FAULT 100']
    told = states.take(StateChange("b", DELETED, 100))
    assert lines(told) == ['INSTANCE "b" DELETED 100']
    assert told[0].notify.deleted.script == "/bin/true"
    assert take(states, "c", DELETED) == ['INSTANCE "c" DELETED 100']
    assert lines(states.stop()) == []
    assert take(states, "a", DELETED) == []


def test_a_vip_that_leaves_a_group_is_not_deleted() -> None:
    plain = '[vip.a]\naddresses = ["192.0.2.1"]\ninterface = "eth0"\n'
    states = ToldStates(config(plain, '[sync_group.g]\nvips = ["a"]\n', backend="etcd"))
    take(states, "g", MASTER)
    states.reconfigure(config(plain, backend="etcd"))
    assert take(states, "g", DELETED) == []
    assert take(states, "a", BACKUP) == ['INSTANCE "a" BACKUP 100']


def test_the_end_is_told_of_all_vips_and_then_of_groups() -> None:
    states = ToldStates(PAIR)
    for name in "ab":
        take(states, name, MASTER, 90)
    assert lines(states.stop()) == ['INSTANCE "a" STOP 90', 'INSTANCE "b" STOP 90', 'GROUP "both" STOP 0']


def test_who_was_told_nothing_hears_no_end() -> None:
    assert ToldStates(PAIR).stop() == []


def test_what_an_earlier_process_told_is_not_told_again() -> None:
    earlier = {(Kind.INSTANCE, "a"): MASTER, (Kind.INSTANCE, "b"): MASTER, (Kind.GROUP, "both"): MASTER}
    states = ToldStates(PAIR, earlier)
    (adopted,) = states.take(StateChange("a", MASTER, 100))
    assert adopted.again
    lost, group = states.take(StateChange("b", BACKUP, 100)), states.take(StateChange("a", BACKUP, 100))
    assert [(one.again, one.previous) for one in (*lost, *group)] == [(False, MASTER)] * 3


def test_the_present_states_can_be_said_once_more() -> None:
    states = ToldStates(PAIR)
    for state in (BACKUP, MASTER):
        for name in "ab":
            take(states, name, state)
    present = states.present()
    assert lines(present) == ['INSTANCE "a" MASTER 100', 'INSTANCE "b" MASTER 100', 'GROUP "both" MASTER 0']
    assert all(one.again for one in present)


def test_addresses_are_told_without_their_options() -> None:
    plain = config(vip("a", 1))
    vips = {"a": replace(plain.vip["a"], addresses=("192.0.2.1/24 dev eth0 label eth0:1",))}
    (told,) = ToldStates(replace(plain, vip=vips)).take(StateChange("a", MASTER, 1))
    assert told.addresses == ("192.0.2.1/24",)
