"""An agent that is told everything by its configuration file, so that a test can change it and reload.

Rules of this file: it is known by its log, its signals and its commands.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from vipkeeper.lab.network import Host
from vipkeeper.lab.processes import LabProcess

_POLL_S = 0.02
PATIENCE_S = 20.0


class ConfiguredAgent:
    """One agent on one host, over all its restarts."""

    def __init__(self, host: Host, directory: Path, text: str) -> None:
        self.host = host
        self.directory = directory / f"configured-{host.name}"
        self.directory.mkdir(parents=True, exist_ok=True)
        self.run_directory = self.directory / "run"
        self.config = self.directory / "agent.toml"
        self.rewrite(text)
        self.process = LabProcess(
            f"agent on {host.name}",
            (sys.executable, "-m", "vipkeeper", "agent", *self.place),
            log=self.directory / "agent.log",
            namespace=host.namespace,
        )
        self.process.log.unlink(missing_ok=True)

    @property
    def place(self) -> tuple[str, ...]:
        """The flags that say which agent a command is about."""
        return ("--config", str(self.config), "--run-dir", str(self.run_directory))

    def rewrite(self, text: str) -> None:
        """What it reads next."""
        self.config.write_text(f'backend = "vrrp"\nnode = "{self.host.name}"\n{text}')

    def start(self) -> None:
        """Returns when signals mean to it what they mean to an agent."""
        self.process.start()
        self.wait(lambda: self.process.catches(signal.SIGUSR2), "it does not come up")

    def kill(self) -> None:
        self.process.kill()

    def stop(self) -> None:
        self.process.send(signal.SIGTERM)
        assert self.process.wait(PATIENCE_S) == 0

    def reload(self, text: str) -> None:
        """Returns when it has read the new file."""
        self.rewrite(text)
        before = self.log().count(" info reload ")
        self.process.send(signal.SIGHUP)
        self.wait(lambda: self.log().count(" info reload ") > before, "it does not reload")

    def log(self) -> str:
        log = self.process.log
        return log.read_text() if log.exists() else ""

    def wait_for(self, text: str) -> None:
        """Until the log has it."""
        self.wait(lambda: text in self.log(), f"the log has no {text!r}")

    def wait(self, true: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not true():
            self.process.require_running()
            assert time.monotonic() < deadline, f"{otherwise}\n{self.process.log_end()}"
            time.sleep(_POLL_S)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A `vipkeeper` command on this host."""
        arguments = self.host.namespace.inside(sys.executable, "-m", "vipkeeper", *words)
        return subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60)

    def listed(self) -> list[dict[str, Any]]:
        """What `vipkeeper ls` says of its routers."""
        done = self.command("ls", "--backend", "vrrp", *self.place, "-o", "json")
        assert done.returncode == 0, done.stderr
        listed: list[dict[str, Any]] = json.loads(done.stdout)
        return listed

    def wait_until(self, state: str, vip: str = "web") -> None:
        """By its own word."""
        self.wait(
            lambda: any((one["vip"], one["state"]) == (vip, state) for one in self.listed()),
            f"{vip} does not become {state}",
        )


@contextlib.contextmanager
def configured_agent(host: Host, directory: Path, text: str) -> Iterator[ConfiguredAgent]:
    """Not started; when the block ends, nothing of it is left in the kernel."""
    agent = ConfiguredAgent(host, directory, text)
    try:
        yield agent
    finally:
        agent.process.stop(PATIENCE_S)
        cleared = agent.command("clear", *agent.place)
        assert cleared.returncode == 0, cleared.stderr
