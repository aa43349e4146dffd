"""What the agent and its director say to each other, and what a director tells who asks it.

The director is a process of its own, so that nothing a real server does (a page that takes a regular
expression for ever, a thousand TLS handshakes) can delay the renewal of a lease. It is started by the agent
with a socket as its standard input and ends when that closes.

Rules of this file: values alone; on the socket each is a length (4 bytes, big endian) and MessagePack.
On the control socket it is one line of JSON each way (but `metrics` is answered with text), and names of
fields there are a contract with scripts: add, never rename.
"""

from __future__ import annotations

import msgspec

from vipkeeper.model.balancing import BalancingPlan
from vipkeeper.model.ipvs import Traffic
from vipkeeper.model.server_changes import ServerChange

# The last line of an answer to `metrics`: without it something is missing. To Prometheus it is a comment.
METRICS_END = b"# EOF\n"


class Follow(msgspec.Struct, frozen=True, tag="follow"):
    """To the director: keep this from now on, and log so; at the start and at each reload."""

    plan: BalancingPlan
    log_format: str = "text"
    log_level: str = "info"


class Standing(msgspec.Struct, frozen=True, tag="standing"):
    """To the director: the VIPs (their names) that this node has in its kernel now."""

    vips: frozenset[str]


class End(msgspec.Struct, frozen=True, tag="end"):
    """To the director: stop. `keep`: another agent goes on, so nothing is taken out and nothing told."""

    keep: bool


class Changed(msgspec.Struct, frozen=True, tag="changed"):
    """To the agent: tell these, in this order."""

    changes: tuple[ServerChange, ...]


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """To the agent: all of `End` is done; the process ends."""


ToDirector = Follow | Standing | End
ToAgent = Changed | Ended


class CheckReport(msgspec.Struct, frozen=True):
    """One check of one real server."""

    kind: str  # CheckKind value
    name: str
    state: str  # unknown, up or down
    detail: str  # of its last run
    ago_s: float | None = None  # since that run ended
    failures: int = 0  # in a row


class RealServerReport(msgspec.Struct, frozen=True):
    """One real server. Counts are sums over the keys of a group; null where the kernel has no entry."""

    name: str
    address: str
    port: int
    method: str  # NAT, DR or TUN
    state: str  # up, down, draining or drained
    reason: str  # why, for people
    weight: int  # in force; 0 while it gets nothing new
    configured_weight: int
    in_table: bool
    checks: tuple[CheckReport, ...] = ()
    active: int | None = None
    inactive: int | None = None
    persistent: int | None = None
    traffic: Traffic | None = None


class VirtualServerReport(msgspec.Struct, frozen=True):
    """One virtual server."""

    name: str
    keys: tuple[str, ...]  # "tcp 192.0.2.80:80", "fwmark 3"
    scheduler: str
    state: str  # up or down (quorum), or absent: this node has no such VIP (`present = "owner"`)
    quorum: int
    weight: int  # that is well now
    real_servers: tuple[RealServerReport, ...] = ()
    sorry_server: str | None = None
    sorry_in_use: bool = False
    checks_suspended: bool = False  # `ha_suspend`
    vips: tuple[str, ...] = ()
    persistence_s: int | None = None
    traffic: Traffic | None = None


class DirectorReport(msgspec.Struct, frozen=True):
    """All of one node. `missing`: why nothing is programmed, or "". `refused`: by the kernel."""

    virtual_servers: tuple[VirtualServerReport, ...] = ()
    missing: str = ""
    refused: tuple[str, ...] = ()
    sync: str | None = None  # master, backup, master and backup, or null
    checks_run: int = 0
    checks_failed: int = 0
    reconciled: int = 0  # readings of the kernel's table compared with what is wanted
    corrected: int = 0  # entries that somebody else had changed or removed


class Ask(msgspec.Struct, frozen=True):
    """`ask`: ipvs, metrics, drain or undrain. `server`: NAME of a real server, or VIRTUAL/REAL."""

    ask: str
    server: str = ""


class DirectorAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """`servers`: the real servers that a drain is about, as VIRTUAL/REAL."""

    ipvs: DirectorReport | None = None
    servers: tuple[str, ...] = ()
    error: str | None = None
