"""A watch over one mirror: changes in order, and proof that the server still has a leader.

Rules of this file:

- `sync` is the heartbeat: a follower answers it only after its leader did. A follower that was cut off from
  its leader goes on answering pings and reads for seconds, so those prove nothing.
- A watch never reconnects, and it never guesses: what its mirror cannot know is for the reader to read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from kazoo.protocol.serialization import Sync

from backends.store import Changed, WatchAlive, WatchLost
from backends.zookeeper_channel import Answer
from backends.zookeeper_endpoint import Endpoint, Link
from backends.zookeeper_failures import OK, CallFailed

_DOING = "watching"

_Item = Changed | WatchAlive | WatchLost


class ZookeeperWatch:
    """One watch; `items` is run through once. `server_failed` says after a WatchLost whose fault it was."""

    def __init__(self, endpoint: Endpoint, *, heartbeat_s: float) -> None:
        self.server_failed = True
        self._endpoint = endpoint
        self._heartbeat_s = heartbeat_s
        self._inbox: asyncio.Queue[_Item] = asyncio.Queue()

    async def items(self, prefix: str, after_revision: int) -> AsyncGenerator[_Item, None]:
        """What `Store.watch` promises; the last item is a WatchLost."""
        try:
            async with asyncio.timeout(self._heartbeat_s):
                link = await self._endpoint.ready()
                mirror = link.mirror(link.tree.directory(prefix))
                with link.connection.in_use():
                    synced = await link.connection.call(Sync(link.tree.root), _DOING)
                    await link.snapshot(prefix, synced.zxid)  # the mirror is there by then
        except TimeoutError:
            self._endpoint.retire()
            yield self._silent()
            return
        except CallFailed as failed:
            yield WatchLost(failed.unknown.why)
            return
        with link.connection.in_use():
            end = mirror.subscribe(self._inbox.put_nowait)
            try:
                backlog = mirror.changes_after(after_revision)
                if synced.zxid < after_revision:
                    why = f"it is at revision {synced.zxid}, behind {after_revision}"
                    yield self._lost(why)
                elif backlog is None:
                    self.server_failed = False
                    why = f"changes after revision {after_revision} may be missed: this connection is younger"
                    yield self._lost(why)
                else:
                    yield WatchAlive()
                    async for item in self._follow(link, backlog):
                        if (part := _part(item, prefix, after_revision)) is not None:
                            yield part
            finally:
                end()

    def stop(self, why: str) -> None:
        """End it with a WatchLost."""
        self._inbox.put_nowait(WatchLost(why))

    async def _follow(self, link: Link, backlog: Changed) -> AsyncGenerator[_Item, None]:
        yield backlog
        loop = asyncio.get_running_loop()
        alive_s, asked = loop.time(), False
        while True:
            patience_s = self._heartbeat_s if asked else self._heartbeat_s / 2
            try:
                async with asyncio.timeout_at(alive_s + patience_s):
                    item = await self._inbox.get()
            except TimeoutError:
                if asked:
                    self._endpoint.retire()
                    yield self._silent()
                    return
                asked = True
                link.connection.send(Sync(link.tree.root), self._synced)
                continue
            if isinstance(item, WatchAlive):
                alive_s, asked = loop.time(), False
            yield item
            if isinstance(item, WatchLost):
                return

    def _synced(self, answer: Answer) -> None:
        if answer.error == OK:
            self._inbox.put_nowait(WatchAlive())
        # Otherwise the connection has ended, and the mirror says so.

    def _silent(self) -> WatchLost:
        return self._lost(f"no sign of life for {self._heartbeat_s:g} s")

    def _lost(self, why: str) -> WatchLost:
        return WatchLost(f"{self._endpoint.address}: {_DOING}: {why}")


def _part(item: _Item, prefix: str, after_revision: int) -> _Item | None:
    """What of a change is below the prefix and new; None if nothing is."""
    if not isinstance(item, Changed):
        return item
    records = tuple(r for r in item.records if r.key.startswith(prefix) and r.revision > after_revision)
    deleted = {
        key: revision
        for key, revision in item.deleted.items()
        if key.startswith(prefix) and revision > after_revision
    }
    return Changed(item.revision, records, deleted) if records or deleted else None
