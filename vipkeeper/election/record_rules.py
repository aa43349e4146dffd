"""What the records, the fitness of this host and better candidates do to each unit's phase.

Rules of this file: one unit at a time, no IO, no transaction; each function moves phases by the table.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from vipkeeper.election.claim_rules import NEVER, Claimability, claimability
from vipkeeper.election.events import Now
from vipkeeper.election.ranking import Ranking, better_candidates
from vipkeeper.election.renaming import (
    Renaming,
    is_handed_on,
    is_kept_for_heirs,
    leaves_under_other_name,
    renamings,
)
from vipkeeper.election.state import ElectionState
from vipkeeper.election.unit_phases import Phase, Trigger, UnitState
from vipkeeper.model.reasons import Reason

# Phases in which the answer to a transaction decides, not what the view shows meanwhile.
_ANSWER_PENDING = frozenset({Phase.CLAIMING, Phase.RESUMING})


def lapse(state: ElectionState) -> None:
    """The deadline has passed: every held unit needs a resume before it may serve again."""
    state.lease.lapse()
    for unit in state.in_phase(Phase.HOLDING):
        unit.move(Trigger.DEADLINE_PASSED)


def displaced(state: ElectionState) -> bool:
    """Whether our lease record is not the one that we wrote last: our proof is gone.

    Absent counts as well. What deleted it may have deleted the VIP records, which a renewal does not compare.
    """
    if state.lease.running is None or state.view.complete_since_s is None:
        return False
    lease = state.view.lease(state.settings.node)
    return lease is None or not lease.seq.startswith(state.settings.process + "-")


def lapse_if_displaced(state: ElectionState) -> bool:
    """Give up what no record of ours proves any more. True if so."""
    if not displaced(state):
        return False
    lapse(state)
    return True


def follow_record(state: ElectionState, unit: UnitState) -> None:
    """Bring the phase in line with what the record says."""
    if unit.phase in _ANSWER_PENDING or state.view.complete_since_s is None:
        return
    ours = state.names_us(unit.name)
    if ours and unit.phase in (Phase.ADOPTING, Phase.STANDBY):
        unit.move(Trigger.RECORD_OURS)
    elif not ours and unit.phase is not Phase.STANDBY and not is_handed_on(state, unit):
        unit.move(Trigger.RECORD_LOST)


def stand_down_if_unfit(state: ElectionState, unit: UnitState) -> None:
    """Withdraw what this node may not keep, and go on to the release once it is out of the kernel."""
    unfit = state.unfit_for(unit)
    reason = unfit[0] if unfit else None
    if reason is Reason.STARTING:
        return
    if reason is Reason.NOT_CONFIGURED and is_kept_for_heirs(state, unit):
        return  # what has its addresses now takes them over without a gap
    if reason is None and unit.phase in (Phase.HOLDING, Phase.LAPSED) and not state.all_bound(unit):
        reason = Reason.ADDRESS_RENAMED
    if reason is not None and unit.phase in (Phase.ADOPTING, Phase.HOLDING, Phase.LAPSED):
        unit.release_reason = _RELEASED_BECAUSE.get(reason, Reason.NODE_UNFIT)
        unit.move(Trigger.STAND_DOWN)
    if unit.phase is Phase.WITHDRAWING and not unit.in_kernel and not leaves_under_other_name(state, unit):
        unit.move(Trigger.WITHDRAWN)


_RELEASED_BECAUSE = {
    Reason.STOPPING: Reason.SHUTDOWN,
    Reason.ADDRESS_RENAMED: Reason.ADDRESS_RENAMED,
    Reason.NOT_CONFIGURED: Reason.NOT_CONFIGURED,
}


def yield_to_better(state: ElectionState, unit: UnitState, now: Now) -> float | None:
    """Hand over to a better candidate that has been there long enough; else when to look again."""
    if not unit.configured or unit.phase is not Phase.HOLDING:
        return None
    settings, running = state.settings, state.lease.running
    if running is not None and now.boot_s >= running.sent_at_s + settings.timing.ask_after_s:
        return now.boot_s + settings.timing.renew_every_s  # nobody could claim what the store cannot record
    better = better_candidates(state.view, settings, unit.unit, unit.priority, now.boot_s)
    unit.better_since_s = {node: unit.better_since_s.get(node, now.boot_s) for node in better}
    if not better:
        return None
    ready_s = min(unit.better_since_s[node] + delay_s for node, delay_s in better.items())
    if now.boot_s < ready_s:
        return ready_s
    unit.better_since_s = {}
    unit.release_reason = Reason.PREEMPTED
    unit.move(Trigger.STAND_DOWN)
    return None


def find_claimable(
    state: ElectionState, units: Iterable[UnitState], now: Now
) -> tuple[dict[str, Claimability], float]:
    """Which of these units to claim now, and when to look again. Sets why each other standby waits."""
    claimable: dict[str, Claimability] = {}
    wake_s = NEVER
    ranking: Ranking | None = None
    renamed = renamings(state)
    for unit in units:
        if unit.name in renamed:
            wake_s = min(wake_s, _inherit(state, unit, renamed[unit.name], claimable, now.boot_s))
            continue
        if unit.phase is not Phase.STANDBY or state.unfit_for(unit) is not None:
            continue
        if now.boot_s < state.settings.claims_from_s:
            # Blocked, so that nobody hands over to it; what it held before it resumes instead of claiming.
            unit.waits_for, unit.waits_detail, unit.blocked = Reason.STARTUP_DELAY, "", Reason.STARTUP_DELAY
            wake_s = min(wake_s, state.settings.claims_from_s)
            continue
        rule = claimability(state.view, state.settings, unit.unit, now.boot_s)
        unit.waits_for, unit.waits_detail, unit.blocked = rule.waits_for, rule.detail, rule.blocked
        promised_s, promised_to = state.promised_until_s((unit.name, *rule.takes), now.boot_s)
        if promised_s > max(now.boot_s, rule.at_s):
            unit.waits_for, unit.waits_detail = Reason.PROMISED, promised_to
        if now.boot_s < max(rule.at_s, promised_s):
            wake_s = min(wake_s, max(rule.at_s, promised_s))
            continue
        ranking = ranking or Ranking(state.view, state.settings, now.boot_s)
        at_s = rule.at_s + _turn_s(state, unit, rule, ranking)
        if now.boot_s >= at_s:
            claimable[unit.name] = rule
        else:
            unit.waits_for, unit.waits_detail = Reason.BETTER_CANDIDATE, ""
            wake_s = min(wake_s, at_s)
    return claimable, wake_s


def _inherit(
    state: ElectionState,
    unit: UnitState,
    renaming: Renaming,
    claimable: dict[str, Claimability],
    now_s: float,
) -> float:
    """Claim all heirs of a renaming at once, or say when to look again."""
    heirs = [state.units[name] for name in renaming.heirs]
    if unit.name in claimable or any(
        one.phase is not Phase.STANDBY or one.unfit is not None for one in heirs
    ):
        return NEVER
    ready_s = float("-inf")
    rules: dict[str, Claimability] = {}
    for heir in heirs:
        rule = claimability(state.view, state.settings, heir.unit, now_s, given=renaming.former)
        promised_s, _ = state.promised_until_s((heir.name,), now_s)
        heir.waits_for, heir.waits_detail, heir.blocked = rule.waits_for, rule.detail, None
        ready_s = max(ready_s, rule.at_s, promised_s)
        rules[heir.name] = replace(rule, claim_reason=Reason.ADDRESS_RENAMED, together=renaming.heirs)
    if now_s < ready_s:
        return ready_s
    claimable.update(rules)
    return NEVER


def _turn_s(state: ElectionState, unit: UnitState, rule: Claimability, ranking: Ranking) -> float:
    """How long better candidates have before it is our turn."""
    if rule.claim_reason is Reason.SUCCESSOR:
        return 0.0
    record = state.view.vip(unit.name)
    silent_owner = record.owner if record is not None and record.owner != state.settings.node else None
    order = ranking.order(unit.name, without=silent_owner)
    if state.settings.node not in order:
        return NEVER  # our own candidacy is not in the store yet
    ranking.hand_out(order[0])
    return order.index(state.settings.node) * state.settings.timing.stagger_s
