"""The shell over a host in memory: what it leaves in the kernel, what it tells, and when it announces."""

from __future__ import annotations

import asyncio
import functools

import pytest

from tests.agent.shell_bench import MAIL, UNITS, WEB, WEB6, Bench, play
from tests.kernel_segment.segment import until_so
from vipkeeper.agent.fitness import REFUSED_FOR_S, REMOVALS_BEFORE_GIVING_UP
from vipkeeper.election.effects import Holding
from vipkeeper.election.events import ConflictHeard, FitnessChanged, KernelAdoptable, Withdrawn
from vipkeeper.model.address_options import REPEATS
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.reasons import Reason
from vipkeeper.model.vips import Unit, VipAddress


def test_what_is_held_answers_until_its_deadline() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.running():
            assert bench.shell.fence() is FenceKind.BPF
            assert bench.verdicts("web") == [None]
            bench.hold("web", for_s=2.0)
            assert bench.kernel.answers(WEB.address)
            assert bench.kernel.answers(WEB6.address)
            assert not bench.kernel.answers(MAIL.address)
            bench.now_s += 2.0
            assert not bench.kernel.answers(WEB.address)

    play(story)


def test_what_is_no_longer_held_is_gone_and_told_once() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.running():
            bench.hold("web", "mail")
            assert bench.heard(Withdrawn) == []
            bench.hold("mail")
            assert bench.heard(Withdrawn) == [Withdrawn(frozenset({"web"}))]
            assert bench.kernel.addresses().keys() == {MAIL}
            assert bench.kernel.deadlines.keys() == {MAIL.address}, "others may now serve it from this host"
            bench.hold("mail")
            assert len(bench.heard(Withdrawn)) == 1

    play(story)


def test_a_lease_that_is_over_is_removed_without_being_told_to() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.running():
            bench.hold("web", for_s=2.0)
            holdings = {"web": Holding(bench.now_s + 2.0)}
            bench.now_s += 2.5
            bench.shell.want(holdings)
            assert bench.kernel.addresses() == {}

    play(story)


def test_a_shorter_lease_counts_at_once() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.running():
            bench.hold("web", for_s=10.0)
            bench.hold("web", for_s=1.0)
            bench.now_s += 1.5
            assert not bench.kernel.answers(WEB.address)

    play(story)


def test_the_next_process_keeps_what_stands_and_announces_it_once_it_is_confirmed() -> None:
    async def story() -> None:
        bench = Bench()
        bench.shell.start()
        bench.hold("web", for_s=5.0)
        bench.new_process()
        async with bench.running():
            assert bench.heard(KernelAdoptable) == [KernelAdoptable(frozenset({"web"}))]
            assert bench.heard(Withdrawn) == []
            assert bench.kernel.answers(WEB.address)
            before = bench.announcements(WEB)
            bench.shell.want({"web": Holding(None)})
            assert bench.announcements(WEB) == before, "nothing is announced that nobody has confirmed"
            bench.hold("web")
            assert bench.announcements(WEB) == before + 1

    play(story)


def test_the_next_process_removes_what_it_may_not_have() -> None:
    async def story() -> None:
        bench = Bench()
        bench.shell.start()
        bench.hold("web", for_s=5.0)
        bench.kernel.remove_by_hand(WEB6)
        bench.new_process()
        async with bench.running():
            assert bench.heard(KernelAdoptable) == []
            assert bench.kernel.addresses() == {}

    play(story)


def test_an_adopted_unit_that_the_store_does_not_give_us_goes() -> None:
    async def story() -> None:
        bench = Bench()
        bench.shell.start()
        bench.hold("web")
        bench.new_process()
        async with bench.running():
            bench.hold()
            assert bench.heard(Withdrawn) == [Withdrawn(frozenset({"web"}))]
            assert bench.kernel.addresses() == {}

    play(story)


def test_an_address_that_others_remove_is_back_and_announced() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.running():
            bench.hold("web")
            told = len(bench.told)
            announced = bench.announcements(WEB)
            bench.kernel.remove_by_hand(WEB)
            await until_so(lambda: WEB in bench.kernel.addresses())
            assert bench.announcements(WEB) == announced + 1
            assert len(bench.told) == told, "the election is not bothered"

    play(story)


