"""One VIP at work whose owner a store decides, and which tells VRRP routers of it.

Rules of this file: it carries nothing out; the shell sends.
"""

from __future__ import annotations

from vipkeeper.agent.vrrp_plan import RouterPlan
from vipkeeper.agent.vrrp_speaker import Speaker
from vrrp_compat.router.announcer import Announcer
from vrrp_compat.router.effects import RouterStatus
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.wire.ah_sequence import AhSequence


class AnnouncerAtWork(Speaker):
    """One VIP."""

    def __init__(self, plan: RouterPlan, sequence: AhSequence) -> None:
        super().__init__(plan, sequence)
        self.machine = Announcer(plan.router)
        self.told_mute: tuple[RouterReason, str] | None = None

    def status(self, now_s: float) -> RouterStatus:
        """See `Speaker.status`."""
        return self.machine.status(now_s)
