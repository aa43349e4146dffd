"""Settings of virtual servers: IPVS's table, the real servers in it, and what is done when they fail.

Rules of this file: as in `schema.py`; names are keepalived's.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from vipkeeper.config.checker_schema import (
    PACING_KEYS,
    DnsCheck,
    FileCheck,
    HttpGet,
    MiscCheck,
    Pacing,
    PingCheck,
    SmtpCheck,
    SslGet,
    TcpCheck,
    UdpCheck,
)
from vipkeeper.config.described import about as _about
from vipkeeper.config.notify_schema import NotifyScript

LARGEST_WEIGHT = 65535
_MONTH_S = 31 * 24 * 3600

# What real and sorry servers have alike. They have no class in common: msgspec takes no second base.
_Port = (
    Annotated[int, _about("Its port; the default is that of the virtual server.", 8080, ge=0, le=65535)]
    | None
)
_Method = (
    Annotated[
        Literal["NAT", "DR", "TUN"],
        _about(
            "How packets get to the server: rewritten (`NAT`), in a frame for its MAC address (`DR`), or "
            "wrapped (`TUN`). With DR and TUN the server has the virtual address itself "
            "(`vipkeeper realserver up`) and its port is the virtual one. The default is that of the virtual "
            "server, and there NAT.",
            "DR",
        ),
    ]
    | None
)
_Tunnel = Annotated[Literal["ipip", "gue", "gre"], _about("What TUN wraps packets in.", "gue")] | None
_TunnelPort = Annotated[int, _about("The UDP port of a GUE tunnel.", 6080, ge=1, le=65535)] | None
_TunnelChecksum = (
    Annotated[
        Literal["nocsum", "csum", "remcsum"],
        _about("The checksum of a GUE or GRE header: none, one, or remote checksum offload (GUE).", "csum"),
    ]
    | None
)


_NO_CHECKS: dict[str, Any] = {}


def _no_checks() -> dict[str, Any]:
    """One for all: nobody changes a Config, and nine of their own are 576 bytes for each real server."""
    return _NO_CHECKS


class Forwarding(Pacing, frozen=True, kw_only=True, rename=PACING_KEYS):
    """How packets get to real servers, and what is checked there."""

    lvs_method: _Method = None
    tunnel: _Tunnel = None
    tunnel_port: _TunnelPort = None
    tunnel_checksum: _TunnelChecksum = None
    weight: (
        Annotated[
            int,
            _about(
                "How much the server gets beside others. 0: no new connections, those it has go on. The "
                "default is 1.",
                3,
                ge=0,
                le=LARGEST_WEIGHT,
            ),
        ]
        | None
    ) = None
    inhibit_on_failure: (
        Annotated[
            bool,
            _about(
                "Whether a failed server gets weight 0, and keeps its connections, instead of being taken "
                "out.",
                True,
            ),
        ]
        | None
    ) = None
    smtp_alert: (
        Annotated[
            bool,
            _about(
                "Whether it is mailed when a real server fails or recovers, or the quorum is lost or "
                "regained. The default is `mail.smtp_alert_checker`.",
                True,
            ),
        ]
        | None
    ) = None
    virtualhost: (
        Annotated[str, _about("The name in the Host header of HTTP checks.", "www.example.com", min_length=1)]
        | None
    ) = None
    http_get: dict[str, HttpGet] = msgspec.field(default_factory=_no_checks)
    ssl_get: dict[str, SslGet] = msgspec.field(default_factory=_no_checks)
    tcp_check: dict[str, TcpCheck] = msgspec.field(default_factory=_no_checks)
    smtp_check: dict[str, SmtpCheck] = msgspec.field(default_factory=_no_checks)
    dns_check: dict[str, DnsCheck] = msgspec.field(default_factory=_no_checks)
    udp_check: dict[str, UdpCheck] = msgspec.field(default_factory=_no_checks)
    ping_check: dict[str, PingCheck] = msgspec.field(default_factory=_no_checks)
    misc_check: dict[str, MiscCheck] = msgspec.field(default_factory=_no_checks)
    file_check: dict[str, FileCheck] = msgspec.field(default_factory=_no_checks)


class RealServer(Forwarding, frozen=True, kw_only=True, rename=PACING_KEYS):
    """One server behind a virtual one. It is well while all its checks are; without any, always.

    What is not set is that of the virtual server; its checks too, if there are none here.
    """

    address: Annotated[str, _about("Its address.", "10.0.0.11", min_length=1)]
    port: _Port = None
    uthreshold: Annotated[
        int,
        _about(
            "With more connections than this it gets no new ones; 0: no limit.", 1000, ge=0, le=4_294_967_295
        ),
    ] = 0
    lthreshold: Annotated[
        int,
        _about(
            "It gets new ones again below this number; 0: three quarters of `uthreshold`.",
            800,
            ge=0,
            le=4_294_967_295,
        ),
    ] = 0
    notify_up: NotifyScript = NotifyScript()
    notify_down: NotifyScript = NotifyScript()


class SorryServer(msgspec.Struct, frozen=True):
    """Who serves while the quorum is lost. Without `address`, nobody."""

    address: Annotated[str, _about("Its address.", "127.0.0.1", min_length=1)] | None = None
    port: _Port = None
    inhibit: Annotated[
        bool,
        _about("Whether it is always in the table, with weight 0 while it is not needed.", True),
    ] = False
    lvs_method: _Method = None
    tunnel: _Tunnel = None
    tunnel_port: _TunnelPort = None
    tunnel_checksum: _TunnelChecksum = None


class VirtualServer(
    Forwarding,
    frozen=True,
    kw_only=True,
    rename={
        **PACING_KEYS,
        "persistence_timeout_s": "persistence_timeout",
        "notify_timeout_s": "notify_timeout",
    },
):
    """A service that IPVS spreads over real servers. One of `address`, `fwmark` and `group` says which."""

    address: Annotated[str, _about("The virtual address.", "192.0.2.80", min_length=1)] | None = None
    port: Annotated[
        int,
        _about("The virtual port. 0 takes every port, and needs `persistence_timeout`.", 80, ge=0, le=65535),
    ] = 0
    protocol: (
        Annotated[
            Literal["tcp", "udp", "sctp"],
            _about("What is spoken there. It must be said unless it is a firewall mark.", "tcp"),
        ]
        | None
    ) = None
    fwmark: (
        Annotated[int, _about("All packets with this firewall mark.", 3, ge=1, le=4_294_967_295)] | None
    ) = None
    ip_family: (
        Annotated[
            Literal["inet", "inet6"],
            _about("The IP version of a firewall mark. The default is that of the real servers.", "inet6"),
        ]
        | None
    ) = None
    group: Annotated[str, _about("All that a `virtual_server_group` names.", "web", min_length=1)] | None = (
        None
    )
    present: Annotated[
        Literal["always", "owner"],
        _about(
            "`always`: every node has it in its table, so that it is there when the VIP comes. `owner`: a "
            "node has it while it has the VIP (see `vip`).",
            "owner",
        ),
    ] = "always"
    vip: (
        Annotated[
            str,
            _about(
                "The VIP that it belongs to: for `present` and `ha_suspend`. The default is the VIP with "
                "its address; of a group each VIP with one of its addresses, of which one suffices; of a "
                "firewall mark none.",
                "web",
                min_length=1,
            ),
        ]
        | None
    ) = None
    lvs_sched: Annotated[
        Literal[
            "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "mh", "dh", "fo", "ovf", "sed", "nq", "twos"
        ],
        _about("How a real server is chosen for a connection.", "wrr"),
    ] = "wlc"
    sched_flags: (
        Annotated[
            tuple[
                Literal["flag-1", "flag-2", "flag-3", "sh-port", "sh-fallback", "mh-port", "mh-fallback"], ...
            ],
            _about("Switches of the scheduler.", ["mh-port", "mh-fallback"], min_length=1),
        ]
        | None
    ) = None
    ops: Annotated[
        bool, _about("Whether each datagram is a connection of its own (UDP and firewall marks).", True)
    ] = False
    persistence_timeout_s: (
        Annotated[
            int,
            _about(
                "Connections of one client go to the same real server for so long after the last one.",
                360,
                unit="seconds",
                ge=1,
                le=_MONTH_S,
            ),
        ]
        | None
    ) = None
    persistence_granularity: (
        Annotated[
            str,
            _about(
                "What counts as one client: a netmask, or a prefix length for IPv6.",
                "255.255.255.0",
                min_length=1,
            ),
        ]
        | None
    ) = None
    persistence_engine: (
        Annotated[
            Literal["sip"], _about("What counts as one client instead of an address: `sip` is a call.", "sip")
        ]
        | None
    ) = None
    ha_suspend: Annotated[
        bool, _about("Whether real servers are only checked while this node has the VIP.", True)
    ] = False
    omega: Annotated[
        bool,
        _about("Whether `notify_down` and `quorum_down` are run when the agent ends.", True),
    ] = False
    quorum: Annotated[
        int,
        _about("The sum of weights that must be well for the service to count as up.", 2, ge=1, le=2**31 - 1),
    ] = 1
    hysteresis: Annotated[
        int,
        _about(
            "It is up again with `quorum` and this much more, and down with this much less.",
            1,
            ge=0,
            le=2**31 - 1,
        ),
    ] = 0
    quorum_up: NotifyScript = NotifyScript()
    quorum_down: NotifyScript = NotifyScript()
    notify_timeout_s: Annotated[
        float,
        _about(
            "A program that tells of a change of it, or of its real servers, and takes longer is ended "
            "(SIGTERM, after 2 s SIGKILL), so that the next change is told too.",
            60.0,
            unit="seconds",
            gt=0,
            le=86400,
        ),
    ] = 30.0
    sorry_server: SorryServer = SorryServer()
    real_server: dict[str, RealServer] = msgspec.field(default_factory=dict)


class VirtualServerGroup(msgspec.Struct, frozen=True):
    """Several virtual addresses that share real servers and their checks."""

    addresses: (
        Annotated[
            tuple[str, ...],
            _about(
                "`ADDRESS PORT`, `FIRST-LAST PORT` or `NETWORK/LENGTH PORT`; IPv6 likewise.",
                ["192.0.2.80 80", "192.0.2.90-95 443"],
                min_length=1,
            ),
        ]
        | None
    ) = None
    fwmarks: Annotated[tuple[int, ...], _about("Firewall marks.", [3, 4], min_length=1)] | None = None
