"""What settings of tracked things must mean beyond their shape: names that exist, scripts that can be split.

Rules of this file: pure; see `rules.py`. What notices say of priorities holds for both formats of files.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import msgspec

from vipkeeper.config.consequences import preempts, priority_of
from vipkeeper.config.mistakes import Finding, nearest
from vipkeeper.config.programs_named import all_scripts, program_of
from vipkeeper.config.schema import Config
from vipkeeper.config.toml_positions import Path
from vipkeeper.config.tracking import UnitTrack, unit_members, unit_tracks
from vipkeeper.config.vip_schema import SyncGroup, Vip

_KINDS = ("track_script", "track_file", "track_process")
USUAL_PRIORITY = 100  # of a partner whose file says nothing else, here and in keepalived


class PriorityRange(msgspec.Struct, frozen=True):
    """What tracked things make of a priority."""

    written: int
    least: int
    most: int


def broken_track_rules(config: Config) -> Iterator[Finding]:
    """Everything that cannot be tracked or run."""
    for path, owner in _owners(config):
        for kind in _KINDS:
            known = getattr(config, kind)
            for name in getattr(owner, kind):
                if name not in known:
                    yield Finding(
                        (*path, kind, name), f"there is no [{kind}.{name}]", _fix(kind, name, known)
                    )
    for path, script in all_scripts(config):
        if program_of(script) is None:
            yield Finding(path, _why_no_program(script), "write PROGRAM ARGUMENT ..., quotes in pairs")


def _fix(kind: str, name: str, known: dict[str, object]) -> str:
    near = nearest(name, known)
    return f"did you mean {near}?" if near is not None else f"add the table [{kind}.{name}]"


def _why_no_program(script: str) -> str:
    try:
        shlex.split(script)
    except ValueError as error:
        return f"it cannot be split into words: {str(error).lower()}"
    return "it names no program"


def _owners(config: Config) -> Iterator[tuple[Path, Vip | SyncGroup]]:
    for name, vip in config.vip.items():
        yield ("vip", name), vip
    for name, group in config.sync_group.items():
        yield ("sync_group", name), group


def track_notices(config: Config) -> Iterator[Finding]:
    """What works, but hardly as it was meant. `config` has no broken rule."""
    used = {kind: {name for _, owner in _owners(config) for name in getattr(owner, kind)} for kind in _KINDS}
    used["track_file"] |= _files_of_checks(config)
    for kind in _KINDS:
        for name in getattr(config, kind):
            if name not in used[kind]:
                fix = f"name it in a table {kind} of a VIP, or delete it"
                yield Finding((kind, name), "no VIP and no group tracks it", fix)
    tracks, members = unit_tracks(config), unit_members(config)
    for unit, names in members.items():
        weighted = [track for track in tracks[unit] if track.weight]
        if weighted:
            yield from _weights_without_effect(config, names[0], weighted)


def _files_of_checks(config: Config) -> set[str]:
    servers = config.virtual_server.values()
    owners = [*servers, *(real for virtual in servers for real in virtual.real_server.values())]
    return {check.track_file for owner in owners for check in owner.file_check.values()}


def _weights_without_effect(config: Config, name: str, weighted: list[UnitTrack]) -> Iterator[Finding]:
    vip = config.vip[name]
    first: Path = ("vip", name, f"track_{weighted[0].kind.value}", weighted[0].name)
    if not preempts(config, vip):
        yield Finding(
            first,
            "without preemption a lowered priority moves nothing: a VIP leaves a node that is unfit or gone",
            "write weight 0, so that a failing check makes this node unfit, or let the nodes preempt",
        )
        return
    reach = priority_range(config, name, tuple(weighted))
    rival = _likely_rival(config, name, reach.written)
    if rival is not None and reach.least >= rival:
        yield Finding(
            first,
            f"failing checks lower the priority from {reach.most} to {reach.least}: a partner with "
            f"{reach.least} or less (such as {rival}) never takes over because of them",
            "raise the weights above the difference of the priorities, or write weight 0",
        )


def _likely_rival(config: Config, name: str, own: int) -> int | None:
    """What the partner probably has: what this node has for a VIP that is at home there, else the usual."""
    others = [priority_of(config, vip) for other, vip in config.vip.items() if other != name]
    lower = [priority for priority in others if priority < own]
    if lower:
        return max(lower)
    return USUAL_PRIORITY if own > USUAL_PRIORITY else None


def priority_range(config: Config, name: str, tracks: tuple[UnitTrack, ...]) -> PriorityRange:
    """The least and the greatest effective priority. A file may hold any number, so it is left out."""
    written = priority_of(config, config.vip[name])
    counted = [track.weight for track in tracks if track.kind.value != "file"]
    least = written + sum(weight for weight in counted if weight < 0)
    most = written + sum(weight for weight in counted if weight > 0)
    return PriorityRange(written, max(1, least), most)


def tracking_summary(config: Config) -> Iterator[str]:
    """For people: what makes a unit unfit, and how far its priority moves."""
    members = unit_members(config)
    for unit, tracks in unit_tracks(config).items():
        if not tracks:
            continue
        told = ", ".join(_told(track) for track in tracks)
        reach = priority_range(config, members[unit][0], tracks)
        span = f"; priority {reach.least} to {reach.most}" if reach.least != reach.most else ""
        yield f"vip {unit}: tracks {told}{span}"


def _told(track: UnitTrack) -> str:
    turned = " reversed" if track.reverse else ""
    if track.kind.value == "file" and track.weight:
        return f"file {track.name} (its number times {track.weight}{turned})"
    meaning = f"{track.weight:+d}" if track.weight else "unfit while it fails"
    return f"{track.kind.value} {track.name} ({meaning}{turned})"
