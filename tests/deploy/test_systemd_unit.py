"""The unit for systemd is one that systemd understands, and it keeps the agent's promises."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import run

UNIT = Path(__file__).resolve().parents[2] / "deploy" / "systemd" / "vipkeeper.service"
PROGRAM = "/opt/vipkeeper/bin/vipkeeper"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (Debian package systemd)"
)


def settings() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # the documented way to keep the case
    parser.read_string(UNIT.read_text())
    return parser["Service"]


@needs_systemd
def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    text = UNIT.read_text()
    assert PROGRAM in text
    copy = tmp_path / UNIT.name
    # systemd wants the program to exist; any program will do here.
    copy.write_text(text.replace(PROGRAM, sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
def test_systemd_would_notice_a_fault(tmp_path: Path) -> None:
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace(PROGRAM, sys.executable).replace("KillMode=", "KilMode="))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "KilMode" in done.stderr


def test_the_command_line_is_one_that_vipkeeper_understands() -> None:
    program, *words = settings()["ExecStart"].split()
    assert program == PROGRAM
    # The file is not there: that is all that the agent has to say against it.
    done = run(*words[:-1], "/nonexistent/vipkeeper.toml")
    assert done.returncode == 2
    assert "/nonexistent/vipkeeper.toml: cannot be read" in done.stderr


def test_a_mistake_or_a_missing_privilege_is_not_tried_again_and_all_else_is() -> None:
    service = settings()
    assert service["Restart"] == "always"  # `vipkeeper restart` ends the agent with 0
    assert service["RestartPreventExitStatus"].split() == ["2", "77"]
    assert service["RuntimeDirectoryPreserve"] == "yes"


def test_the_agent_is_no_root_and_has_three_capabilities() -> None:
    service = settings()
    assert service["User"] == "vipkeeper"
    for key in ("AmbientCapabilities", "CapabilityBoundingSet"):
        assert set(service[key].split()) == {"CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_BPF"}
