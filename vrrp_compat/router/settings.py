"""What one virtual router is told. Ranges and sense are checked where configuration is read."""

from __future__ import annotations

import msgspec

from vrrp_compat.router.timers import DOWN_TIMER_ADVERTS


class RouterSettings(msgspec.Struct, frozen=True):
    """One virtual router. A reload may change all but version, VRID and family."""

    name: str
    version: int  # 2 or 3
    vrid: int
    address: bytes  # where our advertisements come from, packed: equals are ordered by it
    addresses: tuple[bytes, ...]  # as advertised
    priority: int = 100  # 1-255, before weights
    interval_cs: int = 100
    preempt: bool = True  # without effect at priority 255
    preempt_delay_s: float = 0.0
    # The peers have to use as many: a master relies on them to wait so long.
    down_timer_adverts: int = DOWN_TIMER_ADVERTS
    answers_lower: bool = True  # a master with lower priority hears from us at once
    owner_ignores: bool = False  # at priority 255: all advertisements of others
