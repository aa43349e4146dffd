"""Watches the ownership records in the store: each change of owner must have a higher epoch than before."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from backends.store import Changed, WatchLost
from vipkeeper.model.records import Keys, VipRecord


class EpochLog:
    """A listener of the store. Forgets what an operator has deleted or restored."""

    def __init__(self, keys: Keys, on_broken: Callable[[], None]) -> None:
        self._keys = keys
        self._on_broken = on_broken
        self._owners: dict[str, tuple[str, str, int]] = {}  # last owner, incarnation, highest epoch
        self.broken: str | None = None  # the first broken rule

    def hear(self, news: Changed | WatchLost) -> None:
        """Look at one change."""
        if isinstance(news, WatchLost):
            self._owners.clear()
            return
        for key in news.deleted:
            self._owners.pop(key, None)
        for record in news.records:
            if record.key.startswith(self._keys.vips):
                self._look(record.key, msgspec.json.decode(record.value, type=VipRecord))

    def _look(self, key: str, record: VipRecord) -> None:
        before = self._owners.get(key)
        if before is None:
            if record.owner is not None:
                self._owners[key] = (record.owner, record.incarnation, record.epoch)
            return
        owner, incarnation, epoch = before
        if record.epoch < epoch:
            self._break(f"{key}: epoch {record.epoch} after {epoch}")
        if record.owner is None:
            return
        if (record.owner, record.incarnation) != (owner, incarnation) and record.epoch <= epoch:
            self._break(f"{key}: {record.owner} followed {owner} with {record.epoch}")
        self._owners[key] = (record.owner, record.incarnation, max(epoch, record.epoch))

    def _break(self, how: str) -> None:
        self.broken = self.broken or how
        self._on_broken()
