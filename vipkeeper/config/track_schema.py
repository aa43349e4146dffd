"""Settings of what is watched beside the interface: scripts, files, processes, and what each means to a VIP.

Rules of this file: as in `schema.py`; names are keepalived's.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from vipkeeper.config.described import about as _about
from vipkeeper.config.program_owner import ProgramGroup, ProgramUser

HEAVIEST = 253


class Track(msgspec.Struct, frozen=True):
    """What one tracked thing means to this VIP. NAME is that of its definition, or of an interface."""

    weight: (
        Annotated[
            int,
            _about(
                "What is added to the priority: a positive weight while it is well, a negative one while it "
                "is not. 0: while it is not well this node cannot be the owner (FAULT). The default is the "
                "weight of the definition; of an interface, 0.",
                -20,
                ge=-HEAVIEST,
                le=HEAVIEST,
            ),
        ]
        | None
    ) = None
    reverse: (
        Annotated[
            bool,
            _about("Whether well and not well change places. The default is that of the definition.", True),
        ]
        | None
    ) = None


_SCRIPT_KEYS = {"interval_s": "interval", "timeout_s": "timeout"}


class TrackScript(msgspec.Struct, frozen=True, rename=_SCRIPT_KEYS):
    """A program that says by its exit code whether this node is well: keepalived's `vrrp_script`."""

    script: Annotated[
        str,
        _about(
            "Program and arguments; quotes hold words together. No shell reads it: for a pipe or `&&` write "
            '`sh -c "..."`. Exit code 0: well.',
            "/usr/bin/killall -0 nginx",
            min_length=1,
        ),
    ]
    interval_s: Annotated[
        float,
        _about(
            "How often it runs. A run that still goes on when the next one is due delays that one.",
            2.0,
            unit="seconds",
            ge=0.001,
            le=86400,
        ),
    ] = 1.0
    timeout_s: (
        Annotated[
            float,
            _about(
                "A run that takes longer is ended (SIGTERM, after 2 s SIGKILL) and counts as failed. The "
                "default is the interval.",
                1.0,
                unit="seconds",
                ge=0.001,
                le=86400,
            ),
        ]
        | None
    ) = None
    weight: Annotated[
        int,
        _about(
            "What is added to the priority: a positive weight while the script succeeds, a negative one "
            "while it fails. 0: while it fails this node cannot be the owner.",
            -20,
            ge=-HEAVIEST,
            le=HEAVIEST,
        ),
    ] = 0
    reverse: Annotated[bool, _about("Whether failing means well.", True)] = False
    rise: Annotated[
        int, _about("Successes in a row before it counts as well again.", 2, ge=1, le=1_000_000)
    ] = 1
    fall: Annotated[int, _about("Failures in a row before it counts as not well.", 3, ge=1, le=1_000_000)] = 1
    init_fail: Annotated[
        bool,
        _about("Whether it counts as not well from the start until `rise` successes were seen.", True),
    ] = False
    user: ProgramUser = None
    group: ProgramGroup = None


class TrackFile(msgspec.Struct, frozen=True):
    """A file with a number in it, which times `weight` is added to the priority. No file or no number: 0."""

    file: Annotated[
        str,
        _about("The file. It is read when it changes.", "/etc/vipkeeper/maintenance", min_length=1),
    ]
    weight: Annotated[
        int,
        _about(
            "What the number is multiplied by. 0: any number but 0 means that this node cannot be the owner.",
            -1,
            ge=-HEAVIEST,
            le=HEAVIEST,
        ),
    ] = 1
    reverse: Annotated[bool, _about("Whether the number's sign is turned round.", True)] = False
    init_file: (
        Annotated[
            int,
            _about("The number that a file gets which does not exist when the agent starts, or reloads.", 0),
        ]
        | None
    ) = None
    overwrite: Annotated[
        bool,
        _about("Whether the start writes `init_file` although the file exists; a reload does not.", True),
    ] = False


_PROCESS_KEYS = {
    "delay_s": "delay",
    "fork_delay_s": "fork_delay",
    "terminate_delay_s": "terminate_delay",
}


class TrackProcess(msgspec.Struct, frozen=True, rename=_PROCESS_KEYS):
    """Processes that have to run on this node: keepalived's `vrrp_track_process`."""

    process: Annotated[
        str,
        _about("Name of the program, and the arguments if `param_match` is set.", "nginx", min_length=1),
    ]
    param_match: Annotated[
        Literal["none", "exact", "initial", "partial"],
        _about(
            "How arguments are compared: not at all, all of them, the first ones, or the first ones of which "
            "the last may be only the beginning of a word.",
            "initial",
        ),
    ] = "none"
    weight: Annotated[
        int,
        _about(
            "What is added to the priority: a positive weight while enough of them run, a negative one while "
            "not. 0: while not, this node cannot be the owner.",
            -20,
            ge=-HEAVIEST,
            le=HEAVIEST,
        ),
    ] = 0
    reverse: Annotated[bool, _about("Whether well and not well change places.", True)] = False
    quorum: Annotated[int, _about("How many must run.", 1, ge=1, le=65535)] = 1
    quorum_max: (
        Annotated[int, _about("How many may run at most. Without it, any number.", 1, ge=0, le=65535)] | None
    ) = None
    delay_s: (
        Annotated[
            float,
            _about("Both delays below at once.", 0.5, unit="seconds", ge=0, le=3600),
        ]
        | None
    ) = None
    fork_delay_s: Annotated[
        float,
        _about("How long enough must have run before that counts.", 0.5, unit="seconds", ge=0, le=3600),
    ] = 0.0
    terminate_delay_s: Annotated[
        float,
        _about("How long too few must have run before that counts.", 0.5, unit="seconds", ge=0, le=3600),
    ] = 0.0
    full_command: Annotated[
        bool,
        _about("Whether the whole path of the command is compared instead of the name alone.", True),
    ] = False
