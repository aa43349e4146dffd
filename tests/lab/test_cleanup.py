"""A lab leaves nothing behind, however its creator ends; and takes nothing from a living one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from vipkeeper.lab.leftovers import sweep_leftovers
from vipkeeper.lab.namespaces import NAME_PREFIX, NETNS_DIRECTORY, Namespace, make_namespace, new_lab_name
from vipkeeper.lab.processes import LabProcess
from vipkeeper.lab.run_command import CommandFailed, MissingTool, run_command

pytestmark = [pytest.mark.root, pytest.mark.etcd]

CREATOR = """
import time
from vipkeeper.lab.interruption import stop_signals_unwind
from vipkeeper.lab.lab import make_lab
with stop_signals_unwind(), make_lab(hosts=1, freezable_wal=True) as lab:
    lab.etcd.members[0].disk.freeze()
    print(lab.name, flush=True)
    time.sleep(600)
"""


def start_creator() -> tuple[subprocess.Popen[str], str]:
    creator = subprocess.Popen([sys.executable, "-c", CREATOR], stdout=subprocess.PIPE, text=True)
    assert creator.stdout is not None
    return creator, creator.stdout.readline().strip()


def left_of(lab_name: str) -> list[str]:
    return [
        *(entry.name for entry in NETNS_DIRECTORY.iterdir() if entry.name.startswith(lab_name)),
        *(str(entry) for entry in Path(tempfile.gettempdir()).glob(f"{lab_name}*")),
        *(line for line in Path("/proc/self/mounts").read_text().splitlines() if lab_name in line),
        *(
            line
            for line in run_command("losetup", "--list", "--output", "BACK-FILE").split()
            if lab_name in line
        ),
        *processes_of(lab_name),
    ]


def processes_of(lab_name: str) -> list[str]:
    """Command lines of those that name the lab, as etcd does by its directories."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = entry.read_bytes().replace(b"\0", b" ").decode()
            if lab_name in line:
                found.append(line)
    return found


def wait_until_nothing_is_left(lab_name: str) -> None:
    deadline = time.monotonic() + 20
    while left := left_of(lab_name):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stopped_creator_leaves_nothing(how: signal.Signals) -> None:
    creator, name = start_creator()
    with creator:
        assert left_of(name)
        creator.send_signal(how)
        creator.wait(30)
    wait_until_nothing_is_left(name)


def test_a_killed_creators_leftovers_are_swept_even_with_a_frozen_disk() -> None:
    creator, name = start_creator()
    with creator:
        creator.kill()
        creator.wait(30)
    assert left_of(name)
    sweep_leftovers()
    wait_until_nothing_is_left(name)


def test_a_living_creators_lab_is_not_swept() -> None:
    name = new_lab_name()
    with make_namespace(name, "switch") as namespace:
        sweep_leftovers()
        assert (NETNS_DIRECTORY / namespace.name).exists()
    assert left_of(name) == []


def test_other_peoples_namespaces_are_not_swept() -> None:
    foreign = Namespace(f"{NAME_PREFIX}theirs-{os.getpid()}")
    run_command("ip", "netns", "add", foreign.name)
    try:
        sweep_leftovers()
        assert (NETNS_DIRECTORY / foreign.name).exists()
    finally:
        run_command("ip", "netns", "del", foreign.name)


def test_a_frozen_process_is_ended_all_the_same(tmp_path: Path) -> None:
    process = LabProcess("sleeper", ("sleep", "600"), log=tmp_path / "log")
    process.start()
    process.freeze()
    process.stop()
    assert not process.is_running()


def test_a_failing_tool_is_quoted() -> None:
    with pytest.raises(CommandFailed, match="No such file or directory"):
        run_command("ls", "/no/such/place")


def test_a_missing_tool_says_how_to_get_it() -> None:
    with pytest.raises(MissingTool, match="apt-get install -y no-such-tool-at-all"):
        run_command("no-such-tool-at-all")
