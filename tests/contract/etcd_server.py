"""One etcd server on loopback, for tests: started, frozen, thawed, killed and started again by its pid."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.contract.stopped_process import wait_until_stopped

START_TIMEOUT_S = 30.0  # a first start syncs its files; the machine may be busy
START_ATTEMPTS = 3  # somebody else may take a free port before etcd does


@dataclass(frozen=True, slots=True)
class ServerTls:
    """PEM files for a server that asks its clients for certificates."""

    ca_file: Path
    cert_file: Path
    key_file: Path


class EtcdServer:
    """A cluster of one, or the second member of another's. Use it as a context manager."""

    def __init__(
        self,
        directory: Path,
        *,
        tls: ServerTls | None = None,
        flags: tuple[str, ...] = (),
        joins: EtcdServer | None = None,
    ) -> None:
        self._directory = directory
        self._joins = joins
        self._tls = tls
        self._flags = flags
        self._process: subprocess.Popen[bytes] | None = None
        self._client_port = self._peer_port = 0

    @property
    def url(self) -> str:
        """The client endpoint."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._client_port}"

    @property
    def peer_url(self) -> str:
        """Where other members reach it."""
        return f"http://127.0.0.1:{self._peer_port}"

    def __enter__(self) -> Self:
        if self._joins is not None:
            self._client_port, self._peer_port = _free_ports()
            self._joins.etcdctl("member", "add", "second", f"--peer-urls={self.peer_url}")
            self.start()
            return self
        for attempt in range(1, START_ATTEMPTS + 1):
            self._client_port, self._peer_port = _free_ports()
            try:
                self.start()
            except ServerEndedError:
                self.kill()
                if attempt == START_ATTEMPTS:
                    raise
            else:
                break
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start it on its ports, with the data it left; returns when it answers."""
        self._directory.mkdir(parents=True, exist_ok=True)
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=log)
        give_up_s = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < give_up_s:
            if self._process.poll() is not None:
                raise ServerEndedError((self._directory / "log").read_text(errors="replace")[-2000:])
            asked = self.etcdctl("get", "x", check=False, timeout_s=1.0)
            if asked.returncode == 0 or "user name is empty" in asked.stderr:  # it has users: it works
                return
            time.sleep(0.02)
        raise TimeoutError(f"etcd did not answer within {START_TIMEOUT_S:g} s")

    def freeze(self) -> None:
        """SIGSTOP: connections stay, nothing answers. Returns when every thread has stopped."""
        assert self._process is not None
        self._signal(signal.SIGSTOP)
        wait_until_stopped(self._process.pid)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, whatever state it is in."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def etcdctl(
        self, *arguments: str, check: bool = True, timeout_s: float = 20.0
    ) -> subprocess.CompletedProcess[str]:
        """Run etcd's own command line against it."""
        command = ["etcdctl", "--endpoints", self.url, f"--command-timeout={timeout_s:g}s"]
        if self._tls is not None:
            command += [f"--cacert={self._tls.ca_file}", f"--cert={self._tls.cert_file}"]
            command += [f"--key={self._tls.key_file}"]
        environment = {**os.environ, "ETCDCTL_API": "3"}
        return subprocess.run(
            [*command, *arguments],
            env=environment,
            text=True,
            capture_output=True,
            check=check,
            timeout=timeout_s + 10.0,
        )

    def _command(self) -> list[str]:
        command = [
            "etcd",
            f"--data-dir={self._directory / 'data'}",
            f"--listen-client-urls={self.url}",
            f"--advertise-client-urls={self.url}",
            f"--listen-peer-urls={self.peer_url}",
            f"--initial-advertise-peer-urls={self.peer_url}",
        ]
        if self._joins is None:
            command.append(f"--initial-cluster=default={self.peer_url}")
        else:
            command += ["--name=second", "--initial-cluster-state=existing"]
            command.append(f"--initial-cluster=default={self._joins.peer_url},second={self.peer_url}")
        if self._tls is not None:
            command += ["--client-cert-auth", f"--trusted-ca-file={self._tls.ca_file}"]
            command += [f"--cert-file={self._tls.cert_file}", f"--key-file={self._tls.key_file}"]
        return [*command, *self._flags]

    def _signal(self, number: int) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)


class ServerEndedError(RuntimeError):
    """etcd ended during its start; the text is the end of its log."""


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]
