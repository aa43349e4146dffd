"""Two machines on one cable: `ours`, where the code under test runs, and `theirs`, an ordinary neighbour."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from vipkeeper.kernel.links import read_links
from vipkeeper.kernel.netlink_socket import NetlinkSocket
from vipkeeper.lab.namespaces import NETNS_DIRECTORY, Namespace, make_namespace, new_lab_name
from vipkeeper.model.host import Link
from vipkeeper.model.vips import VipAddress

INTERFACE = "eth0"
OUR_MAC = "02:00:00:00:00:01"
THEIR_MAC = "02:00:00:00:00:02"
PATIENCE_S = 30.0

VIP4 = VipAddress("10.9.1.1", 32, INTERFACE)
VIP6 = VipAddress("fd09::1:1", 128, INTERFACE)

_CLONE_NEWNET = 0x40000000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Segment:
    """Both ends are called eth0. Each machine has one address of each family in a common network."""

    ours: Namespace
    theirs: Namespace

    def our_links(self) -> dict[str, Link]:
        return run_inside(self.ours, links_here)

    def listen(self, protocol: int) -> socket.socket:
        """Receives frames of one protocol on their side; a receive fails after PATIENCE_S."""
        listener = self.theirs.socket(socket.AF_PACKET, socket.SOCK_RAW)
        listener.settimeout(PATIENCE_S)
        listener.bind((INTERFACE, protocol))
        return listener

    def their_sender(self) -> socket.socket:
        """Sends whole frames from their side."""
        sender = self.theirs.socket(socket.AF_PACKET, socket.SOCK_RAW)
        sender.bind((INTERFACE, 0))
        return sender

    def plant_neighbour(self, vip: VipAddress, mac: str) -> None:
        """They believe that `vip` is at `mac`, and have just learnt it.

        All namespaces share one table; an entry "learnt elsewhere" has a place in it even when it is full.
        """
        self.theirs.configure(
            f"neigh replace {vip.address} lladdr {mac} nud stale dev {INTERFACE} extern_learn"
        )

    def neighbour(self, vip: VipAddress) -> str:
        """At which MAC they believe `vip` to be."""
        shown = self.theirs.run("ip", "-j", "neigh", "show", vip.address, "dev", INTERFACE)
        (entry,) = json.loads(shown)
        return str(entry.get("lladdr"))


@contextlib.contextmanager
def make_segment() -> Iterator[Segment]:
    """Both machines, up and addressed; gone again when the block ends."""
    lab_name = new_lab_name()
    with make_namespace(lab_name, "ours") as ours, make_namespace(lab_name, "theirs") as theirs:
        ours.configure(
            f"link add {INTERFACE} address {OUR_MAC} type veth "
            f"peer name {INTERFACE} address {THEIR_MAC} netns {theirs.name}"
        )
        for number, namespace in enumerate((ours, theirs), 1):
            namespace.configure(
                f"address add 10.9.0.{number}/16 dev {INTERFACE}",
                f"address add fd09::{number}/64 dev {INTERFACE}",
                f"link set {INTERFACE} up",
            )
        # A link-local address comes when IPv6 has noticed that the cable is in; no group is heard before.
        for namespace in (ours, theirs):
            until(partial(_has_link_local_address, namespace))
        yield Segment(ours, theirs)


def _has_link_local_address(namespace: Namespace) -> bool:
    return "fe80::" in namespace.run("ip", "-6", "address", "show", "dev", INTERFACE)


def links_here() -> dict[str, Link]:
    netlink = NetlinkSocket(0)
    try:
        return read_links(netlink)
    finally:
        netlink.close()


def run_inside(namespace: Namespace, function: Callable[[], T]) -> T:
    """What `function` returns in that namespace; in a thread of its own, so that ours never moves."""
    results: list[T] = []
    failures: list[BaseException] = []

    def there() -> None:
        try:
            _move_this_thread(namespace)
            results.append(function())
        except BaseException as failure:  # noqa: BLE001 - raised again in the caller's thread
            failures.append(failure)

    thread = threading.Thread(target=there, name=f"inside-{namespace.name}")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]


def _move_this_thread(namespace: Namespace) -> None:
    """setns(2); os.setns came with Python 3.12."""
    libc = ctypes.CDLL(None, use_errno=True)
    with (NETNS_DIRECTORY / namespace.name).open() as file:
        if libc.setns(file.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), namespace.name)


def run_loop_inside(namespace: Namespace, main: Callable[[], Coroutine[object, object, T]]) -> T:
    """What `main` returns on an event loop in that namespace."""
    return run_inside(namespace, lambda: asyncio.run(main()))


def run_without_raw_sockets(code: str) -> str:
    """What a Python program prints that is root but for CAP_NET_RAW."""
    done = subprocess.run(
        ["setpriv", "--bounding-set", "-net_raw", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return done.stdout


def until(condition: Callable[[], bool]) -> None:
    """Wait for it, with patience."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "it did not come to pass"
        time.sleep(0.01)


async def until_so(condition: Callable[[], bool]) -> None:
    """Wait for it on the event loop, with patience."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "it did not come to pass"
        await asyncio.sleep(0.01)
