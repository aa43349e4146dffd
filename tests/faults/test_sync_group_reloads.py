"""VIPs move into a sync group and out of it, on three nodes that are reloaded one by one: never two owners.

What the owner holds changes names in the store and nothing else, so that no client notices.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from tests.faults.arena import require_one_owner
from tests.peers.configured_vipkeeper import ConfiguredVipkeeper
from tests.peers.virtual_router import VirtualRouter
from vipkeeper.lab.lab import Lab, make_lab
from vipkeeper.lab.network import vip_ipv4
from vipkeeper.lab.observer import Observer, now_ns, run_observer
from vipkeeper.lab.verdicts import longest_outage

pytestmark = [pytest.mark.root, pytest.mark.etcd, pytest.mark.slow, pytest.mark.timeout(240)]

OUT, IN = VIPS = (vip_ipv4(0), vip_ipv4(1))
LEASE_S = 2.0
PATIENCE_S = 40.0
GROUP = '[sync_group.lb]\nvips = ["out", "in"]\n'


def text(lab: Lab, number: int, group: str, *, apart: bool = False) -> str:
    """Of one node. `apart`: the first node is the best one for `out`, and the last one for `in`."""
    better = f"priority = {100 + number}\n" if apart else ""
    preempt = "preempt = true\n" if apart else ""
    return (
        f'backend = "etcd"\npriority = {100 - number}\n'
        f"lease = {{ ttl = {LEASE_S}, max = {LEASE_S} }}\n"
        f"etcd = {{ endpoints = {list(lab.etcd.endpoints)} }}\n".replace("'", '"')
        + f'[vip.out]\naddresses = ["{OUT}"]\ninterface = "eth0"\n{preempt}'
        + f'[vip.in]\naddresses = ["{IN}"]\ninterface = "eth0"\n{preempt}{better}'
        + group
    )


@contextlib.contextmanager
def three_nodes(
    group: str, *, apart: bool = False
) -> Iterator[tuple[Lab, list[ConfiguredVipkeeper], Observer]]:
    with make_lab(hosts=3, etcd_members=1) as lab, run_observer(lab.network, VIPS, lab.directory) as observer:
        agents = [
            ConfiguredVipkeeper(
                host, VirtualRouter(VIPS), lab.directory, text(lab, number, group, apart=apart)
            )
            for number, host in enumerate(lab.network.hosts)
        ]
        try:
            for agent in agents:
                agent.start()
            for agent in agents:
                wait(lambda agent=agent: agent.process.catches(signal.SIGHUP), agent)  # type: ignore[misc]
            for vip in VIPS:
                observer.wait_until_answered(vip, timeout_s=PATIENCE_S)
            yield lab, agents, observer
        except BaseException:
            print("\n".join(f"--- {agent.host.name}\n{agent.process.log_end(30)}" for agent in agents))
            raise
        finally:
            for agent in agents:
                agent.clean_up()


def reload(agent: ConfiguredVipkeeper, configuration: str) -> None:
    """Returns when it has read it."""
    before = agent.said().count(" info reload ")
    agent.reload(configuration)
    wait(lambda: agent.said().count(" info reload ") > before, agent)


def wait(true: Callable[[], bool], agent: ConfiguredVipkeeper) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline_s, agent.process.log_end(30)
        time.sleep(0.05)


def owners(agent: ConfiguredVipkeeper) -> dict[str, str]:
    return {one["vip"]: one["owner"] for one in agent.ls() if one["owner"] is not None}


def lost(observer: Observer, since_ns: int) -> int:
    time.sleep(0.4)  # probes on their way
    recording = observer.recording()
    require_one_owner(recording, since_ns)
    return max(longest_outage(recording, vip, from_ns=since_ns).lost for vip in VIPS)


def test_into_a_group_and_out_of_it_loses_no_probe() -> None:
    with three_nodes("") as (lab, agents, observer):
        wait(lambda: len(owners(agents[0])) == len(VIPS), agents[0])
        (name,) = set(owners(agents[0]).values())  # both are claimed in one transaction
        one, other = (agent for agent in agents if agent.host.name != name)
        owner = next(agent for agent in agents if agent.host.name == name)
        since_ns = now_ns()
        for group, held in ((GROUP, {"lb"}), ("", {"out", "in"})):
            for agent in (one, owner, other):
                reload(agent, text(lab, agents.index(agent), group))
                time.sleep(1.0)
            assert owners(owner) == dict.fromkeys(held, name)
            assert lost(observer, since_ns) == 0, owner.said()
        assert "address-renamed" in owner.said()


def test_members_on_two_nodes_meet_on_one() -> None:
    with three_nodes("", apart=True) as (lab, agents, observer):
        first, last = (agents[at].host.name for at in (0, -1))
        wait(lambda: owners(agents[0]) == {"out": first, "in": last}, agents[0])
        since_ns = now_ns()
        for number, agent in enumerate(agents):
            reload(agent, text(lab, number, GROUP, apart=True))
            time.sleep(1.0)
        wait(lambda: set(owners(agents[0])) == {"lb"}, agents[0])
        (owner,) = set(owners(agents[0]).values())
        for vip in VIPS:
            observer.wait_until_answered(vip, by=owner, timeout_s=PATIENCE_S)
        require_one_owner(observer.recording(), since_ns)
        (listed,) = (one for one in agents[0].ls() if one["vip"] == "lb")
        assert listed["members"] == ["out", "in"]


def test_a_group_moves_as_one_when_its_owner_dies() -> None:
    with three_nodes(GROUP) as (_, agents, observer):
        name = observer.wait_until_answered(OUT, timeout_s=PATIENCE_S)
        assert observer.wait_until_answered(IN, timeout_s=PATIENCE_S) == name
        owner = next(agent for agent in agents if agent.host.name == name)
        since_ns = now_ns()
        owner.kill()
        heir = observer.wait_until_answered(OUT, not_by=name, timeout_s=PATIENCE_S)
        observer.wait_until_answered(IN, by=heir, timeout_s=PATIENCE_S)
        require_one_owner(observer.recording(), since_ns)
