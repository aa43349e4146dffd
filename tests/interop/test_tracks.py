"""Tracked things on VRRP, beside a real keepalived: what they change is what is heard on the wire.

Rules of this file: priorities come from the packets, owners from the observer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.configured_agent import ConfiguredAgent, configured_agent
from tests.interop.segment import VIP4, Segment
from tests.peers.keepalived import Keepalived
from tests.peers.virtual_router import VirtualRouter, running
from vipkeeper.lab.observer import now_ns

pytestmark = [pytest.mark.root, pytest.mark.timeout(180)]

PEER = VirtualRouter((VIP4,), version=2, interval_ms=1000, priority=98)
PATIENCE_S = 20.0


def described(directory: Path, *, definition: str, tracks: str) -> str:
    """One VIP of priority 100 with these tables; `{dir}` in them is a directory of the test's own."""
    text = (
        f"{definition}\n"
        f'[vip.web]\naddresses = ["{VIP4}"]\ninterface = "eth0"\npriority = 100\n'
        f"{tracks}\n"
        "[vip.web.vrrp]\nvrid = 51\nversion = 2\nadvert_interval = 1.0\n"
    )
    return text.replace("{dir}", str(directory))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def keepalived(segment: Segment, tmp_path: Path) -> Iterator[Keepalived]:
    """Priority 98 on the second host, running."""
    segment.forget()
    peer = Keepalived(segment.network.hosts[1], PEER, tmp_path / "keepalived")
    with running([peer]):
        yield peer


def heard_priority(segment: Segment, agent: ConfiguredAgent, priority: int) -> None:
    """Until an advertisement of this agent with that priority is on the wire."""
    end_s = time.monotonic() + PATIENCE_S
    since_ns = now_ns()
    while not any(
        each.priority == priority for each in segment.adverts.heard(since_ns=since_ns, host=agent.host.name)
    ):
        agent.process.require_running()
        assert time.monotonic() < end_s, f"never heard priority {priority}\n{agent.process.log_end(20)}"
        time.sleep(0.05)


def test_a_maintenance_file_moves_the_vip_there_and_back(
    segment: Segment, keepalived: Keepalived, own: Path
) -> None:
    down = own / "down"
    text = described(
        own,
        definition='[track_file.maint]\nfile = "{dir}/down"\nweight = -1',
        tracks="[vip.web.track_file.maint]",
    )
    with configured_agent(segment.network.hosts[0], segment.directory, text) as agent:
        agent.start()
        segment.observer.wait_until_answered(VIP4, by=agent.host.name, timeout_s=PATIENCE_S)
        heard_priority(segment, agent, 100)
        since_ns = now_ns()
        down.write_text("5\n")
        segment.answered_by(VIP4, keepalived)
        (listed,) = agent.listed()
        assert (listed["priority"], listed["weights"]) == (95, "100 -5 maint")
        assert "95 = 100 -5 maint" in agent.command("ls", "--backend", "vrrp", *agent.place).stdout
        assert any(
            each.priority == 95 for each in segment.adverts.heard(since_ns=since_ns, host=agent.host.name)
        )
        down.unlink()
        segment.observer.wait_until_answered(VIP4, by=agent.host.name, timeout_s=PATIENCE_S)
        heard_priority(segment, agent, 100)


def test_a_failing_check_is_a_fault_with_its_name(
    segment: Segment, keepalived: Keepalived, own: Path
) -> None:
    well = own / "well"
    well.touch()
    text = described(
        own,
        definition='[track_script.web]\nscript = "test -e {dir}/well"\ninterval = 0.2',
        tracks="[vip.web.track_script.web]",
    )
    with configured_agent(segment.network.hosts[0], segment.directory, text) as agent:
        agent.start()
        segment.observer.wait_until_answered(VIP4, by=agent.host.name, timeout_s=PATIENCE_S)
        heard_priority(segment, agent, 100)  # which the neighbour heard too, so it has yielded by then
        heard_priority(segment, agent, 100)
        since_ns = now_ns()
        well.unlink()
        segment.answered_by(VIP4, keepalived)
        (listed,) = agent.listed()
        assert (listed["state"], listed["reason"]) == ("Fault", "check-failed")
        assert listed["detail"] == "web: exit code 1"
        # It said that it leaves, so nobody had to wait for its silence.
        assert any(
            each.priority == 0 for each in segment.adverts.heard(since_ns=since_ns, host=agent.host.name)
        )
        assert segment.doubles(since_ns).count == 0
        well.touch()
        segment.observer.wait_until_answered(VIP4, by=agent.host.name, timeout_s=PATIENCE_S)


