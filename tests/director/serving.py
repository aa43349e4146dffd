"""Configurations for a director that writes nothing to this host's kernel, and whether one serves."""

from __future__ import annotations

from pathlib import Path

from vipkeeper.model.director_files import DIRECTOR_SOCKET

PATIENCE_S = 30.0
EMPTY = """\
[vip.web]
interface = "eth0"
addresses = ["192.0.2.80"]
"""
SERVED = (
    EMPTY
    + """\
[virtual_server.web]
address = "192.0.2.80"
port = 80
protocol = "tcp"
present = "owner"
[virtual_server.web.real_server.a]
address = "192.0.2.1"
"""
)


def serving(run_dir: Path, pid: int) -> bool:
    """Whether the director with that number is the one of this run directory by now."""
    lock = run_dir / "director.lock"
    return (run_dir / DIRECTOR_SOCKET).exists() and lock.exists() and lock.read_text() == f"{pid}\n"
