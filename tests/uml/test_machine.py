"""The harness passes on status, output and each test's own result, and hides nothing when the kernel dies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.uml.machine import IPVS_TABLE, NO_STATUS, run_in_uml

pytestmark = [pytest.mark.root, pytest.mark.uml]

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 90.0

CONFTEST = """
from tests.uml.items import send_inside

def pytest_configure(config):
    config.addinivalue_line("markers", "inside: runs under the other kernel")

def pytest_collection_modifyitems(items):
    send_inside(items, "inside")
"""

MIXED = """
import os, pytest
from pathlib import Path

pytestmark = pytest.mark.inside

def test_passes():
    assert Path("/proc/net/ip_vs").exists()

@pytest.mark.parametrize("number", [1, 2])
def test_fails_for_two(number):
    print("seen", number)
    assert number == 1, "a clear sentence"

def test_skips():
    pytest.skip("a good reason")

@pytest.fixture
def broken_end():
    yield
    raise RuntimeError("broken teardown")

def test_breaks_at_its_end(broken_end):
    pass

def test_is_not_selected():
    os._exit(3)
"""

DEADLY = """
import os, pytest

pytestmark = pytest.mark.inside

def test_before(): pass

def test_ends_the_process(): os._exit(7)

def test_after(): pass
"""


def test_status_and_output_come_back() -> None:
    ended = run_in_uml(["sh", "-c", "cat /proc/net/ip_vs; echo 'a  word' >&2; exit 3"], timeout_s=LIMIT_S)
    assert ended.status == 3
    assert "IP Virtual Server" in ended.output
    assert "a  word\n" in ended.output


def test_the_host_is_left_as_it_was() -> None:
    """What the command writes to /run is gone, and its namespaces are its own."""
    before = IPVS_TABLE.exists()
    script = "ip netns add vkuml && touch /run/vkuml && ip netns list"
    ended = run_in_uml(["sh", "-c", script], timeout_s=LIMIT_S)
    assert ended.status == 0
    assert "vkuml" in ended.output
    assert not Path("/run/vkuml").exists()
    assert not Path("/run/netns/vkuml").exists()
    assert IPVS_TABLE.exists() == before


def test_what_hangs_is_ended() -> None:
    ended = run_in_uml(["sleep", "1000"], timeout_s=10)
    assert ended.status == NO_STATUS
    assert "ran for more than 10 s" in ended.output


def run_pytest(folder: Path, source: str, *options: str) -> str:
    """The outer pytest's output, over one file of tests that run inside."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(source)
    words = ["-p", "no:cacheprovider", "-rA", "--tb=short", f"--rootdir={folder}", *options, str(folder)]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CI": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.stdout + ended.stderr


def test_each_test_has_its_own_result(tmp_path: Path) -> None:
    output = run_pytest(tmp_path, MIXED, "-k", "not selected")
    assert "2 failed, 2 passed, 1 skipped, 1 deselected" in output, output
    assert "PASSED test_it.py::test_passes" in output
    assert "PASSED test_it.py::test_fails_for_two[1]" in output
    assert "FAILED test_it.py::test_fails_for_two[2]" in output
    assert "a clear sentence" in output
    assert "seen 2" in output
    assert "a good reason" in output
    assert "FAILED test_it.py::test_breaks_at_its_end" in output
    assert "broken teardown" in output


def test_what_was_not_finished_has_failed(tmp_path: Path) -> None:
    output = run_pytest(tmp_path, DEADLY)
    assert "PASSED test_it.py::test_before" in output
    assert "FAILED test_it.py::test_ends_the_process" in output
    assert "FAILED test_it.py::test_after" in output
    assert "did not finish this test (status 7)" in output
