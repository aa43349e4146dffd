"""Sync groups on two segments, of keepalived and of vipkeeper, in any pair: the VIPs move as one.

Rules of this file: who serves is asked on the segments. The group's advertisements come twice a second, so a
death takes about 1.7 s. It is split while one host answers for one VIP and another one for the other.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest

from tests.interop.two_segments import TwoSegments, two_segments
from tests.peers.grouped import IN, OUT, Grouped
from vipkeeper.lab.network import Host

pytestmark = [pytest.mark.root, pytest.mark.long, pytest.mark.timeout(240)]

HIGHER, LOWER = 120, 110
# What a hand-over takes: an advertisement there and one back, a withdrawal, and a machine that is busy.
SPLIT_S = 0.7
PAIRS = (("keepalived", "vipkeeper"), ("vipkeeper", "keepalived"), ("vipkeeper", "vipkeeper"))
PORTS = {OUT: "lan_port", IN: "store_port"}


@pytest.fixture(scope="module")
def segments() -> Iterator[TwoSegments]:
    with two_segments() as made:
        yield made


@contextlib.contextmanager
def pair(segments: TwoSegments, kinds: tuple[str, str], tmp: object) -> Iterator[tuple[Grouped, Grouped]]:
    """The first one has both VIPs."""
    first, second = (
        Grouped(kind, host, tmp)  # type: ignore[arg-type]
        for kind, host in zip(kinds, segments.network.hosts, strict=True)
    )
    try:
        for router, priority in ((first, HIGHER), (second, LOWER)):
            router.tell(priority)
            router.start()
        segments.wait_for(first.host)
        time.sleep(1.0)  # two advertisements that the other one has heard
        yield first, second
    except BaseException:
        print(f"--- {first.kind}\n{first.log_end()}\n--- {second.kind}\n{second.log_end()}")
        raise
    finally:
        first.clean_up()
        second.clean_up()


def cut(segments: TwoSegments, host: Host, vip: str, *, up: bool = False) -> None:
    """The cable of one segment, so that the interface has no carrier."""
    port = getattr(host, PORTS[vip])
    segments.network.switch.configure(f"link set {port} {'up' if up else 'down'}")


def judge(segments: TwoSegments, since_s: float, *owners: Host) -> None:
    """Each VIP had these owners, one after the other, and both the same at any time.

    The first of them may have gone before anybody asked.
    """
    time.sleep(0.3)
    segments.wait_for(owners[-1])
    names = [host.name for host in owners]
    for vip in (OUT, IN):
        assert segments.owners(vip, since_s) in (names, names[1:])
        assert segments.overlap_s(vip, since_s) < SPLIT_S
    split_s = segments.longest_split_s(since_s)
    outages = {vip: round(segments.outage_s(vip, since_s), 3) for vip in (OUT, IN)}
    print(f"split for {split_s:.3f} s; without an answer for {outages}")
    assert split_s < SPLIT_S


@pytest.mark.parametrize("kinds", PAIRS, ids="-".join)
@pytest.mark.parametrize("vip", [OUT, IN], ids=["outside", "inside"])
def test_one_cable_of_the_master_is_pulled_and_plugged_in_again(
    segments: TwoSegments, tmp_path: object, kinds: tuple[str, str], vip: str
) -> None:
    with pair(segments, kinds, tmp_path) as (first, second):
        since_s = time.monotonic()
        cut(segments, first.host, vip)
        try:
            segments.wait_for(second.host)
            judge(segments, since_s, first.host, second.host)
            since_s = time.monotonic()
        finally:
            cut(segments, first.host, vip, up=True)
        segments.wait_for(first.host)
        judge(segments, since_s, second.host, first.host)


@pytest.mark.parametrize("kinds", PAIRS, ids="-".join)
def test_one_cable_of_the_backup_is_pulled_and_nothing_moves(
    segments: TwoSegments, tmp_path: object, kinds: tuple[str, str]
) -> None:
    with pair(segments, kinds, tmp_path) as (first, second):
        since_s = time.monotonic()
        cut(segments, second.host, IN)
        try:
            time.sleep(4)
        finally:
            cut(segments, second.host, IN, up=True)
        time.sleep(3)
        judge(segments, since_s, first.host)


@pytest.mark.parametrize("kinds", PAIRS, ids="-".join)
def test_stopped_and_started(segments: TwoSegments, tmp_path: object, kinds: tuple[str, str]) -> None:
    with pair(segments, kinds, tmp_path) as (first, second):
        since_s = time.monotonic()
        first.stop()
        segments.wait_for(second.host)
        judge(segments, since_s, first.host, second.host)
        since_s = time.monotonic()
        first.start()
        segments.wait_for(first.host)
        judge(segments, since_s, second.host, first.host)


@pytest.mark.parametrize("kinds", PAIRS, ids="-".join)
def test_priorities_of_both_decide_and_of_one_alone_do_not(
    segments: TwoSegments, tmp_path: object, kinds: tuple[str, str]
) -> None:
    with pair(segments, kinds, tmp_path) as (first, second):
        since_s = time.monotonic()
        first.tell(HIGHER, inside=LOWER - 50)
        time.sleep(4)
        judge(segments, since_s, first.host)
        first.tell(LOWER - 50)
        segments.wait_for(second.host)
        judge(segments, since_s, first.host, second.host)


@pytest.mark.parametrize("kinds", PAIRS[1:], ids="-".join)
def test_a_master_that_is_killed_answers_for_neither(
    segments: TwoSegments, tmp_path: object, kinds: tuple[str, str]
) -> None:
    """What a keepalived that is killed leaves in its kernel answers for ever, so it is not killed here."""
    with pair(segments, kinds, tmp_path) as (first, second):
        since_s = time.monotonic()
        first.kill()
        segments.wait_for(second.host)
        judge(segments, since_s, first.host, second.host)
