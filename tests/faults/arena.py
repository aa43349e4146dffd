"""Agents, an observer, and the judgement that every fault test ends with.

Rules of this file: the verdict comes from the observer alone; it is taken over the whole time of the fault
and of the healing after it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from vipkeeper.lab.agents import Agent, AgentOptions, list_vips
from vipkeeper.lab.lab import Lab, make_lab, run_agents
from vipkeeper.lab.network import vip_ipv4, vip_ipv6
from vipkeeper.lab.observer import Observer, now_ns, run_observer
from vipkeeper.lab.run_command import CommandFailed
from vipkeeper.lab.verdicts import RETURN_NS, Outage, Recording, double_answers, longest_outage, strays
from vipkeeper.lab.zookeeper_servers import QUICK_TICK_MS, ZookeeperMember

VIPS = (vip_ipv4(0), vip_ipv6(0))
# For whatever has to happen at some time on a loaded machine; no figure is judged by it.
PATIENCE_S = 20.0
# After the healing: old owners have their chance to speak, probes in flight come back.
AFTERWARDS_S = 1.5


def require_one_owner(recording: Recording, since_ns: int) -> None:
    """No two nodes answered at once since then, and nobody announced what another one served."""
    proofs = [proof for proof in double_answers(recording).proofs if proof.received_ns >= since_ns]
    assert not proofs, f"two nodes answered at once, {len(proofs)} answers, the first: {proofs[:3]}"
    announced = [
        stray for vip in recording.vips for stray in strays(recording, vip) if stray.received_ns >= since_ns
    ]
    assert not announced, f"announced while another node served: {announced[:3]}"


@dataclass(frozen=True, slots=True)
class Arena:
    """One lab with agents on all hosts, used by one fault after another."""

    lab: Lab
    agents: list[Agent]
    observer: Observer
    options: AgentOptions

    def owner(self) -> Agent:
        """The node that answers for the first address, as soon as one does."""
        name = self.observer.wait_until_answered(VIPS[0], timeout_s=self.options.lease_max_s + PATIENCE_S)
        return next(agent for agent in self.agents if agent.node == name)

    def wait_for_somebody(self, *, but: Agent | None = None) -> None:
        """Until a client is served at every address, by another node than `but`."""
        for vip in VIPS:
            self.observer.wait_until_answered(
                vip,
                not_by=but.node if but else None,
                kinds=("client",),
                timeout_s=self.options.lease_max_s + PATIENCE_S,
            )

    @contextlib.contextmanager
    def judged(self) -> Iterator[int]:
        """The time from here to the end of the block, and a while after it, is judged; gives its start."""
        since_ns = now_ns()
        yield since_ns
        time.sleep(AFTERWARDS_S)
        recording = self.observer.recording()
        require_one_owner(recording, since_ns)
        outage = self.outage(since_ns)
        owners = recording.owners_between(VIPS[0], since_ns, now_ns())
        print(
            f"answered by {' then '.join(owners)}; longest outage {outage.seconds:.3f} s, "
            f"{outage.lost} probes lost, observer stalled {outage.stalled_ns / 1e9:.3f} s of it"
        )

    def outage(self, since_ns: int) -> Outage:
        """The longest one a client saw on any address since then."""
        recording = self.observer.recording()
        found = [longest_outage(recording, vip, from_ns=since_ns) for vip in VIPS]
        return max(found, key=lambda outage: outage.seconds)

    def settle(self) -> None:
        """Every agent runs, one answers, and all of them may own by their own word in the store.

        What was observed up to now has been judged, and is forgotten.
        """
        for agent in self.agents:
            if not agent.is_running():
                agent.start()
        deadline_s = time.monotonic() + self.options.lease_max_s + PATIENCE_S
        while (obstacle := self._obstacle()) is not None:
            for agent in self.agents:
                agent.process.require_running()
            assert time.monotonic() < deadline_s, f"not settled: {obstacle}\n{self.log_ends()}"
            time.sleep(0.2)
        self.wait_for_somebody()
        self.observer.forget_before(now_ns() - 2 * RETURN_NS)

    def _obstacle(self) -> str | None:
        try:
            vips = list_vips(self.lab.network.hosts[0], self.lab.store.endpoints, self.lab.store.backend)
        except CommandFailed as error:
            return str(error)
        listed = next((vip for vip in vips if vip["vip"] == "web"), None)
        if listed is None:
            return "the store does not know the VIP"
        candidates = {each["node"]: each for each in listed["candidates"]}
        for agent in self.agents:
            candidate = candidates.get(agent.node)
            if not agent.is_ready():
                return f"{agent.node}: starting"
            if candidate is None or not candidate["eligible"]:
                return f"{agent.node}: {candidate['reason'] if candidate else 'unknown to the store'}"
        return None if listed["owner"] else "nobody owns it"

    def server_of(self, agent: Agent) -> ZookeeperMember:
        """The server that an agent talks to, by its host's list of connections."""
        listed = agent.host.namespace.run("ss", "--tcp", "--numeric", "--no-header", "state", "established")
        reached = {line.split()[3] for line in listed.splitlines()}
        return next(member for member in self.lab.zookeeper.members if member.endpoint in reached)

    def record(self) -> tuple[str, int]:
        """Owner and epoch of the VIP, by the store's word."""
        store = self.lab.store
        (listed,) = list_vips(self.lab.network.hosts[0], store.endpoints, store.backend)
        return listed["owner"], listed["epoch"]

    def log_ends(self) -> str:
        return "\n".join(
            f"--- {agent.node}, {agent.process.log}\n{agent.process.log_end(15)}" for agent in self.agents
        )


@contextlib.contextmanager
def make_arena(
    *,
    etcd_members: int = 1,
    lease_s: float,
    freezable_wal: bool = False,
    zookeeper_members: int = 0,
    tick_ms: int = QUICK_TICK_MS,
    lease_max_s: float | None = None,
    peers_on: Literal["store", "lan-ipv4", "lan-ipv6"] = "store",
    tables: str = "",
    vip_lines: str = "",
) -> Iterator[Arena]:
    """Three agents that own the two addresses of one VIP, under observation; for the store see `make_lab`.

    The longest lease is the lease, or a new cluster's first claim would wait as long as the default.
    """
    with make_lab(
        hosts=3,
        etcd_members=etcd_members,
        freezable_wal=freezable_wal,
        zookeeper_members=zookeeper_members,
        tick_ms=tick_ms,
    ) as lab:
        endpoints = lab.zookeeper.followers_first() if zookeeper_members else lab.store.endpoints
        options = AgentOptions(
            vips={"web": VIPS},
            endpoints=endpoints,
            backend=lab.store.backend,
            ttl_s=lease_s,
            lease_max_s=lease_s if lease_max_s is None else lease_max_s,
            peers_on=peers_on,
            tables=tables,
            vip_lines=vip_lines,
        )
        with run_observer(lab.network, VIPS, lab.directory) as observer, run_agents(lab, options) as agents:
            yield Arena(lab, agents, observer, options)
