"""`vipkeeper demo --backend vrrp`: agents that speak VRRP, and a real keepalived if there is one.

Rules of this file: as in `demo_scenes.py`; what VRRP cannot promise is shown too, and said. An error is what
is promised in any case: a node whose agent is stopped or killed answers beside nobody.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vipkeeper.cli.demo_judge import DemoFailed, Judge
from vipkeeper.cli.demo_screen import Screen
from vipkeeper.lab import faults, keepalived
from vipkeeper.lab.agents import Agent, AgentOptions, show_routers, stop_agents
from vipkeeper.lab.interruption import uninterrupted
from vipkeeper.lab.keepalived import KeepalivedNeighbour
from vipkeeper.lab.lab import Lan, make_lan
from vipkeeper.lab.network import vip_ipv4
from vipkeeper.lab.observer import now_ns, run_observer
from vipkeeper.model.errors import VipkeeperError

NODES = 3
_VRID = 51
_INTERVAL_S = 1.0
_STOPPED, _KILLED = "planned stop (SIGTERM)", "killed master (SIGKILL)"
# The last one waits a fifth of an interval longer than the second, so that they do not collide.
_PRIORITIES = (120, 110, 50)
# Beside three to four intervals: a loaded machine may take this long to start or to schedule somebody.
_PATIENCE_S = 20.0
# All have heard each other by then. A keepalived that hears the other one first yields without a word, so
# nobody knows that clients have learnt it; they find out by themselves, after 5 s if they send all the time.
_SETTLED_S = 8.0
# A node that got its address back within a second would look like two that have it.
_APART_S = 1.1


@dataclass(frozen=True, slots=True)
class VrrpStage:
    """A LAN whose first node is an agent and has the highest priority."""

    lan: Lan
    agents: list[Agent]
    judge: Judge

    @property
    def first(self) -> Agent:
        return self.agents[0]

    def wait_for_the_first(self) -> None:
        """It preempts, so it is the master between two scenes. Raises DemoFailed."""
        try:
            self.judge.observer.wait_until_answered(self.judge.vip, by=self.first.node, timeout_s=_PATIENCE_S)
        except TimeoutError as error:
            raise DemoFailed(f"{self.first.node} did not become master: {error}") from error
        self.judge.observer.forget_before(now_ns())
        time.sleep(_APART_S)

    def wait_for_another(self) -> None:
        """Raises DemoFailed."""
        self.judge.wait_for_takeover(self.first.node, timeout_s=_PATIENCE_S)

    def show_routers(self) -> None:
        for agent in self.agents:
            self.judge.screen.say(f"vipkeeper ls on {agent.node}")
            self.judge.screen.block(show_routers(agent))


def play_vrrp(screen: Screen) -> None:
    """All of it. Raises VipkeeperError when something did not go as promised."""
    has_keepalived = keepalived.is_installed()
    who = "two agents, and between them a keepalived" if has_keepalived else "three agents"
    screen.title(f"No store: {who} speak VRRP version 3 on one LAN, every {_INTERVAL_S:g} s")
    with make_lan(hosts=NODES) as lan:
        vip = vip_ipv4(0)
        if not has_keepalived:
            screen.say("(with `apt-get install keepalived` one of them would be a keepalived)")
        with (
            run_observer(lan.network, (vip,), lan.directory) as observer,
            _routers(lan, vip, with_keepalived=has_keepalived) as agents,
        ):
            judge = Judge(observer, screen, tuple(host.name for host in lan.network.hosts))
            stage = VrrpStage(lan, agents, judge)
            try:
                _play(stage)
            except (VipkeeperError, TimeoutError):
                for agent in agents:
                    screen.say(f"log of {agent.node} ends with")
                    screen.block(agent.process.log_end(lines=8))
                raise
    screen.say("everything is taken down again")


@contextlib.contextmanager
def _routers(lan: Lan, vip: str, *, with_keepalived: bool) -> Iterator[list[Agent]]:
    """All of them, started; the agents. The keepalived, if there is one, has the second priority."""
    directory = lan.directory / "routers"
    options = AgentOptions(
        vips={"web": (vip,)},
        endpoints=(),
        backend="vrrp",
        flags=("--vrid", str(_VRID), "--advert-interval", f"{_INTERVAL_S:g}"),
        peers_on="lan-ipv4",
    )
    agents: list[Agent] = []
    neighbours: list[KeepalivedNeighbour] = []
    for number, (host, priority) in enumerate(zip(lan.network.hosts, _PRIORITIES, strict=True)):
        if with_keepalived and number == 1:
            neighbours.append(
                KeepalivedNeighbour(
                    host, vip, directory, vrid=_VRID, priority=priority, interval_s=_INTERVAL_S
                )
            )
        else:
            agents.append(Agent(host, options, directory, priority=priority))
    try:
        for agent in agents:
            agent.start()
        for neighbour in neighbours:
            neighbour.start()
        yield agents
    finally:
        with uninterrupted():
            for neighbour in neighbours:
                neighbour.stop()
            stop_agents(agents)


def _play(stage: VrrpStage) -> None:
    judge, screen = stage.judge, stage.judge.screen
    screen.say("an observer asks every node for the VIP every 4 ms; all of them listen first")
    stage.wait_for_the_first()
    screen.say(f"{stage.first.node} has the highest priority and answers")
    stage.show_routers()
    for scene in SCENES:
        scene(stage)
    judge.show_table()
    broken = sum(each.double_by_owner for each in judge.measured if each.scene in (_STOPPED, _KILLED))
    screen.say(f"double answers of a node whose agent had been stopped or killed: {broken}")
    if broken:
        raise DemoFailed(f"{broken} answers of a node whose agent was gone, beside another one's")


def planned_stop(stage: VrrpStage) -> None:
    first = stage.first
    stage.judge.screen.title(f"Planned stop: SIGTERM to the agent on {first.node}, which is master")
    started_ns = now_ns()
    status = first.stop_planned()
    stage.wait_for_another()
    stage.judge.measure(_STOPPED, first.node, started_ns)
    if status != 0:
        raise DemoFailed(f"the agent ended with {status} instead of 0")
    _bring_back(stage)


def killed_master(stage: VrrpStage) -> None:
    first = stage.first
    stage.judge.screen.title(f"SIGKILL to the agent on {first.node}: nobody can take the address away")
    started_ns = now_ns()
    first.kill()
    stage.judge.screen.say("its kernel stops answering before its neighbours have waited long enough")
    stage.wait_for_another()
    stage.judge.measure(_KILLED, first.node, started_ns)
    _bring_back(stage)


def partition(stage: VrrpStage) -> None:
    judge, first = stage.judge, stage.first
    judge.screen.title(f"{first.node} and its neighbours do not hear each other; clients reach all of them")
    started_ns = now_ns()
    with faults.partition_from_peers(stage.lan.network, first.host):
        stage.wait_for_another()
        time.sleep(2 * _INTERVAL_S)
        judge.measure("partition", first.node, started_ns)
        judge.screen.say("two masters: to VRRP silence and death are the same; a store tells them apart")
    healed_ns = now_ns()
    judge.screen.say("the partition has healed")
    time.sleep(_SETTLED_S)
    judge.measure("partition healed", first.node, healed_ns)
    settled_ns = now_ns()
    time.sleep(_SETTLED_S)
    judge.measure("some intervals later", first.node, settled_ns)


def _bring_back(stage: VrrpStage) -> None:
    time.sleep(_APART_S)
    stage.first.start()
    stage.judge.screen.say(f"{stage.first.node} is started again, and preempts")
    stage.wait_for_the_first()


Scene = Callable[[VrrpStage], None]

SCENES: tuple[Scene, ...] = (planned_stop, killed_master, partition)
