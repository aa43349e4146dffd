"""What `strict` leaves out, as keepalived's `vrrp_strict` does.

Rules of this file: pure. keepalived 2.2.7 ignores what the RFC does not allow and goes on, and so does this:
of two routers with one file, one that authenticates would discard the other. What is left out is told. What
keepalived would do by dropping packets to the VIP is never done.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from vipkeeper.config.mistakes import Finding
from vipkeeper.config.toml_positions import Path
from vipkeeper.config.vip_schema import Vip
from vipkeeper.config.vrrp_schema import VipVrrp


def vrrp_in_force(vip: Vip) -> VipVrrp:
    """The settings that count."""
    vrrp = vip.vrrp
    if not vrrp.strict:
        return vrrp
    return replace(
        vrrp,
        auth_type="none",
        auth_pass=None,
        down_timer_adverts=VipVrrp().down_timer_adverts,
        lower_prio_no_advert=True,
        owner_ignore_adverts=True,
    )


def preempt_delay_in_force_s(vip: Vip) -> float:
    """How long a master with lower priority is let be."""
    return 0.0 if vip.vrrp.strict else vip.preempt_delay_s


def strict_notices(name: str, vip: Vip) -> Iterator[Finding]:
    """What the RFC does not allow, and what becomes of it."""
    vrrp = vip.vrrp
    if not vrrp.strict:
        return
    at: Path = ("vip", name)
    table: Path = (*at, "vrrp")
    if vrrp.auth_type != "none":
        wrong = "strict leaves authentication out, as keepalived does with vrrp_strict"
        yield Finding((*table, "auth_type"), wrong, "take one of both out, on all routers")
    if vip.preempt_delay_s:
        yield Finding((*at, "preempt_delay"), "strict has no preempt_delay, so it is 0", _TAKE_OUT)
    if vrrp.down_timer_adverts != VipVrrp().down_timer_adverts:
        wrong = f"strict always waits for {VipVrrp().down_timer_adverts} advertisements"
        yield Finding((*table, "down_timer_adverts"), wrong, _TAKE_OUT)
    if vrrp.unicast_peers is not None:
        wrong = "the RFC has no unicast; it is spoken even so"
        yield Finding((*table, "unicast_peers"), wrong, "take strict out")
    if vrrp.accept and vrrp.version == 2:
        wrong = "keepalived would drop what is sent to the VIP itself (ping, TCP, UDP); it is taken here"
        yield Finding((*table, "strict"), wrong, "write accept = false if they should not be")


_TAKE_OUT = "take it out, or strict"
