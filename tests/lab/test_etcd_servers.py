"""Real etcd clusters under the faults that the fault tests rely on."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator

import pytest

from vipkeeper.lab import faults
from vipkeeper.lab.etcd_servers import EtcdMember
from vipkeeper.lab.lab import Lab, make_lab
from vipkeeper.model.errors import StoreUnreachable

pytestmark = [pytest.mark.root, pytest.mark.etcd]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with make_lab(hosts=1, etcd_members=3, freezable_wal=True) as made:
        yield made


def put(member: EtcdMember, key: str, value: str) -> None:
    encoded = {
        "key": base64.b64encode(key.encode()).decode(),
        "value": base64.b64encode(value.encode()).decode(),
    }
    member.request("/v3/kv/put", encoded)


def wait_until(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def other_leader(lab: Lab, former: EtcdMember) -> EtcdMember | None:
    leaders = [member for member in lab.etcd.members if member is not former and member.is_leader()]
    return leaders[0] if leaders else None


def test_reads_what_was_written_and_counts_revisions(lab: Lab) -> None:
    before, _ = lab.etcd.read("/vipkeeper/")
    put(lab.etcd.members[0], "/vipkeeper/x", "1")
    put(lab.etcd.members[1], "/other", "2")
    after, keys = lab.etcd.read("/vipkeeper/")
    assert after - before == 2
    assert keys == {"/vipkeeper/x": b"1"}


def test_killed_leader_is_replaced_and_comes_back(lab: Lab) -> None:
    leader = lab.etcd.leader()
    leader.process.kill()
    wait_until(lambda: other_leader(lab, leader) is not None)
    with pytest.raises(StoreUnreachable, match=leader.name):
        leader.request("/v3/maintenance/status", {})
    leader.process.start()
    wait_until(lambda: not leader.is_leader() and _answers(leader))


def test_leader_with_a_frozen_log_is_replaced(lab: Lab) -> None:
    leader = lab.etcd.leader()
    assert leader.disk is not None
    leader.disk.freeze()
    try:
        # A write makes the leader touch its log; without one a frozen disk goes unnoticed.
        follower = next(member for member in lab.etcd.members if member is not leader)
        with pytest.raises(StoreUnreachable):
            put(leader, "/vipkeeper/y", "1")
        wait_until(lambda: other_leader(lab, leader) is not None)
        put(follower, "/vipkeeper/y", "2")
    finally:
        leader.disk.thaw()
    wait_until(lambda: _answers(leader))


def test_leader_cut_from_its_peers_is_replaced(lab: Lab) -> None:
    leader = lab.etcd.leader()
    with faults.partition_etcd_member(leader.server):
        wait_until(lambda: other_leader(lab, leader) is not None)
        assert leader.process.is_running()
    wait_until(lambda: not leader.is_leader())


def _answers(member: EtcdMember) -> bool:
    try:
        member.request("/v3/maintenance/status", {})
    except StoreUnreachable:
        return False
    return True
