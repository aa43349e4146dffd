"""Settings of VIPs, and of the groups that move as one.

Rules of this file: as in `schema.py`.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from vipkeeper.config.described import about as _about
from vipkeeper.config.garp_schema import Garp
from vipkeeper.config.notify_schema import Notify
from vipkeeper.config.track_schema import Track
from vipkeeper.config.vrrp_schema import VipVrrp


class Vip(msgspec.Struct, frozen=True, rename={"preempt_delay_s": "preempt_delay"}):
    """One VIP: addresses that always have one owner together. NAME is what `ls` and the store call it."""

    addresses: Annotated[
        tuple[str, ...],
        _about(
            "IPv4 and IPv6 addresses, each `ADDR` or `ADDR/LEN`, and after it what `ip address` and "
            "keepalived take: `dev`, `brd`, `label`, `scope`. Without a length the address is added "
            "alone (/32 or /128), which is right unless something on this host reads the prefix. Up to 40: a "
            "VIP changes hands in one transaction.",
            ["192.0.2.10", "2001:db8::10"],
            min_length=1,
        ),
    ]
    interface: Annotated[
        str,
        _about(
            "Interface that gets the addresses. If it does not exist yet, the agent waits for it.",
            "eth0",
            min_length=1,
        ),
    ]
    excluded_addresses: (
        Annotated[
            tuple[str, ...],
            _about(
                "More addresses that go with the others but are not in VRRP advertisements (keepalived: "
                "`virtual_ipaddress_excluded`). Written like `addresses`.",
                ["192.0.2.11"],
                min_length=1,
            ),
        ]
        | None
    ) = None
    virtual_routes: (
        Annotated[
            tuple[str, ...],
            _about(
                "Routes that are there while this node owns the VIP, as `ip route` and keepalived "
                "write them.",
                ["198.51.100.0/24 via 192.0.2.1 dev eth0"],
                min_length=1,
            ),
        ]
        | None
    ) = None
    virtual_rules: (
        Annotated[
            tuple[str, ...],
            _about(
                "Routing rules that are there while this node owns the VIP, as `ip rule` writes them.",
                ["from 192.0.2.10 table 100"],
                min_length=1,
            ),
        ]
        | None
    ) = None
    promote_secondaries: Annotated[
        bool,
        _about(
            "Whether the interface is set up so that the removal of an address leaves the others of its "
            "prefix in place (sysctl `promote_secondaries`).",
            True,
        ),
    ] = False
    dont_track_primary: Annotated[
        bool,
        _about(
            "Whether this node may be the owner although the interface is down.",
            True,
        ),
    ] = False
    priority: (
        Annotated[
            int,
            _about("This node's priority for this VIP instead of the general one.", 150, ge=1, le=65535),
        ]
        | None
    ) = None
    preempt: (
        Annotated[
            bool,
            _about(
                "Whether this node gets the VIP from an owner with a lower priority. With a store it is off "
                "unless set, and the owner hands it over: clients see a planned move of some milliseconds, "
                "it is never seized. With VRRP it is on unless set, as in keepalived.",
                True,
            ),
        ]
        | None
    ) = None
    preempt_delay_s: Annotated[
        float,
        _about(
            "How long this node lets an owner with a lower priority be, counted from when it could serve the "
            "VIP itself.",
            60.0,
            unit="seconds",
            ge=0,
            le=86400,
        ),
    ] = 0.0
    announce_vrrp: Annotated[
        bool,
        _about(
            "With a store: whether the owner of this VIP also speaks VRRP, so that keepalived or FRR "
            "neighbours with its VRID stay backups while a cluster is moved node by node. It speaks with "
            "priority 255, which no neighbour outbids; the table `vrrp` of this VIP says how.",
            True,
        ),
    ] = False
    track_script: dict[str, Track] = {}
    track_file: dict[str, Track] = {}
    track_process: dict[str, Track] = {}
    track_interface: dict[str, Track] = {}
    notify: Notify = Notify()
    garp: Garp = Garp()
    vrrp: VipVrrp = VipVrrp()


class SyncGroup(msgspec.Struct, frozen=True):
    """VIPs that are always on one node together. With a store they are one unit, under this name."""

    vips: Annotated[
        tuple[str, ...],
        _about("Names of the VIPs (keepalived: `group`).", ["outside", "inside"], min_length=1),
    ]
    tracking_weight: Annotated[
        bool,
        _about(
            "Whether weights of tracked things count for a member (keepalived: "
            "`sync_group_tracking_weight`); else only those that mean FAULT do, because members with "
            "different priorities could not move as one.",
            True,
        ),
    ] = False
    track_script: dict[str, Track] = {}
    track_file: dict[str, Track] = {}
    track_process: dict[str, Track] = {}
    track_interface: dict[str, Track] = {}
    notify: Notify = Notify()
