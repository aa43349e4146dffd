"""Keywords of what is tracked: `vrrp_script`, `track_file`, `vrrp_track_process`.

Rules of this file: as in `instance.py`.
"""

from __future__ import annotations

from vrrp_compat.keepalived_conf.keywords.parameters import (
    LARGEST_SIGNED,
    Choice,
    Missing,
    Parameter,
    Program,
    Rest,
    Seconds,
    Text,
    Whole,
    WholeOr,
)
from vrrp_compat.keepalived_conf.keywords.rows import Row, carried_out

HEAVIEST = 253


def weight(heaviest: int, missing: Missing = Missing.STOPS) -> tuple[Parameter, ...]:
    """A weight, and which way round it counts."""
    return (
        Whole(least=-heaviest, most=heaviest, missing=missing),
        Choice(words=("reverse",), missing=Missing.FINE, alone=True),
    )


SCRIPT: tuple[Row, ...] = (
    carried_out(
        "script",
        Program(missing=Missing.FINE),
        ours="track_script.NAME.script",
        says="No shell reads it; a script without `script` is left out.",
    ),
    carried_out("interval", Whole(most=4294, zero_means=1), ours="track_script.NAME.interval"),
    carried_out("timeout", Whole(most=4294, zero_means=1), ours="track_script.NAME.timeout"),
    carried_out("weight", *weight(HEAVIEST), ours=("track_script.NAME.weight", "track_script.NAME.reverse")),
    carried_out("rise", Whole(least=1, most=LARGEST_SIGNED, instead=1), ours="track_script.NAME.rise"),
    carried_out("fall", Whole(least=1, most=LARGEST_SIGNED, instead=1), ours="track_script.NAME.fall"),
    carried_out(
        "user",
        Text(called="user"),
        Text(called="[group]", missing=Missing.FINE),
        ours=("track_script.NAME.user", "track_script.NAME.group"),
    ),
    carried_out("init_fail", ours="track_script.NAME.init_fail"),
)

FILE: tuple[Row, ...] = (
    carried_out(
        "file",
        Text(called="path", missing=Missing.LEFT_OUT),
        ours="track_file.NAME.file",
        first_counts=True,
    ),
    carried_out(
        "weight",
        *weight(254, Missing.LEFT_OUT),
        ours=("track_file.NAME.weight", "track_file.NAME.reverse"),
        first_counts=True,
    ),
    carried_out(
        "init_file",
        WholeOr(
            least=-LARGEST_SIGNED - 1,
            most=LARGEST_SIGNED,
            words=("overwrite",),
            many=True,
            missing=Missing.FINE,
        ),
        ours=("track_file.NAME.init_file", "track_file.NAME.overwrite"),
    ),
)

PROCESS: tuple[Row, ...] = (
    carried_out(
        "process",
        Rest(called="name [arguments]", missing=Missing.STOPS),
        ours="track_process.NAME.process",
        first_counts=True,
    ),
    carried_out(
        "param_match",
        Choice(words=("initial", "partial"), missing=Missing.FINE),
        ours="track_process.NAME.param_match",
        says="Without a word, arguments must be equal.",
    ),
    carried_out(
        "weight",
        *weight(254, Missing.LEFT_OUT),
        ours=("track_process.NAME.weight", "track_process.NAME.reverse"),
        first_counts=True,
    ),
    carried_out("quorum", Whole(least=1, most=65535), ours="track_process.NAME.quorum"),
    carried_out("quorum_max", Whole(most=65535), ours="track_process.NAME.quorum_max"),
    carried_out("delay", Seconds(least=0.000001, most=3600.0), ours="track_process.NAME.delay"),
    carried_out("fork_delay", Seconds(least=0.000001, most=3600.0), ours="track_process.NAME.fork_delay"),
    carried_out(
        "terminate_delay", Seconds(least=0.000001, most=3600.0), ours="track_process.NAME.terminate_delay"
    ),
    carried_out("full_command", ours="track_process.NAME.full_command"),
)