def test_nothing_begins_before_the_first_result(segment: Segment, own: Path) -> None:
    segment.forget()
    go = own / "go"
    text = described(
        own,
        definition=(
            "[track_script.slow]\n"
            """script = "sh -c 'until test -e {dir}/go; do sleep 0.1; done'"\ninterval = 1\ntimeout = 60"""
        ),
        tracks="[vip.web.track_script.slow]",
    )
    with configured_agent(segment.network.hosts[0], segment.directory, text) as agent:
        agent.start()
        since_ns = now_ns()
        time.sleep(5)  # master_down is 3.6 s
        (listed,) = agent.listed()
        assert (listed["state"], listed["reason"], listed["detail"]) == (
            "Initialize",
            "check-pending",
            "slow",
        )
        assert not segment.adverts.heard(since_ns=since_ns, host=agent.host.name)
        go.touch()
        segment.observer.wait_until_answered(VIP4, by=agent.host.name, timeout_s=PATIENCE_S)
        assert " fault " not in agent.log()


def test_a_restart_with_a_slow_check_loses_nothing(segment: Segment, own: Path) -> None:
    """Unknown never changes a role: the check of the new agent takes longer than the hold."""
    segment.forget()
    go = own / "go"
    go.touch()
    text = described(
        own,
        definition=(
            "[track_script.slow]\n"
            """script = "sh -c 'until test -e {dir}/go; do sleep 0.1; done'"\ninterval = 1\ntimeout = 60\n"""
            "[track_script.bonus]\nscript = \"sh -c 'until test -e {dir}/go; do sleep 0.1; done'\"\n"
            "interval = 1\ntimeout = 60\nweight = 50"
        ),
        tracks="[vip.web.track_script.slow]\n[vip.web.track_script.bonus]",
    ).replace("advert_interval = 1.0", "advert_interval = 3")
    with configured_agent(segment.network.hosts[0], segment.directory, text) as agent:
        agent.start()
        segment.observer.wait_until_answered(VIP4, by=agent.host.name, timeout_s=PATIENCE_S * 2)
        heard_priority(segment, agent, 150)
        go.unlink()
        since_ns = now_ns()
        agent.kill()
        agent.start()
        heard_priority(segment, agent, 150)
        time.sleep(10)
        assert segment.outage(VIP4, since_ns).lost == 0
        said = {each.priority for each in segment.adverts.heard(since_ns=since_ns, host=agent.host.name)}
        assert said == {150}
        assert "state=up" not in agent.log().rpartition(" info start ")[2]
        go.touch()


def test_a_reload_leaves_a_check_alone_that_it_does_not_change(segment: Segment, own: Path) -> None:
    segment.forget()
    runs = own / "runs"
    definition = (
        "[track_script.once]\n"
        """script = "sh -c 'echo run >> {dir}/runs; exec sleep 600'"\n"""
        "interval = 1\ntimeout = 600\nweight = -5"
    )
    text = described(own, definition=definition, tracks="[vip.web.track_script.once]")
    with configured_agent(segment.network.hosts[0], segment.directory, text) as agent:
        agent.start()
        agent.wait(runs.exists, "the check never ran")
        agent.reload(text.replace("priority = 100", "priority = 90"))
        agent.reload(text)
        time.sleep(1.0)
        assert runs.read_text() == "run\n"
        # Another script begins at once, and what it replaces is ended.
        agent.reload(text.replace("sleep 600", "sleep 601"))
        agent.wait(lambda: runs.read_text() == "run\nrun\n", "the changed check did not run")
        agent.wait(lambda: "sleep 600" not in processes(agent), "the former script still runs")
    assert "sleep 601" not in processes(agent)


def processes(agent: ConfiguredAgent) -> str:
    return agent.host.namespace.run("ps", "-e", "-o", "args=")
