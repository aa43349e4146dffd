"""The scenes of the demonstration: each does one thing to the owner and measures what a client saw.

Rules of this file: a scene judges by the observer alone, never by what vipkeeper says of itself; it leaves
all agents running, so that scenes can follow each other in any order.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from vipkeeper.cli.demo_judge import DemoFailed, Judge
from vipkeeper.cli.demo_screen import Screen
from vipkeeper.lab import faults
from vipkeeper.lab.agents import Agent, list_vips, show_vips
from vipkeeper.lab.lab import Lab
from vipkeeper.lab.observer import now_ns
from vipkeeper.lab.run_command import CommandFailed

# Beside the lease: a loaded machine may take this long to start or to schedule an agent.
_PATIENCE_S = 15.0
_POLL_S = 0.1


@dataclass(slots=True)
class Stage:
    """The lab with its agents, and who judges them."""

    lab: Lab
    agents: list[Agent]
    judge: Judge
    lease_s: float

    @property
    def screen(self) -> Screen:
        return self.judge.screen

    def owner(self) -> Agent:
        """Who answers now. Raises DemoFailed."""
        name = self.judge.answering_node(timeout_s=self.lease_s * 3 + _PATIENCE_S)
        return next(agent for agent in self.agents if agent.node == name)

    def wait_for_takeover(self, former: Agent) -> None:
        """Until another node answers for every address. Raises DemoFailed."""
        self.judge.wait_for_takeover(former.node, timeout_s=self.lease_s + _PATIENCE_S)

    def wait_until_ready(self) -> None:
        """Until every node may own again, by its own record in the store.

        Raises DemoFailed, UnexpectedProcessState when an agent has ended.
        """
        deadline_s = time.monotonic() + self.lease_s * 3 + _PATIENCE_S
        while True:
            for agent in self.agents:
                agent.process.require_running()
            try:
                (listed,) = list_vips(
                    self.lab.network.hosts[0], self.lab.store.endpoints, self.lab.store.backend
                )
                fit = {candidate["node"] for candidate in listed["candidates"] if candidate["eligible"]}
                waiting = {agent.node for agent in self.agents if not agent.is_ready()} | (
                    {agent.node for agent in self.agents} - fit
                )
                obstacle = f"not ready: {', '.join(sorted(waiting))}"
                if not waiting and listed["owner"]:
                    return
            except (CommandFailed, ValueError) as error:
                obstacle = str(error)
            if time.monotonic() > deadline_s:
                raise DemoFailed(f"the nodes did not all come back: {obstacle}")
            time.sleep(_POLL_S)

    def show_owner(self) -> None:
        self.screen.say("vipkeeper ls")
        self.screen.block(
            show_vips(self.lab.network.hosts[0], self.lab.store.endpoints, self.lab.store.backend)
        )

    def measure(self, scene: str, former: Agent, started_ns: int) -> None:
        """What was seen since the scene began."""
        measured = self.judge.measure(scene, former.node, started_ns)
        if measured.double:
            self.screen.bad("two nodes answered at once: that must never happen")


def planned_stop(stage: Stage) -> None:
    owner = stage.owner()
    stage.screen.title(f"Planned stop: SIGTERM to the agent on {owner.node}, which owns the VIP")
    started_ns = now_ns()
    status = owner.stop_planned()
    stage.wait_for_takeover(owner)
    stage.measure("planned stop (SIGTERM)", owner, started_ns)
    if status != 0:
        raise DemoFailed(f"the agent ended with {status} instead of 0")
    owner.start()


def restart_in_place(stage: Stage) -> None:
    owner = stage.owner()
    stage.screen.title(f"Upgrade in place: SIGUSR2 to the agent on {owner.node}, and a new one started")
    started_ns = now_ns()
    owner.leave_for_restart()
    stage.screen.say("the agent is gone; the address stays, for as long as its lease lives")
    owner.start()
    time.sleep(stage.lease_s * 1.5)
    stage.measure("restart in place (SIGUSR2)", owner, started_ns)


def killed_owner(stage: Stage) -> None:
    owner = stage.owner()
    stage.screen.title(f"SIGKILL to the agent on {owner.node}: nothing of ours runs there any more")
    started_ns = now_ns()
    owner.kill()
    stage.screen.say(f"its kernel ends the lease of {stage.lease_s:g} s without us")
    stage.wait_for_takeover(owner)
    stage.measure("killed owner (SIGKILL)", owner, started_ns)
    owner.start()


def frozen_owner(stage: Stage) -> None:
    owner = stage.owner()
    stage.screen.title(f"SIGSTOP to the agent on {owner.node}: it still believes that it owns the VIP")
    started_ns = now_ns()
    owner.freeze()
    stage.wait_for_takeover(owner)
    time.sleep(stage.lease_s)
    stage.screen.say("SIGCONT: it wakes up in the middle of what it was doing")
    owner.thaw()
    time.sleep(stage.lease_s + 0.5)
    stage.measure("frozen owner (SIGSTOP, SIGCONT)", owner, started_ns)


def partitioned_owner(stage: Stage) -> None:
    owner = stage.owner()
    stage.screen.title(f"{owner.node} loses the store: its packets to it vanish, its clients still reach it")
    started_ns = now_ns()
    with faults.partition_from_store(owner.host):
        stage.wait_for_takeover(owner)
        time.sleep(stage.lease_s)
        stage.screen.say("the path to the store is healed")
    time.sleep(0.5)
    stage.measure("owner cut from the store", owner, started_ns)


def cut_cable(stage: Stage) -> None:
    owner = stage.owner()
    stage.screen.title(f"The cable of {owner.node} is pulled; it still reaches the store")
    started_ns = now_ns()
    with faults.cut_link(stage.lab.network, owner.host):
        stage.wait_for_takeover(owner)
    stage.measure("owner's cable pulled", owner, started_ns)


def silent_store(stage: Stage) -> None:
    owner = stage.owner()
    stage.screen.title("Every server of the store is frozen: nobody can renew, nobody can claim")
    started_ns = now_ns()
    with faults.frozen_store(stage.lab.store):
        time.sleep(stage.lease_s * 1.5)
        stage.screen.say("all other nodes promised not to claim, so the owner serves on")
        time.sleep(stage.lease_s * 3.5)
        stage.screen.say("the store wakes up")
    time.sleep(stage.lease_s)
    stage.measure("store frozen as a whole", owner, started_ns)


Scene = Callable[[Stage], None]

SCRIPTS: dict[str, tuple[Scene, ...]] = {
    "failover": (
        *(planned_stop, restart_in_place, killed_owner, frozen_owner, partitioned_owner, cut_cable),
        silent_store,
    ),
    "quick": (planned_stop, killed_owner, silent_store),
    "stop": (planned_stop,),
    "restart": (restart_in_place,),
    "kill": (killed_owner,),
    "freeze": (frozen_owner,),
    "partition": (partitioned_owner,),
    "cable": (cut_cable,),
    "outage": (silent_store,),
}
