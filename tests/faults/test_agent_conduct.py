"""What an operator, or other software on the host, does to an agent, and what it does about it."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.arena import PATIENCE_S, VIPS, Arena, make_arena
from vipkeeper.lab.agents import CLUSTER, Agent, AgentOptions, list_vips
from vipkeeper.lab.lab import Lab, make_lab, run_agents
from vipkeeper.lab.namespaces import Namespace
from vipkeeper.lab.network import Host, vip_ipv4
from vipkeeper.lab.processes import LabProcess

pytestmark = [pytest.mark.root, pytest.mark.etcd, pytest.mark.slow]

LEASE_S = 2.0


@pytest.fixture(scope="module")
def arena() -> Iterator[Arena]:
    with make_arena(etcd_members=1, lease_s=LEASE_S) as made:
        yield made


def wait_until(what: str, holds: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    deadline_s = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline_s, f"never came true: {what}"
        time.sleep(0.05)


def log_of(agent: Agent) -> str:
    return agent.process.log.read_text()


def addresses_on(host: Host) -> str:
    return host.namespace.run("ip", "address", "show", "dev", "eth0")


@contextlib.contextmanager
def another_agent(lab: Lab, place: Namespace, directory: Path, *arguments: str) -> Iterator[LabProcess]:
    """One more agent process, with flags alone."""
    process = LabProcess(
        "another agent",
        (
            *(sys.executable, "-m", "vipkeeper", "agent"),
            *("--endpoints", ",".join(lab.etcd.endpoints)),
            *("--cluster", CLUSTER),
            *("--lease-max", "2"),
            *("--lease", "2"),
            *("--run-dir", str(directory / "another.run")),
            *arguments,
        ),
        log=directory / "another.log",
        namespace=place,
    )
    process.start()
    try:
        yield process
    finally:
        process.stop()
        print(process.log.read_text())


def test_an_address_removed_by_somebody_is_put_back(settled: Arena) -> None:
    owner = settled.owner()
    with settled.judged():
        owner.host.namespace.run("ip", "address", "del", f"{VIPS[0]}/32", "dev", "eth0")
        wait_until("the address is back", lambda: VIPS[0] in addresses_on(owner.host))
    assert settled.owner() is owner
    assert "removed-by-others" in log_of(owner)


def test_who_removes_it_again_and_again_moves_it_to_another_node(settled: Arena) -> None:
    owner = settled.owner()
    with settled.judged():

        def remove_until_it_moves() -> bool:
            if VIPS[0] in addresses_on(owner.host):
                owner.host.namespace.run("ip", "address", "del", f"{VIPS[0]}/32", "dev", "eth0")
            return settled.owner() is not owner

        wait_until("another node owns it", remove_until_it_moves)
    assert "kernel-refused" in log_of(owner)


def test_a_fence_removed_by_somebody_is_put_back_and_holds(settled: Arena) -> None:
    owner = settled.owner()
    namespace = owner.host.namespace
    with settled.judged():
        namespace.run("tc", "qdisc", "del", "dev", "eth0", "clsact")
        wait_until(
            "the filter is back",
            lambda: "vipkeeper" in namespace.run("tc", "filter", "show", "dev", "eth0", "egress"),
        )
        owner.freeze()
        settled.wait_for_somebody(but=owner)
        owner.thaw()
    assert "fence-restored" in log_of(owner)


def test_an_interface_set_down_hands_over(settled: Arena) -> None:
    owner = settled.owner()
    with settled.judged():
        owner.host.namespace.run("ip", "link", "set", "eth0", "down")
        settled.wait_for_somebody(but=owner)
        owner.host.namespace.run("ip", "link", "set", "eth0", "up")


def test_a_bad_file_is_refused_by_a_reload_and_nothing_changes(settled: Arena) -> None:
    owner = settled.owner()
    config = owner.process.log.with_name(f"{owner.node}.toml")
    good = config.read_text()
    try:
        with settled.judged() as since_ns:
            config.write_text(good + '[vip.second]\naddresses = ["nonsense"]\nintreface = "eth0"\n')
            owner.process.send(signal.SIGHUP)
            wait_until("the refusal is logged", lambda: "nothing has changed" in log_of(owner))
    finally:
        config.write_text(good)
    assert "did you mean interface?" in log_of(owner)
    assert settled.owner() is owner
    assert settled.outage(since_ns).lost == 0


def test_a_reload_adds_and_removes_a_vip_and_touches_no_other(settled: Arena) -> None:
    owner = settled.owner()
    config = owner.process.log.with_name(f"{owner.node}.toml")
    good = config.read_text()
    second = vip_ipv4(7)
    try:
        with settled.judged() as since_ns:
            config.write_text(good + f'[vip.second]\naddresses = ["{second}"]\ninterface = "eth0"\n')
            owner.process.send(signal.SIGHUP)
            wait_until("the new VIP is there", lambda: second in addresses_on(owner.host))
            config.write_text(good)
            owner.process.send(signal.SIGHUP)
            wait_until("it is gone again", lambda: second not in addresses_on(owner.host))
    finally:
        config.write_text(good)
    assert settled.owner() is owner
    assert settled.outage(since_ns).lost == 0


def test_a_node_name_in_use_elsewhere_is_refused(settled: Arena, tmp_path: Path) -> None:
    owner = settled.owner()
    elsewhere = settled.lab.network.store_servers[0].namespace
    vip = f"web={VIPS[0]}@eth0"
    with (
        settled.judged() as since_ns,
        another_agent(settled.lab, elsewhere, tmp_path, "--node", owner.node, "--vip", vip) as other,
    ):
        assert other.wait(PATIENCE_S) == 2
        assert "is in use by a living agent on host" in other.log.read_text()
    assert settled.outage(since_ns).lost == 0


def test_one_agent_for_one_run_directory(settled: Arena, tmp_path: Path) -> None:
    owner = settled.owner()
    arguments = ("--node", "other", "--vip", "other=10.77.4.99@eth0", "--run-dir", str(owner.run_directory))
    with another_agent(settled.lab, owner.host.namespace, tmp_path, *arguments) as other:
        assert other.wait(PATIENCE_S) == 2
        assert f"in use by another agent (pid {owner.process.pid})" in other.log.read_text()


def test_without_capabilities_it_says_which_one_is_missing(settled: Arena, tmp_path: Path) -> None:
    process = LabProcess(
        "agent without capabilities",
        (
            *("setpriv", "--bounding-set=-all", "--inh-caps=-all"),
            *(sys.executable, "-m", "vipkeeper", "agent", "--node", "bare", "--vip", "bare=10.77.4.98@eth0"),
            *("--run-dir", str(tmp_path / "bare.run")),
        ),
        log=tmp_path / "bare.log",
        namespace=settled.lab.network.store_servers[0].namespace,
    )
    process.start()
    assert process.wait(PATIENCE_S) == 77
    assert "CAP_NET_ADMIN" in process.log.read_text()


def test_one_agent_for_one_network_namespace(settled: Arena, tmp_path: Path) -> None:
    owner = settled.owner()
    arguments = ("--node", "second", "--vip", "other=10.77.4.99@eth0")
    with (
        settled.judged() as since_ns,
        another_agent(settled.lab, owner.host.namespace, tmp_path, *arguments) as other,
    ):
        assert other.wait(PATIENCE_S) == 2
        assert "another agent runs in this network namespace" in other.log.read_text()
    assert settled.outage(since_ns).lost == 0


def test_an_interface_that_comes_later_is_waited_for(tmp_path: Path) -> None:
    with make_lab(hosts=1, etcd_members=1) as lab:
        (host,) = lab.network.hosts
        vip = "late=10.77.4.97@late0"
        with another_agent(lab, host.namespace, tmp_path, "--node", "patient", "--vip", vip) as process:
            wait_until("it says what it waits for", lambda: "interface-missing" in process.log.read_text())
            process.require_running()
            host.namespace.run("ip", "link", "add", "late0", "type", "veth", "peer", "name", "late1")
            for end in ("late0", "late1"):
                host.namespace.run("ip", "link", "set", end, "up")
            wait_until(
                "it owns the VIP",
                lambda: "10.77.4.97" in host.namespace.run("ip", "address", "show", "dev", "late0"),
            )


def test_a_store_that_comes_later_is_waited_for_and_a_stop_needs_none() -> None:
    with make_lab(hosts=1, etcd_members=1) as lab:
        (member,) = lab.etcd.members
        options = AgentOptions(vips={"web": (vip_ipv4(0),)}, endpoints=lab.etcd.endpoints)
        member.process.kill()
        with run_agents(lab, options) as (agent,):
            wait_until("it tells of the store", lambda: "store-unreachable" in log_of(agent))
            agent.process.require_running()
            member.process.start()
            wait_until(
                "it owns the VIP", lambda: vip_ipv4(0) in addresses_on(agent.host), patience_s=2 * PATIENCE_S
            )
            assert list_vips(agent.host, lab.etcd.endpoints)[0]["owner"] == agent.node
            member.process.freeze()
            assert agent.stop_planned() == 0
            member.process.thaw()
            assert vip_ipv4(0) not in addresses_on(agent.host)


def test_another_cluster_name_in_one_run_directory_is_refused(settled: Arena, tmp_path: Path) -> None:
    owner = settled.owner()
    standby = next(agent for agent in settled.agents if agent is not owner)
    vip = f"web={VIPS[0]}@eth0"
    arguments = ("--node", standby.node, "--vip", vip, "--run-dir", str(standby.run_directory))
    with settled.judged() as since_ns:
        assert standby.stop_planned() == 0
        with another_agent(
            settled.lab, standby.host.namespace, tmp_path, *arguments, "--cluster", "renamed"
        ) as renamed:
            assert renamed.wait(PATIENCE_S) == 2
            assert f'Stop every agent of "{CLUSTER}" first' in renamed.log.read_text()
    assert settled.outage(since_ns).lost == 0
