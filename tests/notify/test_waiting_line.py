"""What waits for the programs of one VIP: in order, bounded, and never without its end."""

from __future__ import annotations

from tests.notify.told import told
from vipkeeper.model.state_changes import VipState
from vipkeeper.notify.waiting_line import MOST_WAITING, WaitingLine

MASTER, BACKUP, LOWER = VipState.MASTER, VipState.BACKUP, VipState.MASTER_RX_LOWER_PRI


def test_it_is_told_in_order() -> None:
    line = WaitingLine()
    for state in (BACKUP, MASTER, BACKUP):
        assert line.add(told(state)) is None
    assert [line.take(), line.take(), line.take(), line.take()] == [
        told(BACKUP),
        told(MASTER),
        told(BACKUP),
        None,
    ]


def test_a_full_line_leaves_out_its_oldest_and_keeps_the_last() -> None:
    line = WaitingLine()
    added = [told(priority=number) for number in range(1, MOST_WAITING + 3)]
    left_out = [line.add(one) for one in added]
    assert left_out == [*[None] * MOST_WAITING, *added[:2]]
    assert line.clear() == added[2:]
    assert len(line) == 0


def test_a_lower_priority_that_waits_to_be_told_is_not_told_twice() -> None:
    line = WaitingLine()
    for state in (MASTER, LOWER, LOWER, BACKUP, LOWER):
        line.add(told(state))
    assert [one.word for one in line.clear()] == [state.value for state in (MASTER, LOWER, BACKUP, LOWER)]
