"""Settings of IPVS on the whole host, and of what SSL checks show and trust.

Rules of this file: as in `schema.py`; names are keepalived's.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from vipkeeper.config.described import about as _about
from vipkeeper.config.notify_schema import NotifyScript

_MONTH_S = 31 * 24 * 3600


class SyncDaemon(msgspec.Struct, frozen=True):
    """IPVS tells the other directors of its connections, so that they go on after a failover."""

    interface: (
        Annotated[
            str,
            _about(
                "Where it is told; without it, it is not. IPVS's own name: sync daemon.", "eth1", min_length=1
            ),
        ]
        | None
    ) = None
    vip: (
        Annotated[
            str,
            _about(
                "The node with this VIP tells (`master`), the others listen (`backup`). Without it every "
                "node does both.",
                "web",
                min_length=1,
            ),
        ]
        | None
    ) = None
    syncid: (
        Annotated[
            int,
            _about(
                "Who uses the same number belongs together. The default is the virtual router id of the VIP, "
                "or 0.",
                51,
                ge=0,
                le=255,
            ),
        ]
        | None
    ) = None
    maxlen: Annotated[
        int, _about("The longest message; 0: as the kernel likes.", 1472, unit="bytes", ge=0, le=65507)
    ] = 0
    port: Annotated[int, _about("The UDP port; 0: 8848.", 8848, ge=0, le=65535)] = 0
    ttl: Annotated[int, _about("The TTL; 0: 1.", 1, ge=0, le=255)] = 0
    group: (
        Annotated[
            str, _about("The multicast address; the default is 224.0.0.81.", "224.0.0.81", min_length=1)
        ]
        | None
    ) = None


class IpvsTimeouts(
    msgspec.Struct, frozen=True, rename={"tcp_s": "tcp", "tcpfin_s": "tcpfin", "udp_s": "udp"}
):
    """How long IPVS remembers a connection without packets. What is not set is left as it is found."""

    tcp_s: (
        Annotated[int, _about("An open TCP connection.", 900, unit="seconds", ge=1, le=_MONTH_S)] | None
    ) = None
    tcpfin_s: (
        Annotated[int, _about("A TCP connection after its FIN.", 120, unit="seconds", ge=1, le=_MONTH_S)]
        | None
    ) = None
    udp_s: Annotated[int, _about("UDP.", 300, unit="seconds", ge=1, le=_MONTH_S)] | None = None


class Ipvs(msgspec.Struct, frozen=True):
    """IPVS of the whole host."""

    timeouts: IpvsTimeouts = IpvsTimeouts()
    sync_daemon: SyncDaemon = SyncDaemon()
    flush: Annotated[
        bool,
        _about(
            "Whether everything in IPVS's table that is not ours is removed at the start (keepalived: "
            "`lvs_flush`).",
            True,
        ),
    ] = False
    keep_on_stop: Annotated[
        bool,
        _about(
            "Whether virtual servers stay in the kernel when the agent ends. They always do over a restart.",
            True,
        ),
    ] = False
    log_all_failures: Annotated[
        bool,
        _about("Whether each failed check is logged (keepalived: `checker_log_all_failures`).", True),
    ] = False
    init_notifies: Annotated[
        bool,
        _about(
            "Whether real servers that are up from the start are told too (keepalived: `rs_init_notifies`).",
            True,
        ),
    ] = False
    fifo: (
        Annotated[
            str,
            _about(
                "A FIFO that gets a line for each change of a virtual or real server (keepalived: "
                "`lvs_notify_fifo`). It is made if it does not exist.",
                "/run/vipkeeper/ipvs.fifo",
                min_length=1,
            ),
        ]
        | None
    ) = None
    fifo_user: (
        Annotated[str, _about("The user whom it belongs to when the agent makes it.", "nobody", min_length=1)]
        | None
    ) = None
    fifo_group: (
        Annotated[str, _about("Its group; the default is the user's own.", "nogroup", min_length=1)] | None
    ) = None
    fifo_script: NotifyScript = NotifyScript()


class Ssl(msgspec.Struct, frozen=True):
    """What SSL checks show of themselves and trust. Without `ca` a server's certificate is not judged."""

    ca: (
        Annotated[
            str, _about("Certificates that sign those of servers (PEM).", "/etc/ssl/ca.pem", min_length=1)
        ]
        | None
    ) = None
    certificate: (
        Annotated[str, _about("The check's own certificate (PEM).", "/etc/ssl/check.pem", min_length=1)]
        | None
    ) = None
    key: Annotated[str, _about("Its key (PEM).", "/etc/ssl/check.key", min_length=1)] | None = None
    password_file: (
        Annotated[
            str,
            _about(
                "File whose first line is the key's password.", "/etc/vipkeeper/key-password", min_length=1
            ),
        ]
        | None
    ) = None
    password: (
        Annotated[
            str,
            _about(
                "The key's password, if it is not in a file of its own.", "secret", secret=True, min_length=1
            ),
        ]
        | None
    ) = None
