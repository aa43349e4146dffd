"""A whole lab in one call: networks, a store, a directory for logs; agents and observer are added to it."""

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
class Lab:
    """Hosts on two networks and a store; `directory` holds logs and is gone with the lab."""

    name: str
    directory: Path
    network: Network
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
    sweep_leftovers()
    name = new_lab_name()
    stack = contextlib.ExitStack()
    try:
        directory = Path(tempfile.gettempdir()) / name
        directory.mkdir()
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        members = zookeeper_members or etcd_members
        network = stack.enter_context(make_network(name, hosts=hosts, store_servers=members))
        servers, home = network.store_servers, directory / "store"
        store: EtcdCluster | ZookeeperEnsemble
        if zookeeper_members:
            store = stack.enter_context(run_zookeeper(servers, home, tick_ms=tick_ms))
        else:
            store = stack.enter_context(run_etcd(servers, home, freezable_wal=freezable_wal))
        yield Lab(name, directory, network, store)
    finally:
        with uninterrupted():
            stack.close()


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
