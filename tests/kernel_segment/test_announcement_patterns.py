"""Announcements as an operator asks for them: bursts, pauses, refreshes, and the least time in between."""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
from collections.abc import Iterator

import pytest

from tests.config.sources import config_of
from tests.kernel_segment.segment import INTERFACE, Segment, make_segment, run_loop_inside
from vipkeeper.agent.clocks import boot_s
from vipkeeper.agent.host_shell import HostShell
from vipkeeper.config.vip_addresses import address_settings
from vipkeeper.desired.announcement_schedule import AnnouncementSchedule
from vipkeeper.election.effects import Holding
from vipkeeper.kernel.netlink_host import NetlinkHost
from vipkeeper.model.address_options import USUAL_STEPS, AddressSettings, AnnouncementPattern
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.vips import Unit, VipAddress

WEB = VipAddress("10.9.1.1", 32, INTERFACE)
WEB6 = VipAddress("fd09::1:1", 128, INTERFACE)
ELSEWHERE = VipAddress("10.9.1.9", 32, "eth1")
ROUNDING_S = 1e-6
ETH_ARP = 0x0806
SO_TIMESTAMPNS = 35


def played(schedule: AnnouncementSchedule, until_s: float) -> list[tuple[float, VipAddress]]:
    """(instant, VIP) of all that is due up to `until_s`, asked for exactly when it is due."""
    found: list[tuple[float, VipAddress]] = []
    while (due_s := schedule.next_due_s()) is not None and due_s <= until_s:
        found.extend((due_s, vip) for vip in schedule.take_due(due_s))
    return found


def instants(pattern: AnnouncementPattern, until_s: float) -> list[float]:
    schedule = AnnouncementSchedule()
    schedule.start([WEB], 0.0, {WEB.address: pattern})
    return [due_s for due_s, _ in played(schedule, until_s)]


def test_two_bursts_and_then_a_refresh() -> None:
    pattern = AnnouncementPattern(((0.0, 3), (5.0, 2)), refresh_s=10.0, refresh_count=2)
    assert instants(pattern, 30.0) == [0, 0, 0, 5, 5, 15, 15, 25, 25]


def test_without_a_delay_there_is_one_burst_and_without_a_refresh_an_end() -> None:
    assert instants(AnnouncementPattern(((0.0, 4),), refresh_s=0.0), 1e6) == [0, 0, 0, 0]


def test_what_is_not_said_is_as_ever() -> None:
    usual = AnnouncementSchedule()
    usual.start([WEB], 0.0)
    assert instants(AnnouncementPattern(USUAL_STEPS), 300.0) == [at_s for at_s, _ in played(usual, 300.0)]


def test_a_pattern_without_steps_leaves_what_runs() -> None:
    schedule = AnnouncementSchedule(10.0)
    schedule.start([WEB], 0.0, {WEB.address: AnnouncementPattern(((0.0, 1),))})
    assert played(schedule, 5.0) == [(0.0, WEB)]
    schedule.start([WEB], 5.0, {WEB.address: AnnouncementPattern(())})
    assert played(schedule, 15.0) == [(10.0, WEB)]


@pytest.mark.parametrize("late_s", [0.0, 0.35, 1.0])
def test_the_least_time_between_two_counts_for_each_interface_and_family(late_s: float) -> None:
    many = [VipAddress(f"10.9.1.{number}", 32, INTERFACE) for number in range(1, 21)]
    pattern = AnnouncementPattern(((0.0, 3),), refresh_s=0.0, interval_s=0.1)
    vips = [*many, WEB6, ELSEWHERE]
    schedule = AnnouncementSchedule()
    schedule.start(vips, 0.0, {vip.address: pattern for vip in vips})
    sent: list[tuple[float, VipAddress]] = []
    while (due_s := schedule.next_due_s()) is not None:
        now_s = due_s + late_s
        sent.extend((now_s, vip) for vip in schedule.take_due(now_s))
    assert len(sent) == 3 * len(vips), "none is lost"
    for place in ((INTERFACE, 4), (INTERFACE, 6), ("eth1", 4)):
        at_s = [when_s for when_s, vip in sent if (vip.interface, vip.version) == place]
        assert all(later - earlier >= 0.1 - ROUNDING_S for earlier, later in itertools.pairwise(at_s))
    first_round = [vip for _, vip in sent if vip in many][: len(many)]
    assert set(first_round) == set(many), "each has been announced once before one is announced twice"


def test_what_is_stopped_while_it_waits_for_its_turn_is_not_sent() -> None:
    schedule = AnnouncementSchedule()
    other = VipAddress("10.9.1.2", 32, INTERFACE)
    pattern = AnnouncementPattern(((0.0, 1),), refresh_s=0.0, interval_s=1.0)
    schedule.start([WEB, other], 0.0, {WEB.address: pattern, other.address: pattern})
    assert schedule.take_due(0.0) == (WEB,)
    schedule.stop([other])
    assert schedule.next_due_s() is None
    assert schedule.take_due(5.0) == ()


