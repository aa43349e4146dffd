"""One real server of one virtual server: its checks, its health, its weight, and whether it is drained.

Rules of this file: pure. It says how it stands in IPVS's table and what changed; it knows nothing of the
others and of the quorum (`virtual_service.py`).
"""

from __future__ import annotations

import msgspec

from vipkeeper.balancing.check_state import CheckState, CheckVerdict
from vipkeeper.balancing.server_phases import (
    DRAIN,
    HEALTH,
    Drain,
    DrainTrigger,
    Health,
    HealthTrigger,
    follow,
)
from vipkeeper.model.balancing import CheckKey, CheckOutcome, CheckPlan, RealServerPlan
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
            check.key: CheckState(check, must_succeed=waits or check.pacing.alpha) for check in plan.checks
        }
        self.health = Health.WAITING if self._counts_as_failed() else Health.UP

    @classmethod
    def adopted(cls, plan: RealServerPlan, found: Destination | None) -> RealServer:
        """As an earlier process left it in the table: the word of its own checks counts on.

        What gets connections there is up until a check says otherwise, also with `alpha`. What is missing
        or gets none waits, as far as it has checks to wait for, and keeps its place for its connections.
        """
        serves = found is not None and (found.weight > 0 or plan.destination.weight == 0)
        made = cls(plan, waits=not serves)
        if found is None:
            return made
        if not serves:
            made._keeps_place = True
            return made
        made.health = Health.UP
        for check in made._checks.values():
            check.must_succeed = False
        for check in made._checks.values():
            if check.gives_weights:
                check.weight_shift = found.weight - plan.destination.weight
                break
        return made

    @property
    def checks(self) -> tuple[CheckState, ...]:
        return tuple(self._checks.values())

    @property
    def up(self) -> bool:
        return self.health is Health.UP

    @property
    def weight(self) -> int:
        """What it is to have while it is up and serves."""
        shift = sum(check.weight_shift for check in self._checks.values())
        return max(0, min(self.plan.destination.weight + shift, LARGEST_WEIGHT))

    @property
    def live_weight(self) -> int:
        """What it adds to the quorum."""
        return self.weight if self.up and self.drain is Drain.SERVING else 0

    @property
    def reason(self) -> str:
        """Why it is in, out or without new connections, for people."""
        if self.drain is Drain.DRAINING:
            return "drained by an operator; connections that it has go on"
        if self.drain is Drain.DRAINED:
            return "drained by an operator; it has no connections"
        if self.health is not Health.UP:
            return self._why_out()
        if not self._checks:
            return "it has no check"
        unknown = [str(key) for key, check in self._checks.items() if check.verdict is CheckVerdict.UNKNOWN]
        return f"no word yet from {', '.join(unknown)}" if unknown else "every check is well"

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

    def checked(self, key: CheckKey, up: bool | None, outcome: CheckOutcome) -> Move | None:
        """A check ran. One that the last reload took away says nothing."""
        check = self._checks.get(key)
        if check is None:
            return None
        check.judged(up, outcome, self.plan.destination.weight)
        return self._judge()

    def followed(self, plan: RealServerPlan) -> Move | None:
        """A reload. A check that asks the same goes on; another one has to succeed if the server is out."""
        reweighed_by = plan.destination.weight - self.plan.destination.weight
        known = dict(self._checks)
        checks: dict[CheckKey, CheckState] = {}
        for check in plan.checks:
            same = _like(known, check)
            if same is None:
                checks[check.key] = CheckState(check, must_succeed=not self.up)
                continue
            checks[check.key] = known.pop(same)
            checks[check.key].followed(check, reweighed_by)
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
        verdicts = [check.verdict for check in self._checks.values()]
        if CheckVerdict.DOWN in verdicts:
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
        return Move(self.up, self.reason if self.up else self._why_out(), first)

    def _counts_as_failed(self) -> bool:
        return any(check.counts_as_failed for check in self._checks.values())

    def _why_out(self) -> str:
        failed = [check for check in self._checks.values() if check.verdict is CheckVerdict.DOWN]
        if failed:
            return "; ".join(f"{check.plan.key}: {check.detail or 'failed'}" for check in failed)
        waited = [str(check.plan.key) for check in self._checks.values() if check.counts_as_failed]
        return f"waits for {', '.join(waited)} to succeed"


def _weighing(configured: Destination, weight: int) -> Destination:
    return configured if configured.weight == weight else msgspec.structs.replace(configured, weight=weight)


def _like(known: dict[CheckKey, CheckState], check: CheckPlan) -> CheckKey | None:
    """The check before the reload that asks the same; the one of the same name, if there are several."""
    if check.key in known and known[check.key].plan.asks_like(check):
        return check.key
    return next((key for key, one in known.items() if one.plan.asks_like(check)), None)
