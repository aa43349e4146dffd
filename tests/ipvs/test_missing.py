"""A kernel without IPVS is one sentence; one that has it as a module loads it when it is asked."""

from __future__ import annotations

import sys

import pytest

from tests.uml.machine import run_in_uml

pytestmark = [pytest.mark.root, pytest.mark.uml]

LIMIT_S = 120.0

# Schedulers and helpers hold the module; none of them is loaded before a virtual server asks for it.
UNLOAD = "rmmod ip_vs && test ! -e /proc/net/ip_vs"
MAKE = """
from vipkeeper.kernel.ipvs_host import IpvsHost, IpvsMissing
try:
    print("found", IpvsHost().info().version)
except IpvsMissing as missing:
    print("missing:", missing)
"""


def output_of(before: str) -> str:
    ended = run_in_uml(
        ["sh", "-c", f'{before} && exec "$@"', "sh", sys.executable, "-c", MAKE], timeout_s=LIMIT_S
    )
    assert ended.status == 0, ended.output
    return ended.output


def test_without_ipvs_it_says_what_to_do() -> None:
    said = output_of(f"{UNLOAD} && echo /bin/false > /proc/sys/kernel/modprobe")
    assert "missing: this kernel has no IPVS" in said
    assert "modprobe ip_vs" in said


def test_the_module_is_loaded_when_it_is_needed() -> None:
    assert "found 1.2" in output_of(UNLOAD)