def test_who_removes_it_again_and_again_gets_his_way_for_a_while() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.running():
            bench.hold("web")
            for _ in range(REMOVALS_BEFORE_GIVING_UP - 1):
                bench.kernel.remove_by_hand(WEB)
                await until_so(lambda: WEB in bench.kernel.addresses())
                assert bench.verdicts("web") == [None]
            bench.kernel.remove_by_hand(WEB)
            await until_so(lambda: bench.verdicts("web") == [None, Reason.KERNEL_REFUSED])
            assert bench.kernel.addresses() == {}, "all of the unit goes"
            bench.hold()
            bench.now_s += REFUSED_FOR_S + 1
            bench.kernel.set_carrier("eth1", up=True)
            await until_so(lambda: bench.verdicts("web")[-1] is None)

    play(story)


def test_an_interface_that_goes_is_not_taken_for_a_removal_by_others() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.running():
            bench.hold("web", "mail")
            for number in range(1, REMOVALS_BEFORE_GIVING_UP + 2):
                bench.kernel.remove_interface("eth0")
                await until_so(lambda: bench.verdicts("web")[-1] is Reason.INTERFACE_MISSING)
                assert bench.kernel.addresses().keys() == {MAIL}
                bench.kernel.add_interface("eth0")
                await until_so(lambda: bench.verdicts("web")[-1] is None)
                await until_so(lambda: bench.kernel.answers(WEB.address))
                assert len(bench.verdicts("web")) == 1 + 2 * number
            assert Reason.KERNEL_REFUSED not in bench.verdicts("web")

    play(story)


def test_a_unit_on_a_missing_interface_is_served_as_soon_as_it_is_there() -> None:
    async def story() -> None:
        bench = Bench()
        bench.kernel.remove_interface("eth1")
        async with bench.running():
            assert bench.verdicts("mail") == [Reason.INTERFACE_MISSING]
            bench.hold("web", "mail")
            assert bench.kernel.addresses().keys() == {WEB, WEB6}
            bench.kernel.add_interface("eth1")
            await until_so(lambda: bench.kernel.answers(MAIL.address))
            assert bench.verdicts("mail") == [Reason.INTERFACE_MISSING, None]
            assert "eth1" in bench.kernel.fenced

    play(story)


def test_a_cable_that_is_pulled_is_told_and_plugging_it_announces_anew() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.running():
            bench.hold("web")
            bench.kernel.set_carrier("eth0", up=False)
            await until_so(lambda: bench.verdicts("web") == [None, Reason.INTERFACE_DOWN])
            announced = bench.announcements(WEB)
            bench.kernel.set_carrier("eth0", up=True)
            await until_so(lambda: bench.announcements(WEB) > announced)
            assert bench.verdicts("web") == [None, Reason.INTERFACE_DOWN, None]

    play(story)


def test_a_refusal_withdraws_its_unit_alone_and_the_others_are_announced() -> None:
    async def story() -> None:
        bench = Bench()
        bench.kernel.refusals[WEB6] = "IPv6 is disabled on this device"
        async with bench.running():
            bench.hold("web", "mail")
            assert bench.verdicts("web") == [None, Reason.KERNEL_REFUSED]
            assert bench.verdicts("mail") == [None]
            assert bench.kernel.addresses().keys() == {MAIL}
            assert bench.announcements(MAIL) == 1
            assert bench.announcements(WEB) == 0

    play(story)


def test_an_address_of_others_makes_the_unit_unfit_until_it_is_gone() -> None:
    async def story() -> None:
        bench = Bench()
        wide = VipAddress(WEB.address, 24, "eth1")
        bench.kernel.foreign.add(wide)
        async with bench.running():
            assert bench.verdicts("web") == [Reason.KERNEL_REFUSED]
            (verdict,) = [event for event in bench.heard(FitnessChanged) if "web" in event.units]
            assert "ip address del 192.0.2.1/24 dev eth1" in verdict.detail
            bench.kernel.remove_by_hand(wide)
            await until_so(lambda: bench.verdicts("web") == [Reason.KERNEL_REFUSED, None])

    play(story)


def test_a_fence_that_others_remove_is_back() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.running():
            bench.hold("web")
            bench.kernel.strip_fence("eth0")
            await until_so(lambda: "eth0" in bench.kernel.fenced)
            assert bench.verdicts("web") == [None]

    play(story)


