"""Real servers that an operator drained: kept over restarts, and whether one is empty yet.

Rules of this file: what is in the run directory ends with a reboot, and so does a drain. One that cannot be
kept is a warning.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from vipkeeper.agent.logs import log
from vipkeeper.balancing.entries import place
from vipkeeper.model.balancing import ServicePlan
from vipkeeper.model.ipvs import DestinationCounts, DestinationKey, ServiceKey

_FILE = "drained"
_UNFINISHED = ".new"

CountsOf = Callable[[ServiceKey], Mapping[DestinationKey, DestinationCounts] | None]


class Drains:
    """Names of real servers, by virtual server."""

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / _FILE
        self._unkept: Mapping[str, frozenset[str]] | None = None  # what could not be written last
        try:
            self._kept = msgspec.json.decode(self._path.read_bytes(), type=dict[str, frozenset[str]])
        except (OSError, msgspec.DecodeError):
            self._kept = {}

    def of(self, virtual_server: str) -> frozenset[str]:
        """Those of one virtual server."""
        return self._kept.get(virtual_server, frozenset())

    def keep(self, drained: Mapping[str, frozenset[str]]) -> None:
        """All of them, as of now."""
        there = {name: servers for name, servers in drained.items() if servers}
        if there == self._kept:
            return
        fresh = self._path.with_name(_FILE + _UNFINISHED)
        try:
            fresh.write_bytes(msgspec.json.encode(there))
            fresh.replace(self._path)
        except OSError as error:
            if there != self._unkept:
                message = (
                    f"what is drained cannot be kept for the next agent ({error.strerror}): make room in "
                    f"{self._path.parent}; it is tried again"
                )
                log(logging.WARNING, "drain", message)
            self._unkept = there
            return
        self._kept, self._unkept = there, None


def empty_of_connections(plan: ServicePlan, real_server: str, counts_of: CountsOf) -> bool:
    """Whether none of its entries has a connection. What cannot be read is not empty."""
    real = next(each for each in plan.real_servers if each.name == real_server)
    for key in plan.keys:
        counts = counts_of(key)
        if counts is None:
            return False
        one = counts.get(place(key, real.key, real.destination))
        if one is not None and one.active + one.inactive + one.persistent:
            return False
    return True
