"""What an agent says of its store: a member that is missing, and one that is full and refuses writes."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.faults.arena import PATIENCE_S, make_arena
from vipkeeper.lab.agents import Agent, AgentOptions
from vipkeeper.lab.etcd_servers import EtcdMember
from vipkeeper.lab.lab import make_lab, run_agents
from vipkeeper.lab.network import vip_ipv4

pytestmark = [pytest.mark.root, pytest.mark.etcd, pytest.mark.slow]

LEASE_S = 2.0


def wait_until(what: str, holds: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 2 * PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline_s, f"never came true: {what}"
        time.sleep(0.1)


def log_of(agent: Agent) -> str:
    return agent.process.log.read_text() if agent.process.log.exists() else ""


def has_vip(agent: Agent) -> bool:
    return vip_ipv4(0) in agent.host.namespace.run("ip", "address", "show", "dev", "eth0")


def set_alarm(member: EtcdMember, action: str) -> None:
    """As etcd itself does when its quota is used up, and as `etcdctl alarm disarm` does."""
    member_id = member.request("/v3/maintenance/status", {})["header"]["member_id"]
    member.request("/v3/maintenance/alarm", {"action": action, "memberID": member_id, "alarm": "NOSPACE"})


def test_an_agent_tells_what_the_stores_operator_should_do() -> None:
    with make_lab(hosts=1, etcd_members=1) as lab:
        (member,) = lab.etcd.members
        missing = member.endpoint.replace(":2379", ":2370")
        options = AgentOptions(
            vips={"web": (vip_ipv4(0),)},
            endpoints=(*lab.etcd.endpoints, missing),
            ttl_s=LEASE_S,
            lease_max_s=LEASE_S,
            tables='failsafe = "off"\n',
        )
        with run_agents(lab, options) as (agent,):
            wait_until("it owns the VIP", lambda: has_vip(agent))
            wait_until("the missing member is named", lambda: "warning store-advice" in log_of(agent))
            (advice,) = (line for line in log_of(agent).splitlines() if "store-advice" in line)
            assert missing in advice

            set_alarm(member, "ACTIVATE")
            wait_until("the steps are told", lambda: "etcdctl alarm disarm" in log_of(agent))
            wait_until("the VIP is gone at the end of the lease", lambda: not has_vip(agent))
            agent.process.require_running()
            set_alarm(member, "DEACTIVATE")
            wait_until("the VIP is back", lambda: has_vip(agent))


def test_a_store_that_refuses_writes_and_answers_reads_is_down_to_failsafe() -> None:
    with make_arena(lease_s=LEASE_S) as arena:
        arena.settle()
        (member,) = arena.lab.etcd.members
        with arena.judged() as since_ns:
            set_alarm(member, "ACTIVATE")
            time.sleep(4 * LEASE_S)
            set_alarm(member, "DEACTIVATE")
            time.sleep(LEASE_S)
        assert arena.outage(since_ns).lost == 0
