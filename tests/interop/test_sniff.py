"""`vipkeeper sniff` and the finder of VRIDs, beside real keepaliveds."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from tests.interop import scenarios
from tests.interop.segment import VIP4, VIP6, Segment
from tests.peers.virtual_router import Router, VirtualRouter, wait_until_master
from vipkeeper.lab.faults import partition_from_peers
from vipkeeper.lab.namespaces import Namespace
from vipkeeper.lab.network import LAN_INTERFACE, vip_ipv4
from vrrp_compat.sockets.vrid_finder import find_vrids
from vrrp_compat.wire.vrid_census import VridUse, used_by_others

pytestmark = [pytest.mark.root, pytest.mark.timeout(120)]

SHORT = VirtualRouter((VIP4,), interval_ms=200)
KEEPALIVEDS = ("keepalived", "keepalived")


def command(namespace: Namespace, *words: str) -> tuple[str, ...]:
    return namespace.inside(sys.executable, "-m", "vipkeeper", "sniff", "--interface", LAN_INTERFACE, *words)


def sniff(namespace: Namespace, *words: str) -> list[dict[str, Any]]:
    """What it prints as JSON, the summary last."""
    done = subprocess.run(
        command(namespace, "-o", "json", *words), capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


@contextlib.contextmanager
def sniffing(namespace: Namespace, *words: str) -> Iterator[list[dict[str, Any]]]:
    """It runs while the block does; afterwards what it printed is in the list."""
    told: list[dict[str, Any]] = []
    process = subprocess.Popen(
        command(namespace, "-o", "json", *words), stdout=subprocess.PIPE, text=True, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        told.append(json.loads(process.stdout.readline()))  # it hears
        yield told
        process.send_signal(signal.SIGINT)
        rest, complaints = process.communicate(timeout=30)
        assert (process.returncode, complaints) == (0, "")
        told += [json.loads(line) for line in rest.splitlines()]
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def master(segment: Segment) -> Iterator[Router]:
    with segment.routers(("keepalived",), SHORT) as (router,):
        router.start()
        wait_until_master(router)
        yield router


def test_a_master_is_shown_and_summarised(segment: Segment, master: Router) -> None:
    *frames, summary = sniff(segment.network.observer.namespace, "--count", "30")
    adverts = [frame for frame in frames if frame["kind"] == "vrrp"]
    assert len(frames) == summary["frames"] == 30
    for advert in adverts:
        del advert["time"]
        assert advert == {
            "kind": "vrrp",
            "sender_mac": master.host.mac,
            "sender": master.host.ipv4,
            "own": False,
            "vips": [VIP4],
            "at_mac": None,
            "version": 3,
            "vrid": SHORT.vrid,
            "priority": master.described.priority,
            "interval_cs": 20,
            "verdict": "accept",
            "reason": None,
        }
    assert summary["conflicts"] == []
    (router,) = summary["routers"]
    assert (router["source"], router["addresses"]) == (master.host.ipv4, [VIP4])


@pytest.mark.parametrize("vip", [VIP4, VIP6], ids=["ipv4", "ipv6"])
def test_a_failover_is_followed_and_is_no_conflict(segment: Segment, vip: str) -> None:
    with segment.routers(KEEPALIVEDS, replace(SHORT, addresses=(vip,))) as (higher, lower):
        scenarios.elect(segment, higher, lower)
        with sniffing(segment.network.client.namespace, "--vip", vip) as told:
            scenarios.leave(segment, higher, lower)
        *frames, summary = told
        announced = {frame["at_mac"] for frame in frames if frame["kind"] in {"arp-announce", "na-announce"}}
        assert lower.host.mac in announced
        assert summary["conflicts"] == []
        left = {router["mac"]: router["left"] for router in summary["routers"]}
        assert left == {higher.host.mac: True, lower.host.mac: False}


def test_two_masters_are_found(segment: Segment) -> None:
    with segment.routers(KEEPALIVEDS, SHORT) as (one, other):
        with partition_from_peers(segment.network, one.host):
            for router in (one, other):
                router.start()
                wait_until_master(router)
            # The sniffer hears both; they do not hear each other.
            with sniffing(segment.network.client.namespace) as told:
                time.sleep(2)
        conflicts = {conflict["kind"]: conflict["text"] for conflict in told[-1]["conflicts"]}
        assert one.host.ipv4 in conflicts["two-masters"]
        assert other.host.ipv4 in conflicts["two-masters"]


def test_the_sender_sees_itself(master: Router) -> None:
    frames = sniff(master.host.namespace, "--count", "3")[:-1]
    assert all(frame["own"] for frame in frames if frame["kind"] == "vrrp")


def test_a_line_for_a_person(segment: Segment, master: Router) -> None:
    words = command(segment.network.client.namespace, "--duration", "1")
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == f"listening on {LAN_INTERFACE}; end with Ctrl-C\n"
    lines = done.stdout.splitlines()
    assert f"v3 VRID 51  priority {master.described.priority}  every 0.2 s  {VIP4}" in lines[0]
    assert lines[-1] == "no conflict seen"


def test_without_the_capability_it_says_so(segment: Segment) -> None:
    bare = ("setpriv", "--bounding-set", "-net_raw", sys.executable, "-m", "vipkeeper", "sniff")
    words = segment.network.client.namespace.inside(*bare, "--interface", LAN_INTERFACE)
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, env=os.environ)
    assert done.returncode == 77
    assert done.stderr == (
        f"vipkeeper: listening on {LAN_INTERFACE} needs CAP_NET_RAW, which this process does not have: "
        "run it as root\n"
    )


def found_by(namespace: Namespace, listen_s: float) -> tuple[VridUse, ...]:
    return namespace.call(lambda: asyncio.run(find_vrids(LAN_INTERFACE, listen_s=listen_s)))


def test_vrids_of_others_are_found_and_ones_own_are_not(segment: Segment, master: Router) -> None:
    (use,) = found_by(segment.network.client.namespace, 1.0)
    assert (use.vrid, use.family, use.addresses) == (SHORT.vrid, 4, (VIP4,))
    assert use.sources == (master.host.ipv4,)
    assert used_by_others((use,), SHORT.vrid, [VIP4]) == ()
    assert used_by_others((use,), SHORT.vrid, [vip_ipv4(1)]) == (use,)
    assert found_by(master.host.namespace, 1.0) == ()


def test_the_finder_ends_when_it_is_told(segment: Segment, master: Router) -> None:
    async def told() -> tuple[VridUse, ...]:
        enough = asyncio.Event()
        asyncio.get_running_loop().call_later(1.0, enough.set)
        return await find_vrids(LAN_INTERFACE, listen_s=3600, until=enough)

    (use,) = segment.network.client.namespace.call(lambda: asyncio.run(told()))
    assert use.sources == (master.host.ipv4,)


def test_a_silent_wire_has_no_vrids(segment: Segment) -> None:
    assert found_by(segment.network.client.namespace, 0.5) == ()
