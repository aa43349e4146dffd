"""One ZooKeeper endpoint: its connection in use, logged in, and the mirrors that live on it.

Rules of this file: connecting goes on when the call that began it gives up, because a session takes a write
of the whole ensemble and short attempts would otherwise never finish one. It is given up after a while.
"""

from __future__ import annotations

import asyncio

from kazoo.protocol.serialization import CheckVersion
from kazoo.protocol.serialization import Transaction as Multi

from backends.store import Snapshot, Unknown
from backends.zookeeper_channel import Connection
from backends.zookeeper_failures import CallFailed, nonsense, translated
from backends.zookeeper_login import Login
from backends.zookeeper_mirror import Mirror
from backends.zookeeper_paths import RecordId, Tree
from backends.zookeeper_settings import ZookeeperAddress

_CONNECT_WITHIN_S = 3.0
_ASKING = "asking for a majority"


class Link:
    """A connection with its mirrors: what an endpoint is, for as long as it lives."""

    def __init__(self, connection: Connection, tree: Tree) -> None:
        self.connection = connection
        self.tree = tree
        self._mirrors: list[Mirror] = []

    def mirror(self, directory: str) -> Mirror:
        """The mirror of a directory; of all that is below it, there is one at most."""
        for mirror in self._mirrors:
            if mirror.covers(directory):
                return mirror
        made = Mirror(self.connection, self.tree, directory)
        self._mirrors = [mirror for mirror in self._mirrors if mirror.works] + [made]
        return made

    async def snapshot(self, prefix: str, revision: int) -> Snapshot:
        """All below a prefix, not older than a revision that the server has shown. CallFailed."""
        mirror = self.mirror(self.tree.directory(prefix))
        taken: asyncio.Future[Snapshot | CallFailed] = asyncio.get_running_loop().create_future()

        def take(failed: CallFailed | None) -> None:
            # Here and not after the waiting: the next event may come before that ends.
            if not taken.done():
                mirror.advance(revision)
                taken.set_result(failed or Snapshot(prefix, mirror.revision, mirror.records(prefix)))

        mirror.when_settled(take)
        result = await taken
        if isinstance(result, CallFailed):
            raise result
        return result

    def known(self, key: str) -> tuple[bool, RecordId | None]:
        """Whether the mirrors say anything of a key, and the id of its record."""
        holder = self.tree.holder(key)
        for mirror in self._mirrors:
            if mirror.since and mirror.covers(holder):
                return True, mirror.id_of(key)
        return False, None

    async def barrier(self) -> int:
        """The revision of a write that changes nothing. CallFailed.

        Only a leader with a majority completes it, and a server that answers has applied all before it.
        """
        answer = await self.connection.call(Multi([CheckVersion(self.tree.root, -1)]), _ASKING)
        if len(answer.value) != 1:
            self.connection.drop("it answered nonsense")
            raise nonsense(self.connection.address, _ASKING, "no result of one check")
        return answer.zxid


class Endpoint:
    """One endpoint and its link in use, if there is one."""

    def __init__(self, address: ZookeeperAddress, login: Login, tree: Tree) -> None:
        self.address = address
        self._login = login
        self._tree = tree
        self._link: Link | None = None
        self._opening: asyncio.Task[Link] | None = None
        self._closed = False

    async def ready(self) -> Link:
        """A link to send over. CallFailed: nothing of the call has left."""
        if self._closed:
            raise CallFailed(Unknown(f"{self.address}: the store was closed"))
        if self._link is not None and self._link.connection.usable:
            return self._link
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
            self._opening.add_done_callback(self._opened)
        return await asyncio.shield(self._opening)

    @property
    def connected(self) -> bool:
        """Whether calls can be sent."""
        return self._link is not None and self._link.connection.usable

    @property
    def answers(self) -> int:
        """How many the connection in use has brought."""
        return 0 if self._link is None else self._link.connection.answers

    def retire(self) -> None:
        """The connection did not answer in time: the next call makes another."""
        if self._link is not None:
            self._link.connection.retire()
            self._link = None

    async def close(self) -> None:
        """Drop the connection: calls that are under way fail, and so do all later ones."""
        self._closed = True
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait({self._opening})
        if self._link is not None:
            self._link.connection.drop("the store was closed")

    async def _open(self) -> Link:
        connection = Connection(self.address)
        try:
            with translated(self.address, "connecting"):
                async with asyncio.timeout(_CONNECT_WITHIN_S):
                    await connection.open()
                    await self._login.log_in(connection)
        except BaseException:
            connection.drop("it was given up")
            raise
        connection.answers = 0
        return Link(connection, self._tree)

    def _opened(self, opening: asyncio.Task[Link]) -> None:
        self._opening = None
        if not opening.cancelled() and opening.exception() is None:
            self._link = opening.result()
