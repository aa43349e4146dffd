"""The agent's end of a control socket with a report that a test wrote, for commands that ask."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from tests.cli.served import answering
from vipkeeper.agent.control_socket import serve_control
from vipkeeper.model.agent_report import CONTROL_SOCKET, Report


def served_agent(run_dir: Path, report: Report) -> AbstractContextManager[None]:
    """The socket answers until the block ends."""
    return answering(run_dir / CONTROL_SOCKET, lambda: serve_control(run_dir, lambda: report))
