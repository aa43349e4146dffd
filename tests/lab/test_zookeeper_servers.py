"""Real ZooKeeper ensembles under the faults that the fault tests rely on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from vipkeeper.lab import faults
from vipkeeper.lab.lab import Lab, make_lab
from vipkeeper.lab.zookeeper_servers import ZookeeperMember

pytestmark = [pytest.mark.root, pytest.mark.zookeeper]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with make_lab(hosts=1, zookeeper_members=3) as made:
        yield made


@pytest.fixture(autouse=True)
def _all_serve(lab: Lab) -> None:
    lab.zookeeper.wait_until_all_serve()


def wait_until(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def other_leader(lab: Lab, former: ZookeeperMember) -> bool:
    return any(member.is_leader() for member in lab.zookeeper.members if member is not former)


def test_followers_come_first(lab: Lab) -> None:
    assert lab.zookeeper.followers_first()[-1] == lab.zookeeper.leader().endpoint
    assert set(lab.zookeeper.followers_first()) == set(lab.zookeeper.endpoints)


def test_a_killed_leader_is_replaced_and_comes_back(lab: Lab) -> None:
    leader = lab.zookeeper.leader()
    leader.process.kill()
    assert leader.mode() == ""
    wait_until(lambda: other_leader(lab, leader))
    leader.process.start()
    wait_until(lambda: leader.mode() == "follower")


def test_a_leader_cut_from_the_others_is_replaced(lab: Lab) -> None:
    leader = lab.zookeeper.leader()
    with faults.partition_zookeeper_member(leader.server):
        wait_until(lambda: other_leader(lab, leader))
        assert leader.process.is_running()
        wait_until(lambda: not leader.is_leader())
    wait_until(lambda: leader.mode() == "follower")


def test_a_follower_cut_from_the_others_goes_on_for_a_while(lab: Lab) -> None:
    leader = lab.zookeeper.leader()
    follower = next(member for member in lab.zookeeper.members if member is not leader)
    with faults.partition_zookeeper_member(follower.server):
        assert follower.mode() == "follower"
        wait_until(lambda: follower.mode() == "")
        assert leader.is_leader()
