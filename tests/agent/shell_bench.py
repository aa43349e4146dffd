"""A host in memory with its shell, for tests that say what others do and look at what follows."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import TypeVar

from vipkeeper.agent.host_shell import HostShell
from vipkeeper.election.effects import Holding
from vipkeeper.election.events import Event, FitnessChanged
from vipkeeper.kernel.memory_host import MemoryHost, MemoryKernel
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.host import Link
from vipkeeper.model.reasons import Reason
from vipkeeper.model.vips import Unit, VipAddress

WEB = VipAddress("192.0.2.1", 32, "eth0")
WEB6 = VipAddress("2001:db8::1", 128, "eth0")
MAIL = VipAddress("192.0.2.2", 32, "eth1")
UNITS = (Unit("web", (WEB, WEB6), 100), Unit("mail", (MAIL,), 100))

EVERY = tuple(FenceKind)

_Kind = TypeVar("_Kind", bound=Event)


class Bench:
    """One host in memory, its shell, and what the shell tells."""

    def __init__(self, allowed: tuple[FenceKind, ...] = EVERY) -> None:
        self.now_s = 1000.0
        self.kernel = MemoryKernel(lambda: self.now_s)
        for name in ("eth0", "eth1"):
            self.kernel.add_interface(name)
        self.allowed = allowed
        self.looked: Callable[[Mapping[str, Link]], None] = lambda _links: None
        self.new_process()

    def new_process(self) -> None:
        """As after a SIGKILL: the kernel is as it was, everything else is new."""
        self.told: list[Event] = []
        self.shell = HostShell(
            MemoryHost(self.kernel),
            UNITS,
            self.told.append,
            allowed=self.allowed,
            clock=lambda: self.now_s,
            looked=self._look,
        )

    def _look(self, links: Mapping[str, Link]) -> None:
        self.looked(links)

    def hold(self, *names: str, for_s: float = 60.0) -> None:
        self.shell.want({name: Holding(self.now_s + for_s) for name in names})

    def heard(self, kind: type[_Kind]) -> list[_Kind]:
        return [event for event in self.told if isinstance(event, kind)]

    def verdicts(self, unit: str) -> list[Reason | None]:
        return [event.unfit for event in self.heard(FitnessChanged) if unit in event.units]

    def announcements(self, vip: VipAddress) -> int:
        return sum(announced == vip for _, announced in self.kernel.announced)

    def has_announced(self, vip: VipAddress, times: int) -> bool:
        return self.announcements(vip) == times

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.shell.start()
        task = asyncio.create_task(self.shell.run())
        await asyncio.sleep(0)
        try:
            yield
            assert not task.done(), task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def play(story: Callable[[], Coroutine[object, object, None]]) -> None:
    asyncio.run(story())
