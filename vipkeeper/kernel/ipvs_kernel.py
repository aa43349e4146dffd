"""What is needed of a host's IPVS: the seam that the real one and the in-memory one implement.

Rules of this file: `read` is a fresh reading; `apply` returns when the kernel has answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from vipkeeper.changes.ipvs_changes import IpvsChange
from vipkeeper.model.ipvs import DestinationCounts, DestinationKey, IpvsTable, ServiceCounts, ServiceKey


class IpvsKernel(Protocol):
    """IPVS of one network namespace. Every method may raise MissingPrivilege, readings KernelRefused too."""

    def close(self) -> None:
        """What is in the kernel stays there."""

    def read(self) -> IpvsTable:
        """The whole table, without its counters."""

    def read_in_parts(self) -> Iterator[IpvsTable | None]:
        """The same, piece by piece: None after each of them, and last the table.

        For whoever has other things to do meanwhile. Changes may be made between two pieces.
        """

    def read_counts(self) -> Iterator[dict[ServiceKey, ServiceCounts]]:
        """Connections and traffic of every entry, piece by piece. Traffic is of the last two seconds."""

    def destination_counts(self, key: ServiceKey) -> dict[DestinationKey, DestinationCounts]:
        """The same of one virtual server; empty when it is not there."""

    def apply(self, change: IpvsChange) -> tuple[str, ...]:
        """Carry it out; what was refused of it, each as a sentence. The rest is carried out all the same."""
