"""One virtual router at work: VRRP decides, and the kernel follows.

Rules of this file: it carries nothing out; the shell sends, and brings the kernel in line.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from vipkeeper.agent.vrrp_plan import RouterPlan
from vipkeeper.agent.vrrp_speaker import Speaker
from vipkeeper.model.weights import Weight
from vrrp_compat.router.effects import RouterStatus
from vrrp_compat.router.events import Event, FitnessChanged, WeightChanged
from vrrp_compat.router.machine import VirtualRouter
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.states import State
from vrrp_compat.wire.advertisement import PRIORITY_OWNER
from vrrp_compat.wire.ah_sequence import AhSequence


class RouterAtWork(Speaker):
    """One VIP. `unfit_host`: why the kernel's side cannot serve it."""

    def __init__(self, plan: RouterPlan, sequence: AhSequence) -> None:
        super().__init__(plan, sequence)
        self.machine = VirtualRouter(plan.router)
        self.unfit_host: tuple[RouterReason, str] | None = (RouterReason.STARTING, "")
        self.told_unfit: tuple[RouterReason, str] | None = None
        self.ended = False
        self.held_until_s: float | None = None  # what the kernel was told
        self.weight = Weight()
        self.told_weight = Weight()
        self.in_kernel = False  # told so, and its absence not confirmed since

    def status(self, now_s: float) -> RouterStatus:
        """See `Speaker.status`."""
        status = self.machine.status(now_s)
        if status.state is State.INITIALIZE and self.unfit_host is not None:
            reason, detail = self.unfit_host
            return replace(status, reason=reason, detail=detail)
        return status

    def news(self) -> Iterator[Event]:
        """What its machine has not been told yet of this host."""
        if self.unfit != self.told_unfit:
            self.told_unfit = self.unfit
            reason, detail = self.unfit or (None, "")
            yield FitnessChanged(reason, detail)
        if self.weight != self.told_weight:
            self.told_weight = self.weight
            yield WeightChanged(self.weight.total)

    @property
    def waits_for_check(self) -> bool:
        """Whether it may not begin yet: it has no state that a first result could change."""
        return self.unfit_host is not None and self.unfit_host[0] is RouterReason.CHECK_PENDING

    @property
    def weights(self) -> str:
        """See `Speaker.weights`. Nothing changes the priority of who owns the address."""
        base = self.plan.router.priority
        return "" if base == PRIORITY_OWNER else self.weight.on(base)

    @property
    def unfit(self) -> tuple[RouterReason, str] | None:
        """Why this host cannot serve it now."""
        return self.unfit_host if self.unfit_host is not None else self.mute
