"""A VIP of several interfaces and families, with routes, and a store: all of it moves as one.

The lease is long, because a machine that is busy may take seconds to start a process.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from vipkeeper.lab.agents import Agent, AgentOptions
from vipkeeper.lab.lab import make_lab, run_agents
from vipkeeper.lab.network import Host, vip_ipv4, vip_ipv6

pytestmark = [pytest.mark.root, pytest.mark.etcd, pytest.mark.slow]

PATIENCE_S = 30.0
LEASE_S = 6.0
ADDRESS = vip_ipv4(0)
WEB = f"""\
[vip.web]
interface = "eth0"
addresses = ["{ADDRESS}/16 brd + label eth0:web", "10.88.4.1 dev store0"]
excluded_addresses = ["{vip_ipv6(0)}"]
virtual_routes = ["198.18.1.0/24 via 10.77.2.1 src {ADDRESS}", "198.18.2.0/24 via 10.77.2.1"]
virtual_rules = ["from {ADDRESS} table 77 priority 777"]
"""
ALL_OF_IT = {ADDRESS, "10.88.4.1", vip_ipv6(0), "198.18.1.0/24", "198.18.2.0/24", "777"}


@pytest.fixture(scope="module")
def agents() -> Iterator[list[Agent]]:
    with make_lab(hosts=2) as lab:
        options = AgentOptions(
            vips={}, endpoints=lab.store.endpoints, ttl_s=LEASE_S, lease_max_s=LEASE_S, tables=WEB
        )
        with run_agents(lab, options) as running:
            yield running


def found(host: Host) -> set[str]:
    """What of it this host has."""
    run = host.namespace.run
    addresses = {
        entry["local"]
        for link in json.loads(run("ip", "-j", "address", "show"))
        for entry in link.get("addr_info", ())
    }
    routes = {route["dst"] for route in json.loads(run("ip", "-j", "route", "show"))}
    rules = {str(rule["priority"]) for rule in json.loads(run("ip", "-j", "rule", "show"))}
    return (addresses | routes | rules) & ALL_OF_IT


def wait_for(host: Host, wanted: set[str]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while found(host) != wanted:
        assert time.monotonic() < deadline_s, (host.name, found(host))
        time.sleep(0.05)


def owner_and_other(agents: list[Agent]) -> tuple[Agent, Agent]:
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        owners = [agent for agent in agents if found(agent.host) == ALL_OF_IT]
        if len(owners) == 1:
            (other,) = [agent for agent in agents if agent is not owners[0]]
            return owners[0], other
        assert time.monotonic() < deadline_s, [found(agent.host) for agent in agents]
        time.sleep(0.05)


def test_a_planned_move_takes_all_of_it(agents: list[Agent]) -> None:
    owner, other = owner_and_other(agents)
    assert found(other.host) == set()
    assert owner.stop_planned() == 0
    assert found(owner.host) == set()
    wait_for(other.host, ALL_OF_IT)
    owner.start()


def test_a_restart_keeps_all_of_it(agents: list[Agent]) -> None:
    owner, other = owner_and_other(agents)
    assert owner.leave_for_restart() == 0
    assert found(owner.host) == ALL_OF_IT
    owner.start()
    wait_until_ready(owner)
    assert found(owner.host) == ALL_OF_IT
    assert found(other.host) == set()


def test_after_a_kill_the_other_has_all_of_it_and_the_next_agent_cleans_up(agents: list[Agent]) -> None:
    owner, other = owner_and_other(agents)
    wait_until_ready(other)
    owner.kill()
    wait_for(other.host, ALL_OF_IT)
    # What the kernel does not end by itself: a route that is from no virtual address, and the rule.
    wait_for(owner.host, {"198.18.2.0/24", "777"})
    owner.start()
    wait_for(owner.host, set())
    assert found(other.host) == ALL_OF_IT


def wait_until_ready(agent: Agent) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not agent.is_ready():
        assert time.monotonic() < deadline_s, agent.process.log_end()
        time.sleep(0.05)
