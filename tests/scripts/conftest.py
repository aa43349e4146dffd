"""Scripts in a directory of their own, and what is left of them."""

from __future__ import annotations

from collections.abc import Callable
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

    def make(body: str) -> Path:
        path = tmp_path / "check.sh"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def make_program(make_script: MakeScript) -> MakeProgram:
    """The same as a program that runs as whoever runs the tests."""

    def make(body: str) -> Program:
        return resolve_program(str(make_script(body)), Scripts(), user=own_account().name)

    return make
