"""Settings of how addresses are announced.

Rules of this file: as in `schema.py`; names are keepalived's.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from vipkeeper.config.described import about as _about

_GARP_KEYS = {
    "master_delay_s": "master_delay",
    "master_refresh_s": "master_refresh",
    "lower_prio_delay_s": "lower_prio_delay",
    "interval_s": "interval",
    "gna_interval_s": "gna_interval",
}


class Garp(msgspec.Struct, frozen=True, rename=_GARP_KEYS):
    """How addresses are announced: gratuitous ARP, and neighbour advertisements.

    Set for a VIP, it counts for that VIP; at the top, for all that do not say otherwise. Without any of it,
    each address is announced at once, four times more in 4.4 s, and then every `master_refresh`.
    """

    master_repeat: (
        Annotated[
            int,
            _about("How many are sent at once, one after the other, by a new owner.", 5, ge=1, le=1000),
        ]
        | None
    ) = None
    master_delay_s: (
        Annotated[
            float,
            _about("When as many are sent once more. 0: never.", 5.0, unit="seconds", ge=0, le=86400),
        ]
        | None
    ) = None
    master_refresh_s: (
        Annotated[
            float,
            _about(
                "How often an owner repeats it after that. 0: never; clients that learnt somebody else's "
                "address then stay with it.",
                60.0,
                unit="seconds",
                ge=0,
                le=86400,
            ),
        ]
        | None
    ) = None
    master_refresh_repeat: Annotated[int, _about("How many are sent each time.", 1, ge=1, le=1000)] | None = (
        None
    )
    lower_prio_repeat: (
        Annotated[
            int,
            _about(
                "How many are sent when a master with a lower priority was heard. 0: none.", 5, ge=0, le=1000
            ),
        ]
        | None
    ) = None
    lower_prio_delay_s: (
        Annotated[
            float,
            _about(
                "When as many are sent once more after that. 0: never.", 5.0, unit="seconds", ge=0, le=86400
            ),
        ]
        | None
    ) = None
    interval_s: (
        Annotated[
            float,
            _about(
                "The least time between two announcements of IPv4 addresses on one interface; each is a "
                "request and a reply. 0: none but what keeps a burst of 200 within 5 ms.",
                0.001,
                unit="seconds",
                ge=0,
                le=10,
            ),
        ]
        | None
    ) = None
    gna_interval_s: (
        Annotated[
            float,
            _about(
                "The same for IPv6, where each is a neighbour advertisement.",
                0.001,
                unit="seconds",
                ge=0,
                le=10,
            ),
        ]
        | None
    ) = None
