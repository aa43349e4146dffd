"""What every test relies on: missing means of this machine skip a test, and no test of ours skips in CI.

- A test marked `root` needs root; one marked `etcd` or `zookeeper` needs that server, one marked `ipvs` a
  kernel with IPVS (tests/uml brings one). Without them it is skipped with that reason.
- With CI=true in the environment each skip is a failure that names its reason: a build server that lost
  etcd must not look green.
- VIPKEEPER_EXAMPLES says how many random examples a property is tried with.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
from collections.abc import Generator
from pathlib import Path

import hypothesis
import pytest

# A time limit for each example judges the machine: a processor may be gone for more than a second.
hypothesis.settings.register_profile(
    "vipkeeper", deadline=None, max_examples=int(os.environ.get("VIPKEEPER_EXAMPLES", "100"))
)
hypothesis.settings.load_profile("vipkeeper")

# Marker -> why a test that carries it cannot run here, or None when it can.
MISSING = {
    "root": None if os.geteuid() == 0 else "needs root (network namespaces, addresses, tc)",
    "etcd": None if shutil.which("etcd") else "needs etcd (Debian package etcd-server)",
    "zookeeper": (
        None
        if Path("/usr/share/java/zookeeper.jar").exists() and shutil.which("java")
        else "needs ZooKeeper (Debian package zookeeper)"
    ),
    "uml": None if shutil.which("linux.uml") else "needs User-Mode Linux (Debian package user-mode-linux)",
    "ipvs": (
        None
        if Path("/proc/net/ip_vs").exists() or shutil.which("linux.uml")
        else "needs a kernel with IPVS (modprobe ip_vs), or User-Mode Linux (Debian package user-mode-linux)"
    ),
}


def pytest_configure() -> None:
    gc.disable()  # next to nothing of what is collected becomes garbage
    # A shell starts background jobs with SIGINT ignored, and programs inherit that. Some tests send it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for marker, reason in MISSING.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))
    items.sort(key=lambda item: item.get_closest_marker("long") is None)  # keeps the order among equals


def pytest_collection_finish() -> None:
    # All modules and thousands of tests stay to the end. To walk them took 0.3 s at each look for garbage.
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if _is_forbidden_skip(report):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {_skip_reason(report)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if _is_forbidden_skip(report):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {_skip_reason(report)}"
    return report


def _is_forbidden_skip(report: pytest.TestReport | pytest.CollectReport) -> bool:
    return os.environ.get("CI") == "true" and report.skipped


def _skip_reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