def test_without_a_fence_that_can_be_put_back_nothing_is_served() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.running():
            bench.hold("web", "mail")
            bench.kernel.refused_fences[FenceKind.BPF] = "no more programs"
            bench.kernel.strip_fence("eth0")
            await until_so(lambda: bench.kernel.addresses() == {})
            assert bench.verdicts("mail") == [None, Reason.KERNEL_REFUSED]

    play(story)


def test_a_weaker_fence_says_why_it_is_not_the_stronger_one() -> None:
    bench = Bench()
    bench.kernel.refused_fences = {
        FenceKind.BPF: "the tc program needs CAP_BPF",
        FenceKind.NFTABLES: "no netdev egress hook",
    }

    async def story() -> None:
        async with bench.running():
            assert bench.shell.fence() is FenceKind.LIFETIME
            assert "CAP_BPF" in bench.shell.fence_note()
            assert "egress" in bench.shell.fence_note()
            bench.hold("web", for_s=2.0)
            assert bench.kernel.answers(WEB.address)
            bench.now_s += 3.0
            assert not bench.kernel.answers(WEB.address)

    play(story)


@pytest.mark.slow
def test_each_vip_is_announced_at_once_and_again_in_the_next_seconds() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.running():
            bench.hold("web")
            assert bench.announcements(WEB) == 1
            for _ in range(REPEATS):
                more = bench.announcements(WEB) + 1
                bench.now_s += 1.1
                bench.hold("web")
                await until_so(functools.partial(bench.has_announced, WEB, more))

    play(story)


def test_nothing_is_announced_after_the_deadline() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.running():
            bench.hold("web", for_s=0.5)
            holdings = {"web": Holding(bench.now_s + 0.5)}
            bench.now_s += 1.2
            bench.shell.want(holdings)
            await asyncio.sleep(0)
            assert bench.announcements(WEB) == 1

    play(story)


def test_a_foreign_announcement_is_told_and_answered_by_one_of_ours() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.running():
            bench.hold("web")
            announced = bench.announcements(WEB)
            bench.kernel.announce_elsewhere(WEB, "02:00:00:00:00:99")
            await until_so(lambda: bench.announcements(WEB) == announced + 1)
            assert bench.heard(ConflictHeard) == [ConflictHeard("web", "02:00:00:00:00:99")]
            bench.kernel.announce_elsewhere(MAIL, "02:00:00:00:00:99")
            await asyncio.sleep(0.01)
            assert len(bench.heard(ConflictHeard)) == 1, "a VIP of others may be announced by others"

    play(story)


def test_other_units_after_a_reload() -> None:
    async def story() -> None:
        bench = Bench()
        news = Unit("news", (VipAddress("192.0.2.3", 32, "eth0"),), 100)
        async with bench.running():
            bench.hold("web", "mail")
            bench.hold("web")
            bench.shell.reconfigure((UNITS[0], news))
            assert bench.verdicts("news") == [None]
            bench.hold("web", "news")
            assert bench.kernel.answers("192.0.2.3")
            assert bench.kernel.answers(WEB.address)

    play(story)


def test_an_address_that_a_reload_takes_from_a_held_unit_goes() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.running():
            bench.hold("web")
            bench.shell.reconfigure((Unit("web", (WEB,), 100), UNITS[1]))
            assert bench.kernel.addresses().keys() == {WEB}
            bench.hold("web")
            bench.now_s += 30.0
            bench.hold("web")
            await asyncio.sleep(0.01)
            assert bench.announcements(WEB6) == 1
            assert bench.heard(Withdrawn) == []

    play(story)


def test_closing_leaves_nothing_or_everything() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.running():
            bench.hold("web")
            bench.shell.close(keep=True)
            assert bench.kernel.answers(WEB.address)
        bench.new_process()
        async with bench.running():
            bench.shell.close(keep=False)
            assert bench.kernel.addresses() == {}
            assert bench.kernel.fenced == set()

    play(story)


def test_what_has_been_said_often_is_said_again_as_often_as_is_asked_for() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.running():
            bench.shell.announce_every(2.0)
            bench.hold("web")
            for _ in range(REPEATS):
                bench.now_s += 1.1
                bench.hold("web")
                bench.shell.announce_again("mail")  # wakes the shell, and has nothing to say itself
                await asyncio.sleep(0.01)
            said = bench.announcements(WEB)
            bench.now_s += 2.0
            bench.hold("web")
            bench.shell.announce_again("mail")
            await until_so(functools.partial(bench.has_announced, WEB, said + 1))

    play(story)
