"""Runs the `vipkeeper` command as a user does: a process of its own, judged by what it prints and returns."""

from __future__ import annotations

import os
import subprocess
import sys


def run(*words: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """One command. A traceback on standard error fails the test, whatever else was expected."""
    done = subprocess.run(
        [sys.executable, "-m", "vipkeeper", *words],
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done
