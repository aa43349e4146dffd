"""Scripts in a directory of their own, and what is left of them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from vipkeeper.config.notify_schema import Scripts
from vipkeeper.scripts.accounts import own_account
from vipkeeper.scripts.program import Program
from vipkeeper.scripts.resolving import resolve_program

MakeScript = Callable[[str], Path]
MakeProgram = Callable[..., Program]


@pytest.fixture
def make_script(tmp_path: Path) -> MakeScript:
    """An executable shell script with these lines."""

    return partial(_make, tmp_path)


@pytest.fixture
def open_script() -> Iterator[MakeScript]:
    """The same where every user may read it."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o755)
    yield partial(_make, directory)
    shutil.rmtree(directory)


def _make(directory: Path, body: str) -> Path:
    path = directory / "check.sh"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def make_program(make_script: MakeScript) -> MakeProgram:
    """The same as a program that runs as whoever runs the tests."""

    def make(body: str) -> Program:
        return resolve_program(str(make_script(body)), Scripts(), user=own_account().name)

    return make
