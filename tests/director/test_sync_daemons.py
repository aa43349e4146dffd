"""Which sync daemons run, as VIPs come and go."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.director.table_bench import PLAIN, SYNC, WEB, Bench
from vipkeeper.changes.ipvs_changes import AddServers, StartDaemons, StopDaemons
from vipkeeper.director.target import Target, daemons_of
from vipkeeper.model.balancing import SyncPlan
from vipkeeper.model.ipvs import SyncDaemon, SyncRole


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_the_sync_daemon_follows_the_vip(bench: Bench) -> None:
    bench.keeper.begin([], flush=False)
    for standing, role in (
        (frozenset[str](), SyncRole.BACKUP),
        (frozenset({"web"}), SyncRole.MASTER),
        (frozenset({"mail"}), SyncRole.BACKUP),
    ):
        bench.keeper.follow(Target(daemons=daemons_of(SYNC, standing)))
        assert bench.ipvs.table.daemons == {role: SYNC.daemon}
    bench.new_process()
    bench.keeper.begin([], flush=False)
    _ = bench.written
    bench.keeper.follow(Target(daemons=daemons_of(SYNC, None)))
    assert bench.written == [], "it is not known yet who has the VIP"
    bench.keeper.follow(Target())
    assert bench.written == [StopDaemons]


def test_at_a_failover_the_servers_come_first(bench: Bench) -> None:
    bench.keeper.begin([], flush=False)
    bench.keeper.follow(Target(daemons=daemons_of(SYNC, frozenset())))
    _ = bench.written
    bench.keeper.follow(Target({WEB: PLAIN}, daemons=daemons_of(SYNC, frozenset({"web"}))))
    assert bench.written == [AddServers, StopDaemons, StartDaemons]


def test_without_a_vip_both_daemons_run(bench: Bench) -> None:
    bench.begin({})
    both = SyncPlan(SYNC.daemon, None)
    for standing in (None, frozenset[str](), frozenset({"web"})):
        bench.keeper.follow(Target(daemons=daemons_of(both, standing)))
        assert bench.ipvs.table.daemons == dict.fromkeys(SyncRole, SYNC.daemon)


def test_a_daemon_of_others_is_not_claimed_while_the_role_is_unknown(bench: Bench) -> None:
    bench.by_hand(StartDaemons({SyncRole.MASTER: SyncDaemon("eth5")}))
    bench.keeper.begin([], flush=False)
    bench.keeper.follow(Target(daemons=daemons_of(SYNC, None)))
    bench.keeper.end(keep=False)
    assert bench.ipvs.table.daemons == {SyncRole.MASTER: SyncDaemon("eth5")}
