"""Virtual servers as they are to be kept: everything inherited, defaulted and spelled out.

Rules of this file: plain values, made from a Config that was accepted (`vipkeeper/config/virtual_servers.py`)
and sent whole from the agent to the director. Equal values mean that a reload changes nothing.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from vipkeeper.model.ipvs import (
    Destination,
    DestinationKey,
    Service,
    ServiceKey,
    SyncDaemon,
)


class CheckKind(enum.Enum):
    """How a real server is asked; the word is that of the configuration's table."""

    HTTP = "http_get"
    SSL = "ssl_get"
    TCP = "tcp_check"
    SMTP = "smtp_check"
    DNS = "dns_check"
    UDP = "udp_check"
    PING = "ping_check"
    MISC = "misc_check"
    FILE = "file_check"


class Pacing(msgspec.Struct, frozen=True):
    """When a check runs, and how many failures count. `alpha`: it counts as failed until it succeeded."""

    delay_loop_s: float = 60.0
    connect_timeout_s: float = 5.0
    retry: int = 1
    delay_before_retry_s: float = 1.0
    warmup_s: float = 60.0
    alpha: bool = False
    log_all_failures: bool = False


class Reach(msgspec.Struct, frozen=True):
    """Where a check goes, and from where. Empty and 0: as the kernel chooses."""

    address: str
    port: int
    bindto: str = ""
    bind_port: int = 0
    bind_if: str = ""
    fwmark: int = 0


class TcpAsk(msgspec.Struct, frozen=True, tag="tcp_check"):
    """Connect."""


class Page(msgspec.Struct, frozen=True):
    """One page and what it must be like; all of it must hold.

    `status`: inclusive ranges; empty: the status does not matter. `host` is the Host header's, or empty:
    the address. `regex` is empty when the body is not searched.
    """

    path: str
    host: str = ""
    status: tuple[tuple[int, int], ...] = ((200, 299),)
    digest: str = ""  # MD5 in lower case
    regex: str = ""
    regex_no_match: bool = False
    regex_options: tuple[str, ...] = ()
    regex_min_offset: int = 0
    regex_max_offset: int | None = None
    tls_compliant: bool = False


class Tls(msgspec.Struct, frozen=True):
    """How TLS is spoken. `sni`: the name said; empty: the page's host if `enable_sni`, else none."""

    enable_sni: bool = False
    sni: str = ""
    ca: str = ""
    certificate: str = ""
    key: str = ""
    password_file: str = ""
    password: str = ""  # of the key; secret


class HttpAsk(msgspec.Struct, frozen=True, tag="http_get"):
    """Get pages: one at each turn, in this order; well when all were. With `tls` it is SSL_GET."""

    pages: tuple[Page, ...]
    protocol: str = "1.0"  # 1.0, 1.0C or 1.1
    fast_recovery: bool = False
    tls: Tls | None = None


class SmtpAsk(msgspec.Struct, frozen=True, tag="smtp_check"):
    """Greet."""

    helo_name: str


class DnsAsk(msgspec.Struct, frozen=True, tag="dns_check"):
    """Ask one question over UDP."""

    record_type: str  # not `type`: that is where MessagePack has the kind of check
    name: str


class UdpAsk(msgspec.Struct, frozen=True, tag="udp_check"):
    """Send one datagram. `reply` is hexadecimal with `x` for any digit, or empty: any answer."""

    payload: str  # hexadecimal; empty: the check chooses
    require_reply: bool = False
    reply: str = ""
    min_reply_length: int = 0
    max_reply_length: int = 255


class PingAsk(msgspec.Struct, frozen=True, tag="ping_check"):
    """Send one ICMP echo request."""


class MiscAsk(msgspec.Struct, frozen=True, tag="misc_check"):
    """Run a program."""

    path: str
    timeout_s: float
    dynamic: bool = False
    user: str | None = None
    group: str | None = None


class FileAsk(msgspec.Struct, frozen=True, tag="file_check"):
    """Look at a number in a file; `track_file` is a name in the plan's `track_files`."""

    track_file: str
    weight: int = 1
    reverse: bool = False


Ask = TcpAsk | HttpAsk | SmtpAsk | DnsAsk | UdpAsk | PingAsk | MiscAsk | FileAsk


