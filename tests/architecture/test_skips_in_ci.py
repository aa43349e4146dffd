"""With CI=true a skipped test fails and says why; without it, it stays a skip."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"

# Every way to skip: file name -> its text.
WAYS = {
    "test_mark.py": "import pytest\n@pytest.mark.skip(reason='one')\ndef test_x(): pass\n",
    "test_call.py": "import pytest\ndef test_x(): pytest.skip('two')\n",
    "test_module.py": "import pytest\npytest.skip('three', allow_module_level=True)\n",
    "test_import.py": "import pytest\npytest.importorskip('no_such_module', reason='four')\n",
}


def run(folder: Path, files: dict[str, str], ci: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a process of its own over these files beside our conftest."""
    (folder / "conftest.py").write_text(CONFTEST.read_text())
    for name, text in files.items():
        (folder / name).write_text(text)
    options = ["-p", "no:cacheprovider", "-ra", "--continue-on-collection-errors"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(folder)],
        env={**os.environ, "CI": ci},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_way_to_skip_fails_in_ci(tmp_path: Path) -> None:
    ended = run(tmp_path, WAYS, "true")
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED, ended.stdout
    for reason in ("one", "two", "three", "four"):
        assert f"skipped in CI: Skipped: {reason}" in ended.stdout
    assert "1 failed, 3 errors" in ended.stdout


def test_a_skip_stays_a_skip_elsewhere(tmp_path: Path) -> None:
    ended = run(tmp_path, WAYS, "")
    assert "4 skipped" in ended.stdout, ended.stdout
    assert ended.returncode in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}


def test_a_passing_test_passes_in_ci(tmp_path: Path) -> None:
    ended = run(tmp_path, {"test_it.py": "def test_x(): pass\n"}, "true")
    assert ended.returncode == pytest.ExitCode.OK, ended.stdout
