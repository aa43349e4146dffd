"""`vipkeeper demo` as a user runs it: what it says, how it ends, and that it leaves nothing behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vipkeeper.cli.demo_screen import timeline
from vipkeeper.lab.namespaces import NAME_PREFIX, NETNS_DIRECTORY
from vipkeeper.lab.verdicts import Recording

DEMO = (sys.executable, "-m", "vipkeeper", "demo")
VIP = "10.77.4.1"


def namespaces_of(pid: int) -> list[str]:
    return [
        entry.name for entry in NETNS_DIRECTORY.iterdir() if entry.name.startswith(f"{NAME_PREFIX}-{pid}-")
    ]


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.parametrize(
    "backend",
    [pytest.param("etcd", marks=pytest.mark.etcd), pytest.param("zookeeper", marks=pytest.mark.zookeeper)],
)
def test_the_quick_script_shows_failovers_without_double_answers(backend: str) -> None:
    words = (*DEMO, "--script", "quick", "--backend", backend)
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said, _ = process.communicate(timeout=110)
    assert process.returncode == 0, said
    assert "double answers in all: 0" in said
    assert "killed owner (SIGKILL)" in said
    assert namespaces_of(process.pid) == []


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("has_keepalived", [True, False])
def test_vrrp_shows_failovers_and_what_a_partition_does(has_keepalived: bool, tmp_path: Path) -> None:
    """Two masters during the partition; a dead one beside nobody. Also where there is no keepalived."""
    environment = dict(os.environ)
    if not has_keepalived:
        for tool in ("ip", "nft", "sh"):
            found = shutil.which(tool)
            assert found is not None
            (tmp_path / tool).symlink_to(found)
        environment["PATH"] = str(tmp_path)
    words = (*DEMO, "--backend", "vrrp")
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    said, _ = process.communicate(timeout=200)
    assert process.returncode == 0, said
    assert ("between them a keepalived" in said) == has_keepalived
    assert "double answers of a node whose agent had been stopped or killed: 0" in said
    assert re.search(r"^  partition +node1 +node1 and node2 .* [1-9]\d*$", said, re.MULTILINE), said
    assert namespaces_of(process.pid) == []


@pytest.mark.root
@pytest.mark.etcd
def test_ctrl_c_takes_everything_down() -> None:
    process = subprocess.Popen(DEMO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "the agents start" in line:
            break
    assert namespaces_of(process.pid)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT
    assert namespaces_of(process.pid) == []


@pytest.mark.root
def test_without_root_it_says_so() -> None:
    """In a user namespace without a map this process is nobody, and still reads its own files."""
    done = subprocess.run(
        ("unshare", "--user", *DEMO), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 77, done.stderr
    assert "needs root" in done.stderr


@pytest.mark.root
def test_without_etcd_it_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "ip").symlink_to("/bin/true")
    done = subprocess.run(
        DEMO,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PATH": str(tmp_path)},
    )
    assert done.returncode == 69, done.stderr
    assert "apt-get install -y etcd-server" in done.stderr


@pytest.mark.parametrize("flags", [("--nodes", "1"), ("--nodes", "99"), ("--store-members", "0")])
def test_numbers_that_make_no_sense_are_refused(flags: tuple[str, ...]) -> None:
    started = time.monotonic()
    done = subprocess.run((*DEMO, *flags), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert flags[0] in done.stderr
    assert time.monotonic() - started < 30


def test_the_strip_shows_who_answered_when() -> None:
    recording = Recording((VIP,))
    for sequence in range(80):
        if sequence == 70:
            continue
        recording.add_lines([f"T {sequence} {sequence * 10} 0 *"])
        who = ["node1"] if sequence < 30 else [] if sequence < 40 else ["node2"]
        recording.add_lines(f"A client 0 {sequence} {node} {sequence * 10 + 1}" for node in who)
    signs, milliseconds = timeline(recording, VIP, ["node1", "node2"], 0, 800)
    assert signs == "1" * 30 + "." * 10 + "2" * 30 + " " + "2" * 9
    assert milliseconds == 10 / 1e6
