"""One real server of one virtual server: its checks, its health, its weight, and whether it is drained.

Rules of this file: pure. It says how it stands in IPVS's table and what changed; it knows nothing of the
others and of the quorum (`virtual_service.py`).
"""

from __future__ import annotations

import msgspec

from vipkeeper.balancing.server_phases import (
    DRAIN,
    HEALTH,
    Drain,
    DrainTrigger,
    Health,
    HealthTrigger,
    follow,
)
from vipkeeper.balancing.watched_check import WatchedCheck, gives_weights
from vipkeeper.model.balancing import CheckPlan, CheckState, RealServerPlan
from vipkeeper.model.ipvs import Destination

# IPVS takes more, keepalived does not; a sum of weights is brought back to it.
LARGEST_WEIGHT = 65535


class Move(msgspec.Struct, frozen=True):
    """It went up or down, and why. `first`: nothing was told of it before."""

    up: bool
    detail: str
    first: bool


class RealServer:
    """`waits`: out until each of its checks has succeeded, whatever `alpha` says."""

    def __init__(self, plan: RealServerPlan, *, waits: bool = False) -> None:
        self.plan = plan
        self.drain = Drain.SERVING
        self._keeps_place = False  # with weight 0, until its checks have a verdict
        self._checks = {
            check.label: WatchedCheck(must_succeed=waits or check.pacing.alpha) for check in plan.checks
        }
        self.health = Health.WAITING if self._counts_as_failed() else Health.UP

    @classmethod
    def adopted(cls, plan: RealServerPlan, found: Destination | None) -> RealServer:
        """As an earlier process left it in the table: the word of its own checks counts on.

        What gets connections there is up until a check says otherwise, also with `alpha`. What is missing
        or gets none is down until its checks have succeeded, if it has any, and keeps its place meanwhile.
        """
        serves = found is not None and (found.weight > 0 or plan.destination.weight == 0)
        made = cls(plan, waits=not serves)
        if found is None or not serves:
            made._keeps_place = found is not None
            made.health = Health.DOWN if plan.checks else Health.UP
            return made
        made.health = Health.UP
        for check in made._checks.values():
            check.must_succeed = False
        weighing = [made._checks[check.label] for check in plan.checks if gives_weights(check)]
        if weighing:
            weighing[0].found_shift = found.weight - plan.destination.weight
        return made

    @property
    def checks(self) -> tuple[tuple[CheckPlan, CheckState], ...]:
        """Each with what it says."""
        return tuple((check, self._checks[check.label].state) for check in self.plan.checks)

    @property
    def up(self) -> bool:
        return self.health is Health.UP

    @property
    def weight(self) -> int:
        """What it is to have while it is up and serves."""
        configured = self.plan.destination.weight
        shift = sum(check.weight_shift(configured) for check in self._checks.values())
        return max(0, min(configured + shift, LARGEST_WEIGHT))

    @property
    def live_weight(self) -> int:
        """What it adds to the quorum."""
        return self.weight if self.up and self.drain is Drain.SERVING else 0

    @property
    def reason(self) -> str:
        """Why it is in, out or without new connections, for people."""
        if self.drain is Drain.DRAINING:
            goes_on = "connections that it has go on" if self.up else self._why_out()
            return f"drained by an operator; {goes_on}"
        if self.drain is Drain.DRAINED:
            return "drained by an operator; it has no connections"
        return self._why_in() if self.up else self._why_out()

    def entry(self, *, relieved: bool) -> Destination | None:
        """How it stands in the table; None: it does not. `relieved`: the sorry server serves instead."""
        configured = self.plan.destination
        if self.up and self.drain is Drain.SERVING and not relieved:
            return _weighing(configured, self.weight)
        if self.drain is Drain.DRAINED:
            return None
        goes_on = self.up and self.drain is Drain.DRAINING
        if goes_on or self.plan.inhibit_on_failure or self._keeps_place:
            return _weighing(configured, 0)
        return None

    def checked(self, label: str, state: CheckState) -> Move | None:
        """A check says something. One that the last reload took away says nothing."""
        check = self._checks.get(label)
        if check is None:
            return None
        check.says(state)
        return self._judge()

    def followed(self, plan: RealServerPlan) -> Move | None:
        """A reload. A check that is new has to succeed if the server is out; the others go on."""
        new = {check.label: WatchedCheck(must_succeed=not self.up) for check in plan.checks}
        checks = {label: self._checks.get(label, check) for label, check in new.items()}
        self.plan, self._checks = plan, checks
        return self._judge()

    def drained(self) -> bool:
        """An operator wants it to get nothing new. Whether that changes something."""
        return self._move_drain(DrainTrigger.DRAIN)

    def emptied(self) -> bool:
        """It has no connections any more."""
        return self._move_drain(DrainTrigger.EMPTY)

    def taken_back(self) -> bool:
        """An operator wants it to serve again."""
        return self._move_drain(DrainTrigger.UNDRAIN)

    def _move_drain(self, trigger: DrainTrigger) -> bool:
        """Each may be asked for again, or too late; that changes nothing."""
        if trigger not in DRAIN[self.drain]:
            return False
        self.drain = follow(self.plan.name, DRAIN, self.drain, trigger)
        return True

    def _judge(self) -> Move | None:
        """What the checks say together now, if that is another thing than before."""
        if any(check.failed for check in self._checks.values()):
            trigger, health = HealthTrigger.FAILED, Health.DOWN
        elif self._counts_as_failed():
            return None  # some have succeeded, others are still waited for
        else:
            trigger, health = HealthTrigger.WELL, Health.UP
        self._keeps_place = False
        if self.health is health:
            return None
        first = self.health is Health.WAITING
        self.health = follow(self.plan.name, HEALTH, self.health, trigger)
        return Move(self.up, self._why_in() if self.up else self._why_out(), first)

    def _counts_as_failed(self) -> bool:
        return any(check.counts_as_failed for check in self._checks.values())

    def _why_in(self) -> str:
        if not self._checks:
            return "it has no check"
        unknown = [label for label, check in self._checks.items() if check.unknown]
        return f"no word yet from {', '.join(unknown)}" if unknown else "every check is well"

    def _why_out(self) -> str:
        failed = [
            f"{label}: {check.state.detail or 'failed'}"
            for label, check in self._checks.items()
            if check.failed
        ]
        waited = [label for label, check in self._checks.items() if check.counts_as_failed]
        return "; ".join(failed) or f"waits for {', '.join(waited)} to succeed"


def _weighing(configured: Destination, weight: int) -> Destination:
    return configured if configured.weight == weight else msgspec.structs.replace(configured, weight=weight)
