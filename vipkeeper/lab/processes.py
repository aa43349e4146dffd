"""A process started inside a namespace: signals by pid, its output in a file, always reaped."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from vipkeeper.lab.namespaces import Namespace
from vipkeeper.model.errors import VipkeeperError


class UnexpectedProcessState(VipkeeperError):
    """A process of the lab has ended although it is needed, or runs already; the message says which."""


class LabProcess:
    """One program that the lab starts, perhaps several times. Its log goes on over restarts."""

    def __init__(
        self,
        name: str,
        arguments: tuple[str, ...],
        *,
        log: Path,
        namespace: Namespace | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.arguments = arguments
        self.log = log
        self._namespace = namespace
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if self.is_running():
            raise UnexpectedProcessState(f"{self.name} is running already; stop it first")
        arguments = self.arguments if self._namespace is None else self._namespace.inside(*self.arguments)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(self._environment or {})},
                # A Ctrl-C in the terminal reaches us alone; we stop our processes in order.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Raises UnexpectedProcessState when it was never started."""
        if self._process is None:
            raise UnexpectedProcessState(f"{self.name} has not been started")
        return self._process.pid

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def require_running(self) -> None:
        """Raises UnexpectedProcessState with the end of the log."""
        if not self.is_running():
            raise UnexpectedProcessState(
                f"{self.name} has ended; its log {self.log} ends with:\n{self.log_end()}"
            )

    def log_end(self, lines: int = 12) -> str:
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def send(self, signal_number: signal.Signals) -> None:
        """Signal the process itself. Raises UnexpectedProcessState when it has ended."""
        self.require_running()
        os.kill(self.pid, signal_number)

    def catches(self, signal_number: signal.Signals) -> bool:
        """Whether it has a handler for this signal by now; without one the signal would just end it."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except (ProcessLookupError, FileNotFoundError):  # it ended
            return False
        mask = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "0")
        return bool(int(mask, 16) >> (signal_number - 1) & 1)

    def kill(self) -> None:
        """SIGKILL and reap."""
        self.send(signal.SIGKILL)
        self.wait(timeout_s=10)

    def freeze(self) -> None:
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        self.send(signal.SIGCONT)

    def wait(self, timeout_s: float) -> int:
        """Exit status, negative for a signal. Raises UnexpectedProcessState, subprocess.TimeoutExpired."""
        if self._process is None:
            raise UnexpectedProcessState(f"{self.name} has not been started")
        return self._process.wait(timeout_s)

    def stop(self, patience_s: float = 5.0) -> None:
        """End it whatever its state: thaw, SIGTERM, and SIGKILL when that takes too long."""
        if not self.is_running():
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)
            os.kill(self.pid, signal.SIGTERM)
        try:
            self.wait(patience_s)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.wait(10)
