"""One command under a kernel that has IPVS: User-Mode Linux, with the host's files as its root.

Rules of this file: the command runs as root and sees this checkout, its .venv and every installed program;
what it writes to the console comes back, and so does its exit status. A boot takes about three seconds. There
is one processor and system calls are slow, so what is measured inside is compared with what else was.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

KERNEL = "linux.uml"
INIT = Path(__file__).with_name("init")
# What a kernel with IPVS shows, once the module is there.
IPVS_TABLE = Path("/proc/net/ip_vs")

MEMORY = "1G"
# As a shell reports a command that could not be carried out: the kernel ended before the command did.
NO_STATUS = 125


@dataclass(frozen=True, slots=True)
class Ended:
    """How the command ended, and what it and the kernel wrote to the console."""

    status: int
    output: str


def missing() -> str | None:
    """Why nothing can be booted here, or None."""
    if os.geteuid() != 0:
        return "needs root (User-Mode Linux has this machine's files as its root)"
    if shutil.which(KERNEL) is None:
        return "needs User-Mode Linux (Debian package user-mode-linux)"
    return None


def run_in_uml(
    command: Sequence[str], *, environment: Mapping[str, str] | None = None, timeout_s: float
) -> Ended:
    """Boot, run the command in this process's directory, power off."""
    with _exchange(command, environment or {}) as exchange:
        booted = subprocess.Popen(
            _kernel_command(exchange),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what the kernel says of the host before it has a console
            start_new_session=True,
        )
        try:
            output, _ = booted.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            _kill(booted)
            output, _ = booted.communicate()
            output += f"\nended from outside: it ran for more than {timeout_s:g} s\n".encode()
        finally:
            _kill(booted)
        status = exchange / "status"
        text = status.read_text().strip() if status.exists() else ""
        return Ended(int(text) if text else NO_STATUS, output.decode(errors="replace").replace("\r\n", "\n"))


def _kernel_command(exchange: Path) -> list[str]:
    return [
        KERNEL,
        f"mem={MEMORY}",
        "rootfstype=hostfs",
        "rootflags=/",
        "rw",
        f"init={INIT}",
        f"vipkeeper_exchange={exchange}",
        f"uml_dir={exchange}/",
        "con=null",
        "con0=null,fd:1",
        "loglevel=1",  # a panic is still told
    ]


@contextlib.contextmanager
def _exchange(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Path]:
    """The directory through which host and guest speak."""
    with tempfile.TemporaryDirectory(prefix="vipkeeper-uml-") as text:
        exchange = Path(text)
        variables = {"PATH": os.environ.get("PATH", os.defpath), **environment}
        lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
        lines += [f"cd {shlex.quote(str(Path.cwd()))}", f"exec {shlex.join(command)}"]
        (exchange / "command").write_text("\n".join(lines) + "\n")
        yield exchange


def _kill(booted: subprocess.Popen[bytes]) -> None:
    """The kernel is several processes, all of them in the session that was made for it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(booted.pid, signal.SIGKILL)
