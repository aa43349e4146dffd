"""What systemd hears, over a real socket."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vipkeeper.agent.service_manager import notify, notify_reloading


@contextmanager
def manager(address: str) -> Iterator[socket.socket]:
    """A service manager that listens there, and our environment says so."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + address[1:] if address.startswith("@") else address)
        listening.setblocking(False)
        with told_of(address):
            yield listening


@contextmanager
def told_of(address: str | None) -> Iterator[None]:
    before = os.environ.pop("NOTIFY_SOCKET", None)
    if address is not None:
        os.environ["NOTIFY_SOCKET"] = address
    try:
        yield
    finally:
        os.environ.pop("NOTIFY_SOCKET", None)
        if before is not None:
            os.environ["NOTIFY_SOCKET"] = before


@pytest.fixture(params=["path", "abstract"])
def listening(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    address = str(tmp_path / "notify")
    with manager(address if request.param == "path" else "@" + address) as channel:
        yield channel


def test_assignments_come_as_one_message(listening: socket.socket) -> None:
    notify("READY=1", "STATUS=two VIPs")
    assert listening.recv(1000) == b"READY=1\nSTATUS=two VIPs"


def test_a_reload_carries_the_monotonic_time(listening: socket.socket) -> None:
    before_us = time.monotonic_ns() // 1000
    notify_reloading()
    first, second = listening.recv(1000).decode().split("\n")
    assert first == "RELOADING=1"
    assert before_us <= int(second.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000


def test_nobody_asked() -> None:
    with told_of(None):
        notify("READY=1")


def test_the_manager_went_away(tmp_path: Path) -> None:
    with told_of(str(tmp_path / "gone")):
        notify("READY=1")
