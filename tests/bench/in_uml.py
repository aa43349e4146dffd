"""Figures that need a kernel with IPVS: a module of this folder runs there, and prints them as one line."""

from __future__ import annotations

import sys
from typing import TypeVar

import msgspec

from tests.uml.machine import run_in_uml

_Found = TypeVar("_Found")


def measured_in_uml(module: str, kind: type[_Found], *, within_s: float) -> _Found:
    """What it printed."""
    ended = run_in_uml([sys.executable, "-m", module], timeout_s=within_s)
    assert ended.status == 0, ended.output
    said = next(line for line in ended.output.splitlines() if line.startswith("{"))
    return msgspec.json.decode(said, type=kind)
