"""Which programs a notification runs, with which words, and what they find in their environment."""

from __future__ import annotations

import pytest

from tests.notify.told import script, told
from vipkeeper.config.notify_schema import Notify
from vipkeeper.model.state_changes import VipState
from vipkeeper.notify.notification import Kind

ALL = Notify(
    master=script("m"),
    backup=script("b"),
    fault=script("f"),
    stop=script("s"),
    deleted=script("d"),
    any=script("any one"),
    master_rx_lower_pri=script("l"),
)


@pytest.mark.parametrize(
    ("state", "word"),
    [("MASTER", "m"), ("BACKUP", "b"), ("FAULT", "f"), ("STOP", "s"), ("DELETED", "d")],
)
def test_each_state_has_its_program_and_any_comes_after_it(state: str, word: str) -> None:
    found = told(VipState(state), notify=ALL).programs()
    assert [(one.script, words) for one, words in found] == [
        (word, ()),
        ("any one", ("INSTANCE", "web", state, "100")),
    ]


@pytest.mark.parametrize(
    ("state", "programs"),
    [("MASTER_RX_LOWER_PRI", ["l"]), ("MASTER_PRIORITY", []), ("BACKUP_PRIORITY", [])],
)
def test_what_changes_no_state_is_nothing_for_any(state: str, programs: list[str]) -> None:
    assert [one.script for one, _ in told(VipState(state), notify=ALL).programs()] == programs


def test_without_programs_there_is_nothing_to_run() -> None:
    assert told().programs() == []


def test_a_group_says_so() -> None:
    group = told(name="G", kind=Kind.GROUP, priority=0, notify=ALL)
    assert group.programs()[1][1] == ("GROUP", "G", "MASTER", "0")
    assert group.fifo_line() == b'GROUP "G" MASTER 0\n'
    assert "VIPKEEPER_VIP" not in group.environment()
    assert group.environment()["VIPKEEPER_GROUP"] == "G"


def test_the_environment_says_all_there_is_to_know() -> None:
    assert told(VipState.BACKUP, previous=VipState.MASTER).environment() == {
        "VIPKEEPER_VIP": "web",
        "VIPKEEPER_STATE": "BACKUP",
        "VIPKEEPER_PREVIOUS": "MASTER",
        "VIPKEEPER_PRIORITY": "100",
        "VIPKEEPER_REASON": "why",
        "VIPKEEPER_DETAIL": "as told",
        "VIPKEEPER_ADDRESSES": "192.0.2.1/32 2001:db8::1",
        "VIPKEEPER_EPOCH": "7",
    }
