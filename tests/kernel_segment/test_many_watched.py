"""However many addresses are watched, each is heard, and no other wakes the watch."""

from __future__ import annotations

import ipaddress

import pytest

from tests.kernel_segment.listener import foreign_announcements, listener
from tests.kernel_segment.segment import INTERFACE, Segment, run_loop_inside
from vipkeeper.model.vips import VipAddress

pytestmark = pytest.mark.root

UNRELATED = 300


def many(count: int, *, from_address: str) -> list[VipAddress]:
    first = ipaddress.ip_address(from_address)
    return [VipAddress.parse(str(first + number * 3), INTERFACE) for number in range(count)]


@pytest.mark.parametrize("count", [1, 1000, 5000])
def test_unrelated_traffic_does_not_wake_the_watch(segment: Segment, count: int) -> None:
    vips4 = many(count, from_address="10.20.0.1")
    vips6 = many(count, from_address="fd20::1")
    others = many(UNRELATED, from_address="10.200.0.2") + many(UNRELATED, from_address="fd20::ff00:2")

    async def main() -> None:
        with listener() as ear, segment.their_sender() as theirs:
            ear.listen_for(vips4 + vips6)
            for other in others:
                theirs.send(foreign_announcements(other)[0])
            last = (vips4[-1], vips6[-1])
            for vip in last:
                theirs.send(foreign_announcements(vip)[0])
            await ear.hears(*last)
            assert ear.watch.frames_read == 2

    run_loop_inside(segment.ours, main)


def test_each_of_a_thousand_is_heard(segment: Segment) -> None:
    vips = many(1000, from_address="10.20.0.1") + many(1000, from_address="fd20::1")

    async def main() -> None:
        with listener() as ear, segment.their_sender() as theirs:
            ear.listen_for(vips)
            for start in range(0, len(vips), 50):  # the socket's buffer holds some hundreds
                some = vips[start : start + 50]
                for vip in some:
                    theirs.send(foreign_announcements(vip)[0])
                await ear.hears(*some)

    run_loop_inside(segment.ours, main)


def test_the_address_next_to_one_of_a_thousand_does_not_wake_the_watch(segment: Segment) -> None:
    vips = many(1000, from_address="10.20.0.1")
    neighbours = many(1000, from_address="10.20.0.2")

    async def main() -> None:
        with listener() as ear, segment.their_sender() as theirs:
            ear.listen_for(vips)
            for vip in neighbours:
                theirs.send(foreign_announcements(vip)[0])
            theirs.send(foreign_announcements(vips[0])[0])
            await ear.hears(vips[0])
            assert ear.watch.frames_read == 1

    run_loop_inside(segment.ours, main)


def test_large_filters_fit_the_memory_that_older_kernels_allow(segment: Segment) -> None:
    """20 KiB until Linux 6.8. There is no room for two at once, and the second replaces the first."""
    path = "/proc/sys/net/core/optmem_max"  # where it is not in a namespace, the kernel is an older one
    segment.ours.run("sh", "-c", f"test ! -e {path} || echo 20480 > {path}")
    vips = [VipAddress(str(ipaddress.ip_address(n * 2_000_003)), 32, INTERFACE) for n in range(1, 2002)]

    async def main() -> None:
        with listener() as ear, segment.their_sender() as theirs:
            ear.listen_for(vips[:-1])
            theirs.send(foreign_announcements(vips[0])[0])
            await ear.hears(vips[0])
            ear.listen_for(vips[1:])
            theirs.send(foreign_announcements(vips[-1])[0])
            await ear.hears(vips[-1])

    run_loop_inside(segment.ours, main)


def test_the_unrelated_are_read_by_who_asks_for_them(segment: Segment) -> None:
    """Negative control: such frames do arrive at the interface, and the counter counts them."""

    async def main() -> None:
        with listener() as ear, segment.their_sender() as theirs:
            others = many(UNRELATED, from_address="10.200.0.2")
            ear.listen_for(others)
            for start in range(0, UNRELATED, 50):
                for other in others[start : start + 50]:
                    theirs.send(foreign_announcements(other)[0])
                await ear.hears(*others[start : start + 50])
            assert ear.watch.frames_read == UNRELATED

    run_loop_inside(segment.ours, main)
