"""Which virtual servers and sync daemons were wanted, in a file: IPVS itself does not say who made an entry.

Rules of this file: what is about to be made is in the file before it is made, so that the next process
knows what a killed one left; the file counts in the network namespace and boot in which it was written.
What was taken out of the kernel is taken out of the file afterwards.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from vipkeeper.kernel.kernel_settings import this_place
from vipkeeper.model.ipvs import IpvsTable, OwnIpvs

_UNFINISHED = ".new"


class _Memory(msgspec.Struct, frozen=True):
    place: str
    own: OwnIpvs


class IpvsMemory:
    """`path`: a file of the run directory. `own` is what may be taken out of the kernel."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.own = self._remembered()

    def _remembered(self) -> OwnIpvs:
        try:
            known = msgspec.json.decode(self._path.read_bytes(), type=_Memory)
        except (FileNotFoundError, msgspec.DecodeError):
            return OwnIpvs()  # it is written whole or not at all, so nothing was made
        return known.own if known.place == this_place() else OwnIpvs()

    def before_changes(self, wanted: IpvsTable) -> None:
        """What is wanted now is ours from now on, beside what was. Raises OSError."""
        own = self.own
        self._keep(OwnIpvs(own.services | wanted.servers.keys(), own.roles | wanted.daemons.keys()))

    def after_changes(self, wanted: IpvsTable, observed: IpvsTable) -> None:
        """What is not wanted and is gone is nobody's. Raises OSError.

        `observed` was read when the changes had been carried out: what the kernel would not give up stays
        ours.
        """
        own = self.own
        self._keep(
            OwnIpvs(
                frozenset(key for key in own.services if key in wanted.servers or key in observed.servers),
                frozenset(role for role in own.roles if role in wanted.daemons or role in observed.daemons),
            )
        )

    def _keep(self, own: OwnIpvs) -> None:
        if own == self.own:
            return
        if own == OwnIpvs():
            self._path.unlink(missing_ok=True)
        else:
            fresh = self._path.with_name(self._path.name + _UNFINISHED)
            fresh.write_bytes(msgspec.json.encode(_Memory(this_place(), own)))
            fresh.replace(self._path)
        self.own = own  # not before: what could not be written has to be tried again
