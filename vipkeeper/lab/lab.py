"""A whole lab in one call: networks, etcd, and a directory for logs; agents and observer are added to it."""

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


@dataclass(frozen=True, slots=True)
class Lab:
    """Hosts on two networks and a store; `directory` holds logs and is gone with the lab."""

    name: str
    directory: Path
    network: Network
    etcd: EtcdCluster


@contextlib.contextmanager
def make_lab(*, hosts: int = 3, etcd_members: int = 1, freezable_wal: bool = False) -> Iterator[Lab]:
    """A lab with a running store; every process, namespace, mount and file of it is gone afterwards.

    Raises MissingPrivilege without root, MissingTool without etcd or iproute2.
    """
    require_for_lab("etcd", "nft", *(("mkfs.ext4", "fsfreeze") if freezable_wal else ()))
    sweep_leftovers()
    name = new_lab_name()
    stack = contextlib.ExitStack()
    try:
        directory = Path(tempfile.gettempdir()) / name
        directory.mkdir()
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        network = stack.enter_context(make_network(name, hosts=hosts, store_servers=etcd_members))
        etcd = stack.enter_context(
            run_etcd(network.store_servers, directory / "etcd", freezable_wal=freezable_wal)
        )
        yield Lab(name, directory, network, etcd)
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
