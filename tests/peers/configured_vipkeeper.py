"""An agent that is told everything by one file, as on an operator's node; whatever decides there.

Rules of this file: the agent is known by its commands, its signals, its log and the addresses of its host.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.peers.keepalived import addresses_of
from tests.peers.virtual_router import VirtualRouter
from vipkeeper.lab.network import Host
from vipkeeper.lab.processes import LabProcess

_EXIT_S = 15.0
_POLL_S = 0.05


class ConfiguredVipkeeper:
    """One agent on one host, over all its restarts."""

    kind = "vipkeeper"

    def __init__(
        self,
        host: Host,
        described: VirtualRouter,
        directory: Path,
        text: str,
        *,
        file_name: str = "vipkeeper.toml",
        flags: tuple[str, ...] = (),
        agent_flags: tuple[str, ...] = (),
    ) -> None:
        """`flags` are for `ls` too."""
        self.host = host
        self.described = described
        home = directory / f"vipkeeper-{host.name}"
        home.mkdir(parents=True, exist_ok=True)
        self.config = home / file_name
        self.config.write_text(text)
        self.run_directory = home
        self._place = ("--config", str(self.config), "--run-dir", str(home))
        self._flags = flags
        self.process = LabProcess(
            f"vipkeeper on {host.name}",
            (
                *(sys.executable, "-m", "vipkeeper", "agent"),
                *self._place,
                *flags,
                *agent_flags,
                *("--node", host.name),
            ),
            log=directory / f"vipkeeper-{host.name}.log",
            namespace=host.namespace,
        )

    def start(self) -> None:
        self.process.start()

    def stop(self) -> None:
        self.process.send(signal.SIGTERM)
        self.process.wait(_EXIT_S)

    def restart(self) -> None:
        """`vipkeeper restart`, and the next agent."""
        self.process.send(signal.SIGUSR2)
        self.process.wait(_EXIT_S)
        self.process.start()

    def reload(self, text: str) -> None:
        self.config.write_text(text)
        self.process.send(signal.SIGHUP)

    def rewrite(self, text: str) -> None:
        """Another file, which nobody has read yet."""
        self.config.write_text(text)

    def read_again(self, times: int) -> None:
        """SIGHUP; returns when it has read the file for the `times`-th time. Raises TimeoutError."""
        self.process.send(signal.SIGHUP)
        deadline = time.monotonic() + _EXIT_S
        while self.said().count(" info reload ") < times:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.process.name} does not reload\n{self.log_end()}")
            time.sleep(_POLL_S)

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

    def said(self) -> str:
        """All of its log."""
        return self.process.log.read_text() if self.process.log.exists() else ""

    def wait_for_log(self, words: str) -> None:
        """Until it has said so. Raises TimeoutError."""
        deadline = time.monotonic() + _EXIT_S
        while words not in self.said():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.process.name} does not say {words!r}\n{self.log_end()}")
            time.sleep(_POLL_S)

    def check_file(self) -> str:
        """All that `vipkeeper check` says; it must find no mistakes."""
        check = self.host.namespace.inside(sys.executable, "-m", "vipkeeper", "check", str(self.config))
        done = subprocess.run(check, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def check(self) -> str:
        """`vipkeeper check --store`. Raises CommandFailed for a mistake."""
        return self._run("check", "--store", str(self.config))

    def ls(self, *options: str) -> Any:
        """`vipkeeper ls -o json`. Raises CommandFailed."""
        return json.loads(self._run("ls", *self._place, *self._flags, "-o", "json", *options))

    def statistics(self) -> dict[str, Any]:
        """`vipkeeper vrrp stats`, of its one VIP. Raises CommandFailed."""
        (counted,) = json.loads(self._run("vrrp", "stats", *self._place, "-o", "json"))
        assert isinstance(counted, dict)
        return counted

    def clear(self) -> str:
        """`vipkeeper clear`."""
        return self._run("clear", *self._place)

    def clean_up(self) -> None:
        """A planned stop leaves nothing; what was killed left a closed fence."""
        killed = not self.process.is_running()
        self.process.stop(_EXIT_S)
        if killed:
            self.clear()

    def _run(self, *words: str) -> str:
        return self.host.namespace.run(sys.executable, "-m", "vipkeeper", *words)
