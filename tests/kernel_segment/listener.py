"""A conflict watch on a running loop, with what it reported; and what it is to hear."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.kernel_segment.segment import THEIR_MAC, links_here, until_so
from vipkeeper.kernel.announcement_frames import announcements
from vipkeeper.kernel.conflict_watch import ConflictWatch
from vipkeeper.model.host import Link
from vipkeeper.model.vips import VipAddress

THEIRS = bytes.fromhex(THEIR_MAC.replace(":", ""))


class Listener:
    """A watch on the running loop, and what it reported."""

    def __init__(self) -> None:
        self.heard: list[tuple[VipAddress, str]] = []
        self.watch = ConflictWatch(lambda vip, mac: self.heard.append((vip, mac)))

    def listen_for(self, vips: list[VipAddress], links: Mapping[str, Link] | None = None) -> None:
        self.watch.watch(links_here() if links is None else links, vips)

    async def hears(self, *vips: VipAddress) -> None:
        await until_so(lambda: {vip for vip, _ in self.heard} >= set(vips))
        assert {mac for _, mac in self.heard} == {THEIR_MAC}
        self.heard.clear()


@contextmanager
def listener() -> Iterator[Listener]:
    """For a coroutine. Nothing that the loop called may have failed."""
    failures: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, failure: failures.append(failure))
    made = Listener()
    try:
        yield made
    finally:
        made.watch.close()
    assert failures == []


def foreign_announcements(vip: VipAddress) -> list[bytes]:
    return list(announcements(vip, THEIRS))
