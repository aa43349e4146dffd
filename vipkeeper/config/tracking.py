"""Which tracked things count for which unit of ownership, and with which weight.

Rules of this file: pure; it takes a Config that `parse_config` has accepted and never fails.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping

import msgspec

from vipkeeper.config.schema import Config
from vipkeeper.config.track_schema import Track
from vipkeeper.config.vip_schema import SyncGroup, Vip


class TrackKind(enum.Enum):
    """What is tracked; the word is that of the configuration's tables, after `track_`."""

    SCRIPT = "script"
    FILE = "file"
    PROCESS = "process"
    INTERFACE = "interface"


class UnitTrack(msgspec.Struct, frozen=True):
    """One tracked thing of one unit. Weight 0: a fault of it makes this node unfit."""

    kind: TrackKind
    name: str
    weight: int
    reverse: bool


def unit_members(config: Config) -> Mapping[str, tuple[str, ...]]:
    """By unit of ownership: the VIPs in it. With a store a sync group is one unit, under its own name."""
    if config.backend == "vrrp":
        return {name: (name,) for name in sorted(config.vip)}
    grouped = {vip for group in config.sync_group.values() for vip in group.vips}
    units: dict[str, tuple[str, ...]] = {name: (name,) for name in config.vip if name not in grouped}
    units |= {name: group.vips for name, group in config.sync_group.items()}
    return dict(sorted(units.items()))


def groups_of(config: Config) -> Mapping[str, str]:
    """By VIP that is in one: the name of its sync group."""
    return {vip: name for name, group in config.sync_group.items() for vip in group.vips}


def unit_tracks(config: Config) -> Mapping[str, tuple[UnitTrack, ...]]:
    """What each unit depends on: its own tracks, and those of the sync group that it is in.

    In a sync group weights of members do not count unless it says so, as in keepalived: the members would
    wish to go to different nodes. What means FAULT counts for all of them.
    """
    groups = {vip: group for group in config.sync_group.values() for vip in group.vips}
    found: dict[str, dict[tuple[TrackKind, str], UnitTrack]] = {}
    for unit, members in unit_members(config).items():
        tracks = found.setdefault(unit, {})
        for name in members:
            group = groups.get(name)
            for track in _tracks(config, config.vip[name]):
                if group is None or group.tracking_weight or track.weight == 0:
                    tracks.setdefault((track.kind, track.name), track)
            if group is not None:
                tracks.update({(track.kind, track.name): track for track in _tracks(config, group)})
    return {unit: tuple(tracks.values()) for unit, tracks in found.items()}


def _tracks(config: Config, owner: Vip | SyncGroup) -> Iterator[UnitTrack]:
    scripts, files, processes = config.track_script, config.track_file, config.track_process
    for name, track in owner.track_script.items():
        yield _track(TrackKind.SCRIPT, name, track, scripts[name].weight, reverse=scripts[name].reverse)
    for name, track in owner.track_file.items():
        yield _track(TrackKind.FILE, name, track, files[name].weight, reverse=files[name].reverse)
    for name, track in owner.track_process.items():
        yield _track(TrackKind.PROCESS, name, track, processes[name].weight, reverse=processes[name].reverse)
    for name, track in owner.track_interface.items():
        yield _track(TrackKind.INTERFACE, name, track, 0, reverse=False)


def _track(kind: TrackKind, name: str, track: Track, weight: int, *, reverse: bool) -> UnitTrack:
    return UnitTrack(
        kind,
        name,
        weight if track.weight is None else track.weight,
        reverse if track.reverse is None else track.reverse,
    )