VIP = '[vip.web]\ninterface = "eth0"\naddresses = ["10.9.1.1", "fd09::1:1"]\n'


def settings(text: str) -> AddressSettings:
    return address_settings(config_of(text))


@pytest.mark.parametrize(
    ("garp", "steps", "refresh"),
    [
        ("master_repeat = 3\nmaster_delay = 2", ((0.0, 3), (2.0, 3)), (None, 1)),
        ("master_repeat = 3", ((0.0, 3), (5.0, 3)), (None, 1)),
        ("master_delay = 10", ((0.0, 5), (10.0, 5)), (None, 1)),
        ("master_delay = 0", ((0.0, 5),), (None, 1)),
        ("master_refresh = 30\nmaster_refresh_repeat = 2", USUAL_STEPS, (30.0, 2)),
        ("master_refresh = 0", USUAL_STEPS, (0.0, 1)),
    ],
)
def test_the_pattern_of_a_new_master(
    garp: str, steps: tuple[tuple[float, int], ...], refresh: tuple[float | None, int]
) -> None:
    for text in (f"[garp]\n{garp}\n{VIP}", f"{VIP}[vip.web.garp]\n{garp}"):
        pattern = settings(text).patterns["10.9.1.1"]
        assert (pattern.steps, (pattern.refresh_s, pattern.refresh_count)) == (steps, refresh)


def test_without_settings_there_is_no_pattern() -> None:
    assert settings(VIP) == AddressSettings()


def test_what_a_vip_says_goes_before_what_is_said_for_all() -> None:
    told = settings(f"[garp]\nmaster_repeat = 9\ninterval = 0.5\n{VIP}[vip.web.garp]\nmaster_repeat = 2\n")
    assert told.patterns["10.9.1.1"].steps == ((0.0, 2), (5.0, 2))
    assert (told.patterns["10.9.1.1"].interval_s, told.patterns["fd09::1:1"].interval_s) == (0.5, 0.0)


@pytest.mark.parametrize(
    ("garp", "steps"),
    [
        ("lower_prio_repeat = 0", ()),
        ("lower_prio_repeat = 2\nlower_prio_delay = 0", ((0.0, 2),)),
        ("lower_prio_delay = 3\nmaster_repeat = 4", ((0.0, 4), (3.0, 4))),
        ("master_repeat = 4", ((0.0, 4), (5.0, 4))),
    ],
)
def test_the_pattern_when_a_lesser_master_was_heard(garp: str, steps: tuple[tuple[float, int], ...]) -> None:
    assert settings(f"{VIP}[vip.web.garp]\n{garp}").lower_priority["10.9.1.1"].steps == steps


@pytest.fixture
def segment() -> Iterator[Segment]:
    with make_segment() as made:
        yield made


def arrivals_s(listener: socket.socket, count: int) -> list[float]:
    """When the kernel received that many ARP frames, by its own stamps."""
    found = []
    for _ in range(count):
        _, ancillary, _, _ = listener.recvmsg(2048, 256)
        seconds, nanoseconds = struct.unpack("=qq", ancillary[0][2][:16])
        found.append(seconds + nanoseconds / 1e9)
    return found


@pytest.mark.root
def test_the_segment_hears_as_many_and_as_far_apart_as_asked(segment: Segment) -> None:
    told = settings(
        f"[garp]\nmaster_repeat = 3\nmaster_delay = 0.5\nmaster_refresh = 0\ninterval = 0.1\n"
        f"lower_prio_repeat = 2\nlower_prio_delay = 0\n{VIP}"
    )
    at_s: list[float] = []
    with segment.listen(ETH_ARP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

        async def story() -> None:
            host = HostShell(
                NetlinkHost(boot_s),
                (Unit("web", (WEB, WEB6), 100),),
                lambda _event: None,
                allowed=tuple(FenceKind),
                clock=boot_s,
                settings=told,
            )
            host.start()
            host.want({"web": Holding(boot_s() + 600)})
            runs = asyncio.create_task(host.run())
            loop = asyncio.get_running_loop()
            # A request and a reply each.
            at_s.extend(await loop.run_in_executor(None, arrivals_s, listener, 2 * (3 + 3)))
            host.announce_again("web")
            at_s.extend(await loop.run_in_executor(None, arrivals_s, listener, 2 * 2))
            runs.cancel()
            await asyncio.gather(runs, return_exceptions=True)
            host.close(keep=False)

        run_loop_inside(segment.ours, story)
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.recv(2048)
    bursts = at_s[::2]
    gaps = [later - earlier for earlier, later in itertools.pairwise(bursts)]
    assert min(gaps) >= 0.099, "by the clock of wall time, which may be slewed meanwhile"
    assert gaps[2] >= 0.499
