"""Who works for long lets others go on, and not too often."""

from __future__ import annotations

from tests.contract.event_loop import on_loop
from tests.director.turns import others_turns
from vipkeeper.director.long_work import AT_A_TIME_S, LongWork


@on_loop
async def test_others_go_on_after_each_piece_of_it() -> None:
    spent_s = 0.0
    async with others_turns() as others:
        work = LongWork(lambda: spent_s)
        for _ in range(10):
            spent_s += 0.6 * AT_A_TIME_S
            await work.pause()
        assert others.count == 5
