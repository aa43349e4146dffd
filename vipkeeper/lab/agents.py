"""Real agents: `vipkeeper agent` as a process in a host's namespace, handled as an operator would.

Rules of this file: an agent is known by its command line, its signals and its log, never by its insides.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from vipkeeper.lab.network import Host
from vipkeeper.lab.processes import LabProcess
from vipkeeper.lab.run_command import run_command

CLUSTER = "lab"
# Several times what an agent has for a planned stop.
_EXIT_S = 15.0


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """What all agents of a lab have in common. Seconds."""

    vips: Mapping[str, tuple[str, ...]]  # name -> addresses, all on eth0
    endpoints: tuple[str, ...]  # of the store; none with VRRP
    backend: str = "etcd"
    ttl_s: float = 2.0
    lease_max_s: float = 2.0
    flags: tuple[str, ...] = field(default=())  # further flags, for every agent
    tables: str = ""  # further tables of the config file; in them {node} is the host's name
    vip_lines: str = ""  # further lines of each VIP's table
    # Where the agents ask each other for promises: by default on the store's network, else on the LAN.
    peers_on: Literal["store", "lan-ipv4", "lan-ipv6"] = "store"

    def of_the_store(self) -> tuple[str, ...]:
        """The flags that mean something with a store alone."""
        if not self.endpoints:
            return ()
        lease = ("--lease", f"{self.ttl_s:g}", "--lease-max", f"{self.lease_max_s:g}")
        return ("--endpoints", ",".join(self.endpoints), *lease)

    def toml(self, host: Host) -> str:
        """The VIPs as a config file: a thousand of them would not fit on a command line."""
        addresses = {"store": None, "lan-ipv4": host.ipv4, "lan-ipv6": host.ipv6}
        own = addresses[self.peers_on]
        failsafe = "" if own is None else f'failsafe_address = "{own}"\n'
        return (
            failsafe
            + self.tables.replace("{node}", host.name)
            + "".join(
                f'[vip.{name}]\naddresses = {json.dumps(addresses)}\ninterface = "eth0"\n{self.vip_lines}'
                for name, addresses in self.vips.items()
            )
        )


class Agent:
    """One node's agent, over all its restarts: same name, same run directory, same log."""

    def __init__(self, host: Host, options: AgentOptions, directory: Path, *, priority: int = 100) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.node = host.name
        self.host = host
        self.run_directory = directory / f"{host.name}.run"
        self.run_directory.mkdir(parents=True, exist_ok=True)
        config = directory / f"{host.name}.toml"
        config.write_text(options.toml(host))
        arguments = (
            *(sys.executable, "-m", "vipkeeper", "agent"),
            *("--config", str(config)),
            *("--backend", options.backend),
            *options.of_the_store(),
            *("--cluster", CLUSTER),
            *("--node", host.name),
            *("--priority", str(priority)),
            *("--run-dir", str(self.run_directory)),
            *options.flags,
        )
        self.process = LabProcess(
            f"agent on {host.name}", arguments, log=directory / f"{host.name}.log", namespace=host.namespace
        )

    def start(self) -> None:
        self.process.start()

    def stop_planned(self) -> int:
        """SIGTERM, the planned stop; the exit status."""
        self.process.send(signal.SIGTERM)
        return self.process.wait(_EXIT_S)

    def leave_for_restart(self) -> int:
        """SIGUSR2: the agent ends and keeps its VIPs for the next one; the exit status."""
        self.process.send(signal.SIGUSR2)
        return self.process.wait(_EXIT_S)

    def kill(self) -> None:
        self.process.kill()

    def freeze(self) -> None:
        self.process.freeze()

    def thaw(self) -> None:
        self.process.thaw()

    def is_running(self) -> bool:
        return self.process.is_running()

    def is_ready(self) -> bool:
        """Whether it has come so far that signals mean to it what they mean to an agent."""
        return self.process.catches(signal.SIGUSR2)


def list_vips(host: Host, endpoints: tuple[str, ...], backend: str = "etcd") -> list[dict[str, Any]]:
    """What `vipkeeper ls -o json` says on this host. Raises CommandFailed."""
    listed = run_command(*_ls(host, endpoints, backend), "-o", "json")
    decoded: list[dict[str, Any]] = json.loads(listed)
    return decoded


def show_vips(host: Host, endpoints: tuple[str, ...], backend: str = "etcd") -> str:
    """The table that `vipkeeper ls` prints. Raises CommandFailed."""
    return run_command(*_ls(host, endpoints, backend))


def _ls(host: Host, endpoints: tuple[str, ...], backend: str) -> tuple[str, ...]:
    return host.namespace.inside(
        *(sys.executable, "-m", "vipkeeper", "ls"),
        *("--backend", backend),
        *("--endpoints", ",".join(endpoints)),
        *("--cluster", CLUSTER),
    )


def show_routers(agent: Agent) -> str:
    """The table that `vipkeeper ls` prints where VRRP decides. Raises CommandFailed."""
    words = ("ls", "--backend", "vrrp", "--cluster", CLUSTER, "--run-dir", str(agent.run_directory))
    return run_command(sys.executable, "-m", "vipkeeper", *words)


def stop_agents(agents: list[Agent]) -> None:
    """End all of them, frozen or not: SIGTERM to each first, so that they stop side by side."""
    for agent in agents:
        if agent.is_running():
            agent.process.send(signal.SIGCONT)
            agent.process.send(signal.SIGTERM)
    deadline = time.monotonic() + _EXIT_S
    for agent in agents:
        agent.process.stop(patience_s=max(0.1, deadline - time.monotonic()))
