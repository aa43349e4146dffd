"""What the tracked things of one unit mean: its weight, and whether this node may own it at all.

Rules of this file: pure. As in keepalived: a positive weight is added while the thing is well, a negative one
while it is not, and 0 means that it has to be well. What is unknown is taken for what keeps things as they
are: on the node that holds the unit for well, on others for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from vipkeeper.config.track_schema import HEAVIEST
from vipkeeper.config.tracking import TrackKind, UnitTrack
from vipkeeper.health.verdicts import TrackKey, TrackState, Verdict
from vipkeeper.model.reasons import Reason
from vipkeeper.model.weights import Weight


class Judgement(msgspec.Struct, frozen=True):
    """One unit. `unfit`: why this node may not own it, with the names of the tracks."""

    weight: Weight = Weight()
    unfit: Reason | None = None
    detail: str = ""


def judge(
    tracks: Iterable[UnitTrack], states: Mapping[TrackKey, TrackState], *, held: bool, begun: bool
) -> Judgement:
    """`held`: this node has the unit now. `begun`: it was a candidate before, and waits for nothing."""
    parts: list[tuple[int, str]] = []
    failed: list[str] = []
    pending: list[str] = []
    for track in tracks:
        state = states.get(TrackKey(track.kind, track.name), TrackState())
        if state.verdict is Verdict.IGNORED:
            continue
        if track.kind is TrackKind.FILE:
            added, fault = _by_number(track, state.number)
        elif state.verdict is Verdict.UNKNOWN:
            added, fault = (track.weight if held and track.weight > 0 else 0), False
            if track.weight == 0 and not held and not begun:
                pending.append(track.name)
        else:
            added, fault = _by_verdict(track, well=state.verdict is Verdict.WELL)
        if fault:
            failed.append(f"{track.name}: {state.detail}" if state.detail else track.name)
        elif added:
            parts.append((added, track.name))
    total = sum(added for added, _ in parts)
    weight = Weight(total, " ".join(f"{added:+d} {name}" for added, name in parts))
    if failed:
        return Judgement(weight, Reason.CHECK_FAILED, "; ".join(failed))
    if pending:
        return Judgement(weight, Reason.CHECK_PENDING, ", ".join(pending))
    return Judgement(weight)


def _by_verdict(track: UnitTrack, *, well: bool) -> tuple[int, bool]:
    """What is added, and whether it is a fault."""
    if track.reverse:
        well = not well
    if track.weight == 0:
        return 0, not well
    counts = well if track.weight > 0 else not well
    return (track.weight if counts else 0), False


def _by_number(track: UnitTrack, number: int) -> tuple[int, bool]:
    if track.weight == 0:
        return 0, (number == 0 if track.reverse else number != 0)
    added = number * track.weight * (-1 if track.reverse else 1)
    if added < -HEAVIEST:
        return 0, True
    return min(added, HEAVIEST), False
