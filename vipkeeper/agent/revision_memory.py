"""Keeps in the run directory how far the store had come, so that the next agent notices a restored backup.

Rules of this file: outside the leases; a number that is some seconds old is good enough, because it is a
floor (what that costs is in docs/decisions/0013); a run directory that takes no write is told once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from vipkeeper.agent.logs import log
from vipkeeper.agent.run_directory import RunDirectory
from vipkeeper.config.schema import Config

_FIRST_AFTER_S = 1.0
# A file of one line on a tmpfs, written without syncing: 0.1 ms. A backup is rarely younger than this.
_EVERY_S = 10.0


class RevisionMemory:
    """`revision` says what is worth keeping now, or None."""

    def __init__(self, directory: RunDirectory, config: Config, revision: Callable[[], int | None]) -> None:
        self._directory = directory
        self._backend, self._cluster = config.backend, config.cluster
        self._revision = revision
        self._kept: int | None = None
        self._complained = False

    async def run(self) -> None:
        """For ever."""
        await asyncio.sleep(_FIRST_AFTER_S)
        while True:
            self.keep()
            await asyncio.sleep(_EVERY_S)

    def keep(self) -> None:
        """Write it down if it changed; also for the end of the agent."""
        revision = self._revision()
        if revision is None or revision == self._kept:
            return
        try:
            self._directory.keep_revision(self._backend, self._cluster, revision)
        except OSError as error:
            if not self._complained:
                self._complained = True
                message = (
                    f"the run directory cannot be written ({error.strerror}): make room there; until then a "
                    "restored backup may go unnoticed by the next agent"
                )
                log(logging.WARNING, "revision-not-kept", message)
            return
        self._kept, self._complained = revision, False
