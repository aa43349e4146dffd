"""The shell serves addresses on virtual MAC interfaces, which may come after it and go before it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.agent.test_host_shell_in_kernel import Bench
from tests.kernel_segment.segment import (
    INTERFACE,
    THEIR_MAC,
    Segment,
    make_segment,
    run_loop_inside,
    until_so,
)
from vipkeeper.election.events import ConflictHeard
from vipkeeper.kernel.announcement_frames import announcements
from vipkeeper.kernel.virtual_mac import VirtualMac, VirtualMacs
from vipkeeper.model.vips import Unit, VipAddress

pytestmark = pytest.mark.root

VIRTUALS = (VirtualMac(INTERFACE, 5, 4), VirtualMac(INTERFACE, 5, 6))
WEB = VipAddress("10.9.1.1", 32, "vrrp.5")
WEB6 = VipAddress("fd09::1:1", 128, "vrrp6.5")
UNIT = Unit("web", (WEB, WEB6), 100)


@pytest.fixture
def segment() -> Iterator[Segment]:
    with make_segment() as made:
        yield made


def _is_fenced(bench: Bench, interface: str) -> bool:
    return "vipkeeper" in bench.filters(interface)


def serves(bench: Bench) -> bool:
    return "10.9.1.1/32" in bench.addresses("vrrp.5") and "fd09::1:1/128" in bench.addresses("vrrp6.5")


def test_an_interface_that_comes_later_is_served_fenced_and_watched(segment: Segment, tmp_path: Path) -> None:
    async def story() -> None:
        bench = Bench(segment, (UNIT,))
        async with bench.running():
            await until_so(lambda: bool(bench.verdicts("web")))
            assert bench.verdicts("web")[-1] is not None
            macs = VirtualMacs(tmp_path / "settings")
            macs.ensure(VIRTUALS)
            await until_so(lambda: bench.verdicts("web")[-1] is None)
            bench.hold("web")
            await until_so(lambda: serves(bench))
            for interface in ("vrrp.5", "vrrp6.5"):
                await until_so(partial(_is_fenced, bench, interface))
            # Another machine says that it has them, under its own MAC.
            sender = segment.their_sender()
            theirs = bytes.fromhex(THEIR_MAC.replace(":", ""))
            for vip in (WEB, WEB6):
                bench.told.clear()
                for frame in announcements(vip, theirs):
                    sender.send(frame)
                await until_so(lambda: any(isinstance(event, ConflictHeard) for event in bench.told))
            sender.close()
            bench.shell.want({})
            macs.close(keep=False)
            await until_so(lambda: bench.verdicts("web")[-1:] not in ([], [None]))

    run_loop_inside(segment.ours, story)


def test_the_next_process_adopts_interface_and_addresses(segment: Segment, tmp_path: Path) -> None:
    async def story() -> None:
        macs = VirtualMacs(tmp_path / "settings")
        macs.ensure(VIRTUALS)
        first = Bench(segment, (UNIT,))
        async with first.running(keep=True):
            first.hold("web")
            await until_so(lambda: serves(first))
        macs.close(keep=True)
        assert serves(first)
        macs = VirtualMacs(tmp_path / "settings")
        macs.ensure(VIRTUALS)
        second = Bench(segment, (UNIT,))
        async with second.running():
            assert serves(second)
            second.hold("web")
            await until_so(lambda: serves(second))
        macs.close(keep=False)

    run_loop_inside(segment.ours, story)
