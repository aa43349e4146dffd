"""Settings of VRRP, one table below each VIP that speaks it.

Rules of this file: as in `schema.py`; names are those of keepalived and the RFCs where they have one.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from vipkeeper.config.described import about as _about


class VipVrrp(msgspec.Struct, frozen=True, rename={"advert_interval_s": "advert_interval"}):
    """How this VIP speaks VRRP: with `backend = "vrrp"`, or beside a store with `announce_vrrp`.

    All routers of one VRID on a segment need the same version, addresses, authentication and (version 2)
    interval. The addresses of the family of the first one are advertised; others go along with them.
    """

    vrid: (
        Annotated[
            int,
            _about(
                "The number of the virtual router. No two on one segment may use the same one for different "
                "addresses; the agent looks for that when it starts, and names a free one.",
                51,
                ge=1,
                le=255,
            ),
        ]
        | None
    ) = None
    version: Annotated[
        Literal[2, 3],
        _about(
            "2 is IPv4 alone, whole seconds, and what keepalived speaks unless told otherwise. 3 (RFC 9568) "
            "is IPv4 and IPv6, and intervals below a second.",
            2,
        ),
    ] = 3
    advert_interval_s: Annotated[
        float,
        _about(
            "How often the master speaks. Clients wait for three to four intervals when it dies. Version 2: "
            "whole seconds, up to 255, the same on all routers; version 3: steps of 0.01 up to 40.95, and "
            "backups go by what the master says.",
            0.2,
            unit="seconds",
            ge=0.01,
            le=255,
        ),
    ] = 1.0
    auth_type: Annotated[
        Literal["none", "pass", "ah"],
        _about(
            "Version 2 alone. `pass` sends `auth_pass` readable with each advertisement: it keeps apart "
            "neighbours by mistake, no attacker. `ah` proves it by a keyed check value (HMAC-MD5-96), as "
            "keepalived does.",
            "ah",
        ),
    ] = "none"
    auth_pass: (
        Annotated[
            str,
            _about(
                "The password or key. Only the first 8 bytes count, as in keepalived.",
                "secret12",
                secret=True,
                min_length=1,
            ),
        ]
        | None
    ) = None
    unicast_peers: (
        Annotated[
            tuple[str, ...],
            _about(
                "The other routers, by address or name, where the network has no multicast (clouds). Each "
                "router lists all others. Only they are listened to.",
                ["10.0.0.12", "10.0.0.13"],
                min_length=1,
            ),
        ]
        | None
    ) = None
    source_address: (
        Annotated[
            str,
            _about(
                "Where advertisements come from. Without it the first address of the interface (IPv6: the "
                "link-local one). Of two routers with equal priority the one with the higher address is "
                "master.",
                "10.0.0.11",
                min_length=1,
            ),
        ]
        | None
    ) = None
    multicast_group: (
        Annotated[
            str,
            _about(
                "The group that is spoken to and listened to, instead of 224.0.0.18 or ff02::12; the same "
                "on all routers.",
                "224.0.0.118",
                min_length=1,
            ),
        ]
        | None
    ) = None
    checksum: Annotated[
        Literal["pseudo-header", "message-only"],
        _about(
            "Version 3 with IPv4: what the checksum covers in what is sent. keepalived and FRR send and want "
            "`pseudo-header` unless told otherwise (`v3_checksum_as_v2`); RFC 9568 and Cisco mean "
            "`message-only`. Both are understood.",
            "message-only",
        ),
    ] = "pseudo-header"
    address_mismatch: Annotated[
        Literal["log", "discard"],
        _about(
            "What to do with an advertisement that names other addresses than this VIP has: `log` says so "
            "and believes it (RFC 9568); `discard` does as keepalived up to 2.3.2, and makes a second master "
            "where two configurations differ.",
            "discard",
        ),
    ] = "log"
    allowed_sources: (
        Annotated[
            tuple[str, ...],
            _about(
                "The only addresses that are believed. Without it everybody on the segment is, or with "
                "`unicast_peers` those.",
                ["10.0.0.12", "10.0.0.13"],
                min_length=1,
            ),
        ]
        | None
    ) = None
    virtual_mac: Annotated[
        bool,
        _about(
            "Whether the VIP has a MAC address of its own, 00:00:5e:00:01:VRID (IPv6: 00:00:5e:00:02:VRID), "
            "which stays the same when the master changes. The addresses are then on an interface "
            "`vrrp.VRID` of their own.",
            True,
        ),
    ] = False

    accept: Annotated[
        bool,
        _about(
            "Whether this host, as master, takes packets to the VIP itself: ping, TCP, UDP. Without, it "
            "answers only ARP and neighbour discovery, and forwards (also by IPVS), as RFC 9568 (6.1) has it "
            "by default; `true` is keepalived's default. Without meaning at priority 255, whose host has the "
            "addresses as its own. Needs nf_tables.",
            False,
        ),
    ] = True

    down_timer_adverts: Annotated[
        int,
        _about(
            "How many advertisements must be missing before a backup takes over; the same on all routers. A "
            "master relies on it: it answers only until its peers may have taken over.",
            3,
            ge=1,
            le=100,
        ),
    ] = 3
    lower_prio_no_advert: Annotated[
        bool,
        _about("Whether a master leaves an advertisement with a lower priority unanswered.", True),
    ] = False
    owner_ignore_adverts: Annotated[
        bool,
        _about("Whether a router with priority 255 ignores all advertisements of others.", True),
    ] = False
    strict: Annotated[
        bool,
        _about(
            "Whether the RFC is kept to the letter, as by keepalived's `vrrp_strict`: no authentication, no "
            "`preempt_delay`, 3 `down_timer_adverts`, a lower priority gets no answer, and priority 255 "
            "hears nobody. `check` tells what is left out. It never blocks traffic to the VIP.",
            True,
        ),
    ] = False
    unicast_ttl: Annotated[
        int,
        _about("The TTL (hop limit) of unicast advertisements.", 255, ge=1, le=255),
    ] = 255
    virtual_mac_name: (
        Annotated[
            str,
            _about(
                "What the interface of the virtual MAC is called instead of `vrrp.VRID`.",
                "vrrp51",
                min_length=1,
            ),
        ]
        | None
    ) = None

    def __repr__(self) -> str:
        return f"VipVrrp(vrid={self.vrid!r}, version={self.version!r}, interval={self.advert_interval_s!r})"
