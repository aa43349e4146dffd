"""Highest priority, then fewest VIPs held, then node name; only living, eligible nodes count."""

from __future__ import annotations

import msgspec
import pytest

from backends.store import Changed, Record, Snapshot
from tests.election.values import KEYS, info_record, lease_record, settings_of, unit, vip_record
from vipkeeper.election.ranking import Ranking, alive, better_candidates
from vipkeeper.election.view import StoreView

ME = settings_of("m", unit("web"))
NOW_S = 100.0
WEB = unit("web", preempt=True, preempt_delay_s=7.0)


class Told:
    """A view, filled record by record."""

    def __init__(self) -> None:
        self.view = StoreView(KEYS, "n1", "i1")
        self.view.read(Snapshot(KEYS.prefix, 1, ()), 0, 0.0)
        self._revision = 1

    def put(self, key: str, value: msgspec.Struct, at_s: float = NOW_S) -> None:
        self._revision += 1
        record = Record(key, msgspec.json.encode(value), self._revision, self._revision)
        self.view.change(Changed(self._revision, (record,)), at_s)

    def node(
        self,
        name: str,
        *,
        priority: int = 100,
        holds: int = 0,
        seen_s: float = NOW_S,
        eligible: bool = True,
        state: str = "running",
        preempt: bool | None = None,
        preempt_delay_ms: int = 0,
    ) -> None:
        info = info_record("web", priority=priority, eligible=eligible, state=state, heartbeat_s=10.0)
        said = tuple(
            msgspec.structs.replace(each, preempt=preempt, preempt_delay_ms=preempt_delay_ms)
            for each in info.candidacies
        )
        info = msgspec.structs.replace(info, candidacies=said)
        self.put(KEYS.info(name), info, seen_s)
        for number in range(holds):
            self.put(KEYS.vip(f"of-{name}-{number}"), vip_record(name))

    def order(self, now_s: float = NOW_S) -> list[str]:
        return Ranking(self.view, ME, now_s).order("web")


@pytest.fixture
def told() -> Told:
    return Told()


def test_priority_then_fewest_held_then_name(told: Told) -> None:
    told.node("z", priority=200, holds=3)
    told.node("b", holds=1)
    told.node("c")
    told.node("a", holds=1)
    told.node("m")
    assert told.order() == ["z", "c", "m", "a", "b"]


def test_the_dead_the_stopped_and_the_unfit_do_not_count(told: Told) -> None:
    told.node("m")
    told.node("stopped", priority=200, state="stopped")
    told.node("unfit", priority=200, eligible=False)
    told.node("silent", priority=200, seen_s=NOW_S - 25.1)
    told.node("quiet", priority=150, seen_s=NOW_S - 24.9)
    assert told.order() == ["quiet", "m"]


def test_a_renewal_is_a_sign_of_life(told: Told) -> None:
    told.node("a", seen_s=0.0)
    assert not alive(told.view, "a", NOW_S)
    told.put(KEYS.lease("a"), lease_record(), NOW_S - 1)
    assert alive(told.view, "a", NOW_S)


def test_we_count_ourselves_however_long_we_wrote_nothing(told: Told) -> None:
    told.node("m", seen_s=0.0)
    assert told.order() == ["m"]


def test_who_does_not_have_the_vip_is_no_candidate(told: Told) -> None:
    told.node("m")
    told.put(KEYS.info("x"), info_record("mail", priority=200))
    assert told.order() == ["m"]


def test_handing_out_spreads(told: Told) -> None:
    for name in ("a", "b", "c"):
        told.node(name)
    ranking = Ranking(told.view, ME, NOW_S, without={"m"})
    chosen = []
    for _ in range(6):
        best = ranking.order("web")[0]
        ranking.hand_out(best)
        chosen.append(best)
    assert chosen == ["a", "b", "c", "a", "b", "c"]


def test_left_out_are_those_who_should_be(told: Told) -> None:
    for name in ("a", "b", "m"):
        told.node(name)
    assert Ranking(told.view, ME, NOW_S, without={"m"}).order("web", without="a") == ["b"]


def test_better_is_strictly_higher_and_alive(told: Told) -> None:
    told.node("same", priority=100)
    told.node("higher", priority=101)
    told.node("silent", priority=200, seen_s=0.0)
    told.node("unfit", priority=200, eligible=False)
    assert better_candidates(told.view, ME, WEB, 100, NOW_S) == {"higher": 7.0}


def test_it_is_the_better_nodes_wish_that_counts(told: Told) -> None:
    told.node("eager", priority=101, preempt=True, preempt_delay_ms=1500)
    told.node("content", priority=102, preempt=False)
    assert better_candidates(told.view, ME, WEB, 100, NOW_S) == {"eager": 1.5}
    told.node("older", priority=103)
    assert better_candidates(told.view, ME, unit("web"), 100, NOW_S) == {"eager": 1.5}
