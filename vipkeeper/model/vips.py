"""What is kept on one node: addresses, and the units they are owned in.

Rules of this file: plain values, no IO; an address is compared by its canonical text.
"""

from __future__ import annotations

import functools
import ipaddress

import msgspec


class VipAddress(msgspec.Struct, frozen=True, order=True):
    """One virtual address on one interface. `address` is canonical text, as `ipaddress` prints it."""

    address: str
    prefix_length: int
    interface: str

    @classmethod
    @functools.lru_cache(maxsize=4096)  # the same texts are asked about at each look at the host
    def parse(cls, text: str, interface: str) -> VipAddress:
        """`ADDR` or `ADDR/LEN`; without a length the address stands alone (/32 or /128).

        Raises ValueError for anything else.
        """
        parsed = ipaddress.ip_interface(text)
        if "/" not in text:
            return cls(str(parsed.ip), parsed.max_prefixlen, interface)
        return cls(str(parsed.ip), parsed.network.prefixlen, interface)

    @property
    def version(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.address else 4

    def __str__(self) -> str:
        return f"{self.address}/{self.prefix_length}@{self.interface}"


class Unit(msgspec.Struct, frozen=True):
    """Addresses that have one owner together: a VIP, or a sync group, whose VIPs are its `members`.

    `interfaces_needed`: those that have to be up; None: each that has an address of it.
    """

    name: str
    addresses: tuple[VipAddress, ...]
    priority: int
    preempt: bool = False
    preempt_delay_s: float = 0.0
    interfaces_needed: frozenset[str] | None = None
    members: tuple[str, ...] = ()
