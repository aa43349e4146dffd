"""What the shell tells of addresses to those whose own entries hang on them."""

from __future__ import annotations

import functools
from collections.abc import Set

from tests.agent.shell_bench import EVERY, UNITS, WEB, WEB6, Bench, play
from vipkeeper.agent.host_shell import HostShell
from vipkeeper.kernel.memory_host import MemoryHost


def test_what_comes_is_said_before_it_is_there_and_what_stands_afterwards() -> None:
    """Virtual servers of a VIP are made while it comes, and go when it is gone."""
    bench = Bench()
    said: list[tuple[str, set[str], bool]] = []

    def say(what: str, addresses: Set[str]) -> None:
        said.append((what, set(addresses), WEB in bench.kernel.addresses()))

    bench.shell = HostShell(
        MemoryHost(bench.kernel),
        UNITS,
        bench.told.append,
        allowed=EVERY,
        clock=lambda: bench.now_s,
        comes=functools.partial(say, "comes"),
        stands=functools.partial(say, "stands"),
    )

    async def story() -> None:
        async with bench.running():
            bench.hold("web")
            bench.hold("web")
            bench.hold()

    play(story)
    both = {WEB.address, WEB6.address}
    assert said == [
        ("stands", set(), False),
        ("comes", both, False),
        ("stands", both, True),
        ("comes", set(), True),
        ("stands", set(), False),
    ]