class CheckPlan(msgspec.Struct, frozen=True):
    """One check of one real server."""

    kind: CheckKind
    name: str
    pacing: Pacing
    ask: Ask
    reach: Reach | None  # None: MISC and FILE, which go nowhere themselves

    @property
    def label(self) -> str:
        """Which check of its real server it is: each kind has its own names."""
        return f"{self.kind.value} {self.name}"


class TellPlan(msgspec.Struct, frozen=True):
    """What is told of a change beside the FIFO: whether it is mailed. Programs stay with the agent."""

    smtp_alert: bool = False


class RealServerPlan(msgspec.Struct, frozen=True):
    """One real server. `destination` has its configured weight.

    `key` is where it stands in the table; with port 0 in it, the port of the service key is meant.
    """

    name: str
    key: DestinationKey
    destination: Destination
    inhibit_on_failure: bool = False
    checks: tuple[CheckPlan, ...] = ()
    tell: TellPlan = TellPlan()

    @property
    def alpha(self) -> bool:
        """Whether it is out until its checks have succeeded."""
        return any(check.pacing.alpha for check in self.checks)


class SorryPlan(msgspec.Struct, frozen=True):
    """Who serves while the quorum is lost."""

    key: DestinationKey
    destination: Destination
    inhibit: bool = False


class ServicePlan(msgspec.Struct, frozen=True):
    """One virtual server: several services of the kernel if it is a group."""

    name: str
    keys: tuple[ServiceKey, ...]
    service: Service
    real_servers: tuple[RealServerPlan, ...]
    sorry: SorryPlan | None = None
    quorum: int = 1
    hysteresis: int = 0
    omega: bool = False
    ha_suspend: bool = False
    only_on_owner: bool = False
    init_notifies: bool = False  # real servers that are up from the start are told too
    vips: tuple[str, ...] = ()  # names of VIPs that it belongs to; empty: it does not depend on any
    tell: TellPlan = TellPlan()


class WatchedFile(msgspec.Struct, frozen=True):
    """A tracked file of FILE checks."""

    path: str


class SyncPlan(msgspec.Struct, frozen=True):
    """Connection synchronisation: master while this node has `vip`, backup otherwise; without it, both."""

    daemon: SyncDaemon
    vip: str | None


class TimeoutsPlan(msgspec.Struct, frozen=True):
    """None: as it is found."""

    tcp_s: int | None = None
    tcp_fin_s: int | None = None
    udp_s: int | None = None


class ScriptRules(msgspec.Struct, frozen=True):
    """What MISC checks need of `[scripts]`."""

    user: str | None = None
    group: str | None = None
    enable_script_security: bool = False
    set_supplementary_groups: bool = False


class BalancingPlan(msgspec.Struct, frozen=True):
    """All that a director does."""

    services: tuple[ServicePlan, ...] = ()
    timeouts: TimeoutsPlan = TimeoutsPlan()
    sync: SyncPlan | None = None
    flush: bool = False
    keep_on_stop: bool = False
    scripts: ScriptRules = ScriptRules()
    track_files: Mapping[str, WatchedFile] = {}

    @property
    def empty(self) -> bool:
        """Whether no director is needed."""
        return not self.services and self.sync is None and self.timeouts == TimeoutsPlan() and not self.flush


class CheckOutcome(msgspec.Struct, frozen=True):
    """What one run of one check found. `weight`: what the server's weight is to be, if the check says it.

    `changes_weight_by`: what FILE adds to the configured weight. `part`: with `ok`, one of several things
    was well (one page of HTTP_GET) and the next turn asks for the next.
    """

    ok: bool
    detail: str = ""  # why not, for people; of a success, what was found
    weight: int | None = None
    changes_weight_by: int = 0
    part: bool = False


class Standing(enum.Enum):
    """What a check says of its real server. Unknown: it has not decided yet, and never means "down"."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


class CheckKey(NamedTuple):
    """One check of one real server of one virtual server, by their names; `check` is the plan's `label`."""

    virtual_server: str
    real_server: str
    check: str


class CheckState(msgspec.Struct, frozen=True):
    """What counts of one check now. `weight` and `changes_weight_by` are the last that it said."""

    standing: Standing = Standing.UNKNOWN
    detail: str = ""
    weight: int | None = None
    changes_weight_by: int = 0
