"""The shell over a host in memory: how addresses look and are announced, and who hears what stands."""

from __future__ import annotations

from tests.agent.shell_bench import MAIL, UNITS, WEB, WEB6, Bench, play
from tests.kernel_segment.segment import until_so
from vipkeeper.agent.host_shell import HostShell
from vipkeeper.kernel.memory_host import MemoryHost
from vipkeeper.model.address_options import AddressOptions, AddressSettings, AnnouncementPattern


def test_patterns_are_for_a_new_master_or_for_when_a_lesser_one_was_heard() -> None:
    async def story() -> None:
        bench = Bench()
        patterns = {MAIL.address: AnnouncementPattern(((0.0, 3),), refresh_s=0.0)}
        lower = {MAIL.address: AnnouncementPattern(((0.0, 2),), refresh_s=0.0)}
        bench.shell.take_settings(AddressSettings(patterns=patterns, lower_priority=lower))
        async with bench.running():
            bench.hold("mail", for_s=600.0)
            await until_so(lambda: bench.has_announced(MAIL, 3))
            bench.shell.announce_again("mail")
            await until_so(lambda: bench.has_announced(MAIL, 5))
            bench.now_s += 100.0
            bench.hold("web", "mail", for_s=600.0)
            await until_so(lambda: bench.has_announced(WEB, 1))
            assert bench.has_announced(MAIL, 5)

    play(story)


def test_what_stands_is_told_after_each_change_and_only_then() -> None:
    async def story() -> None:
        bench = Bench()
        told: list[set[str]] = []
        bench.shell = HostShell(
            MemoryHost(bench.kernel),
            UNITS,
            bench.told.append,
            allowed=bench.allowed,
            clock=lambda: bench.now_s,
            stands=lambda addresses: told.append(set(addresses)),
        )
        async with bench.running():
            bench.hold("web")
            bench.hold("web", for_s=61.0)
            bench.shell.take_settings(AddressSettings({WEB.address: AddressOptions(label="eth0:1")}))
            bench.hold("web", for_s=61.0)
            bench.hold()
        both = {WEB.address, WEB6.address}
        # Added anew, an address is another one for whatever hung on it.
        assert told == [set(), both, both, set()]

    play(story)
