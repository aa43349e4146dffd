"""The installed keepalived as the judge of files: `keepalived -t` in a namespace with two interfaces."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import msgspec

from vipkeeper.lab.namespaces import Namespace

INTERFACES = ("eth0", "eth1")
_UNKNOWN = re.compile(r"Line (\d+)\) Unknown keyword")
_WORD = re.compile(rb"[A-Za-z][A-Za-z0-9_-]{2,40}")
_LONGEST_S = 60.0


class Verdict(msgspec.Struct, frozen=True):
    """What it ended with, and what it said."""

    exit_code: int
    said: str

    @property
    def unknown_lines(self) -> set[int]:
        """Lines, counted from 1, whose first word it does not know."""
        return {int(number) for number in _UNKNOWN.findall(self.said)}


class RealKeepalived:
    """One program and one place to run it."""

    def __init__(self, namespace: Namespace, directory: Path) -> None:
        self._namespace = namespace
        self._file = directory / "keepalived.conf"

    def judge(self, text: str) -> Verdict:
        """Its verdict on a file."""
        self._file.write_text(text)
        done = subprocess.run(
            self._namespace.inside("keepalived", "-t", "-f", str(self._file)),
            capture_output=True,
            text=True,
            timeout=_LONGEST_S,
            check=False,
        )
        return Verdict(done.returncode, done.stderr + done.stdout)


def words_in_the_program() -> list[str]:
    """Everything in the executable that could be a keyword."""
    program = shutil.which("keepalived")
    assert program is not None
    found = {text for text in Path(program).read_bytes().split(b"\0") if _WORD.fullmatch(text)}
    return sorted(text.decode() for text in found)
