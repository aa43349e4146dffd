"""What a virtual router asks for, and what it shows. The shells carry it out; nothing here does IO.

The shell first brings the kernel in line with `hold_until_s`, then carries out the effects in order.
"""

from __future__ import annotations

import msgspec

from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.states import State
from vrrp_compat.wire.advertisement import Advertisement


class SendAdvert(msgspec.Struct, frozen=True):
    """Send this now; answer with AdvertSent or SendFailed."""

    advertisement: Advertisement


class Announce(msgspec.Struct, frozen=True):
    """Gratuitous ARP and NA for all addresses again, now: clients may have learnt another router's.

    Addresses that are new in the kernel are announced without being asked for.
    """


class Decided(msgspec.Struct, frozen=True):
    """A decision, for the log: one line each."""

    state: State
    reason: RouterReason
    detail: str = ""


class Noticed(msgspec.Struct, frozen=True):
    """Something an operator should know that changed no state."""

    reason: RouterReason
    detail: str


class LowerHeard(msgspec.Struct, frozen=True):
    """Another router with a lower priority believed that it was master: at most once an interval."""

    detail: str


class PriorityChanged(msgspec.Struct, frozen=True):
    """The effective priority is another one from now on."""

    priority: int


class Finished(msgspec.Struct, frozen=True):
    """The router has ended: nothing is held any more, or all is kept on purpose."""

    reason: RouterReason
    detail: str = ""


Effect = SendAdvert | Announce | Decided | Noticed | LowerHeard | PriorityChanged | Finished


class RouterStatus(msgspec.Struct, frozen=True):
    """Where a router stands, and why. Lengths count from when it was asked."""

    state: State
    reason: RouterReason
    detail: str
    priority: int  # with weights
    master: bytes | None  # its source address; our own while we are master
    master_priority: int | None
    takeover_in_s: float | None  # a backup, if nothing more is heard
    held_for_s: float | None  # a master, if nothing more can be sent
