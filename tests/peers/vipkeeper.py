"""vipkeeper itself as a router, told the same as the others: an agent with `--backend vrrp`.

Rules of this file: the agent is known by its command line, its signals, its log and the addresses of its
host. What flags can say, flags say; the rest is in the configuration file.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path

from tests.peers.keepalived import addresses_of
from tests.peers.virtual_router import VirtualRouter
from vipkeeper.lab.network import Host
from vipkeeper.lab.processes import LabProcess

_EXIT_S = 15.0
_START_S = 15.0
_POLL_S = 0.02


class Vipkeeper:
    """One agent on one host."""

    kind = "vipkeeper"

    def __init__(self, host: Host, described: VirtualRouter, directory: Path) -> None:
        self.host = host
        self.described = described
        self.run_directory = directory / f"vipkeeper-{host.name}"
        self.run_directory.mkdir(parents=True, exist_ok=True)
        config = directory / f"{host.name}.toml"
        config.write_text(agent_toml(described))
        arguments = (
            *(sys.executable, "-m", "vipkeeper", "agent"),
            *("--config", str(config)),
            *("--run-dir", str(self.run_directory)),
            *("--node", host.name),
            *agent_flags(described),
        )
        self.process = LabProcess(
            f"agent on {host.name}", arguments, log=directory / f"{host.name}.log", namespace=host.namespace
        )

    def start(self) -> None:
        """Returns when it listens: the others are not to begin beside an agent that is still loading."""
        known = self._decisions()
        self.process.start()
        deadline = time.monotonic() + _START_S
        while self._decisions() == known:
            self.process.require_running()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.process.name} decided nothing\n{self.log_end()}")
            time.sleep(_POLL_S)

    def _decisions(self) -> int:
        log = self.process.log
        text = log.read_text() if log.exists() else ""
        return sum(text.count(f" info {state} vip=") for state in ("backup", "master", "fault"))

    def stop(self) -> None:
        self.process.send(signal.SIGTERM)
        self.process.wait(_EXIT_S)

    def kill(self) -> None:
        self.process.kill()

    def freeze(self) -> None:
        self.process.freeze()

    def thaw(self) -> None:
        self.process.thaw()

    def is_running(self) -> bool:
        return self.process.is_running()

    def is_master(self) -> bool:
        return self.is_running() and self.holds(self.described.addresses[0])

    def holds(self, address: str) -> bool:
        return address in addresses_of(self.host.namespace)

    def log_end(self) -> str:
        return self.process.log_end()

    def clean_up(self) -> None:
        """A planned stop leaves nothing, so nothing is removed after it; what stays is found by the tests.

        What was killed left a closed fence: whoever comes next on this host could not answer.
        """
        killed = not self.process.is_running()
        self.process.stop(_EXIT_S)
        if killed:
            config = self.run_directory / "clear.toml"
            config.write_text(whole_toml(self.described))
            place = ("--config", str(config), "--run-dir", str(self.run_directory))
            self.host.namespace.run(sys.executable, "-m", "vipkeeper", "clear", *place)


def agent_flags(described: VirtualRouter) -> tuple[str, ...]:
    flags = [
        *("--backend", "vrrp"),
        *("--vrid", str(described.vrid)),
        *("--vrrp-version", str(described.version)),
        *("--advert-interval", f"{described.interval_s:g}"),
        *("--priority", str(described.priority)),
    ]
    for peer in described.unicast_peers:
        flags += ["--unicast-peer", peer]
    if len(described.addresses) == 1:
        flags += ["--vip", f"web={described.addresses[0]}@{described.interface}"]
    return tuple(flags)


def whole_toml(described: VirtualRouter) -> str:
    """All of it."""
    return "\n".join(
        (
            'backend = "vrrp"',
            "[vip.web]",
            f"addresses = {json.dumps(described.addresses)}",
            f'interface = "{described.interface}"',
            "[vip.web.vrrp]",
            f"vrid = {described.vrid}",
            f"virtual_mac = {str(described.vmac).lower()}",
        )
    )


def agent_toml(described: VirtualRouter) -> str:
    """What has no flag."""
    lines = ["[vip.web]"]
    if len(described.addresses) > 1:
        lines += [
            f"addresses = {json.dumps(described.addresses)}",
            f'interface = "{described.interface}"',
        ]
    lines.append(f"preempt = {str(described.preempt).lower()}")
    if described.preempt_delay_s:
        lines.append(f"preempt_delay = {described.preempt_delay_s:g}")
    lines.append("[vip.web.vrrp]")
    if described.vmac:
        lines.append("virtual_mac = true")
    if described.auth != "none":
        lines += [f'auth_type = "{described.auth}"', f"auth_pass = {json.dumps(described.key)}"]
    return "\n".join(lines) + "\n"
