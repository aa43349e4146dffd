"""The installer touches nothing that is there, and says what to do where it may not install."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

INSTALLER = Path(__file__).resolve().parents[2] / ".ci" / "install-packages"
NOBODY = 65534


def install(*pairs: str) -> subprocess.CompletedProcess[str]:
    """Run it without privilege, whoever we are."""
    return subprocess.run(
        ["bash", "-s", "--", *pairs],
        input=INSTALLER.read_text(),
        user=NOBODY if os.geteuid() == 0 else None,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def test_nothing_happens_when_all_is_there() -> None:
    ended = install("bash:no-such-package", "ls:no-such-package", "/etc/passwd:no-such-package")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_without_root_it_names_the_missing_packages() -> None:
    ended = install("bash:bash", "no-such-program:some-package", "/no/such/file:other-package")
    assert ended.returncode == 77
    assert "apt-get install --no-install-recommends some-package other-package\n" in ended.stderr
