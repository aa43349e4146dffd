"""A whole lab in one call: networks, a store or none, a directory for logs; agents and observer are added."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vipkeeper.lab.agents import Agent, AgentOptions, stop_agents
from vipkeeper.lab.etcd_servers import EtcdCluster, run_etcd
from vipkeeper.lab.interruption import uninterrupted
from vipkeeper.lab.leftovers import sweep_leftovers
from vipkeeper.lab.namespaces import new_lab_name
from vipkeeper.lab.network import Network, make_network
from vipkeeper.lab.run_command import require_for_lab
from vipkeeper.lab.zookeeper_servers import (
    QUICK_TICK_MS,
    SERVER_JAR,
    ZookeeperEnsemble,
    run_zookeeper,
)


@dataclass(frozen=True, slots=True)
class Lan:
    """Hosts on two networks; `directory` holds logs and is gone with them."""

    name: str
    directory: Path
    network: Network


@dataclass(frozen=True, slots=True)
class Lab(Lan):
    """The same with a store."""

    store: EtcdCluster | ZookeeperEnsemble

    @property
    def etcd(self) -> EtcdCluster:
        """The store of a lab that was made with etcd."""
        assert isinstance(self.store, EtcdCluster)  # noqa: S101 - for labs whose maker knows
        return self.store

    @property
    def zookeeper(self) -> ZookeeperEnsemble:
        """The store of a lab that was made with ZooKeeper."""
        assert isinstance(self.store, ZookeeperEnsemble)  # noqa: S101 - for labs whose maker knows
        return self.store


@contextlib.contextmanager
def make_lan(*, hosts: int = 3) -> Iterator[Lan]:
    """Hosts without a store; everything of it is gone afterwards.

    Raises MissingPrivilege without root, MissingTool without iproute2 or nftables.
    """
    require_for_lab("nft")
    with _undone_at_the_end() as stack:
        yield _make_lan(stack, hosts=hosts, store_servers=0)


@contextlib.contextmanager
def make_lab(
    *,
    hosts: int = 3,
    etcd_members: int = 1,
    freezable_wal: bool = False,
    zookeeper_members: int = 0,
    tick_ms: int = QUICK_TICK_MS,
) -> Iterator[Lab]:
    """A lab with a running store; every process, namespace, mount and file of it is gone afterwards.

    The store is ZooKeeper when `zookeeper_members` are asked for (`tick_ms` is theirs), else etcd.
    Raises MissingPrivilege without root, MissingTool without the store's server or iproute2.
    """
    tools = ("java", SERVER_JAR) if zookeeper_members else ("etcd",)
    require_for_lab(*tools, "nft", *(("mkfs.ext4", "fsfreeze") if freezable_wal else ()))
    with _undone_at_the_end() as stack:
        lan = _make_lan(stack, hosts=hosts, store_servers=zookeeper_members or etcd_members)
        servers, home = lan.network.store_servers, lan.directory / "store"
        store: EtcdCluster | ZookeeperEnsemble
        if zookeeper_members:
            store = stack.enter_context(run_zookeeper(servers, home, tick_ms=tick_ms))
        else:
            store = stack.enter_context(run_etcd(servers, home, freezable_wal=freezable_wal))
        yield Lab(lan.name, lan.directory, lan.network, store)


@contextlib.contextmanager
def _undone_at_the_end() -> Iterator[contextlib.ExitStack]:
    stack = contextlib.ExitStack()
    try:
        yield stack
    finally:
        with uninterrupted():
            stack.close()


def _make_lan(stack: contextlib.ExitStack, *, hosts: int, store_servers: int) -> Lan:
    sweep_leftovers()
    name = new_lab_name()
    directory = Path(tempfile.gettempdir()) / name
    directory.mkdir()
    stack.callback(shutil.rmtree, directory, ignore_errors=True)
    network = stack.enter_context(make_network(name, hosts=hosts, store_servers=store_servers))
    return Lan(name, directory, network)


@contextlib.contextmanager
def run_agents(lab: Lab, options: AgentOptions, *, start: int | None = None) -> Iterator[list[Agent]]:
    """One agent a host, the first with the highest priority; all stopped when the block ends.

    All of them are started, or only the first `start`.
    """
    directory = lab.directory / "agents"
    agents = [
        Agent(host, options, directory, priority=100 - number)
        for number, host in enumerate(lab.network.hosts)
    ]
    try:
        for agent in agents[:start]:
            agent.start()
        yield agents
    finally:
        with uninterrupted():
            stop_agents(agents)
