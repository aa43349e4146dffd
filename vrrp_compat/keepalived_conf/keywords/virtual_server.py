"""Keywords of `virtual_server`, `real_server` and `virtual_server_group`.

Rules of this file: as in `instance.py`.
"""

from __future__ import annotations

from vrrp_compat.keepalived_conf.keywords.checkers import CHECKERS, LONGEST_TIMEOUT_S
from vrrp_compat.keepalived_conf.keywords.parameters import (
    LARGEST_SIGNED,
    Bool,
    Choice,
    Missing,
    Parameter,
    Program,
    Rest,
    Seconds,
    Text,
    Whole,
)
from vrrp_compat.keepalived_conf.keywords.rows import (
    Layout,
    Listing,
    OldName,
    Row,
    coming,
)

_SHORTEST_S = 0.000001
_MONTH_S = 31 * 24 * 3600
_SCHEDULERS = (
    "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "mh", "dh", "fo", "ovf", "sed", "nq", "twos",
)  # fmt: skip

_METHOD: tuple[Parameter, ...] = (
    Choice(words=("NAT", "DR", "TUN")),
    Rest(called="[type ipip | gue port N | gre] [nocsum | csum | remcsum]"),
)

# A virtual server hands these down to its real servers, and they to their checks.
_HANDED_DOWN = (
    coming("delay_loop", Seconds(least=_SHORTEST_S)),
    coming("connect_timeout", Seconds(least=_SHORTEST_S, most=LONGEST_TIMEOUT_S)),
    coming("retry", Whole(least=1)),
    coming("delay_before_retry", Seconds()),
    coming("warmup", Seconds()),
    coming("smtp_alert", Bool()),
    coming("virtualhost", Text(called="host", missing=Missing.LEFT_OUT)),
    coming("snmp_name", Text(called="name", missing=Missing.LEFT_OUT)),
)

REAL_SERVER: tuple[Row, ...] = (
    *_HANDED_DOWN,
    coming("weight", Whole(most=LARGEST_SIGNED)),
    coming("lvs_method", *_METHOD),
    coming("notify_up", Program(), first_counts=True),
    coming("notify_down", Program(), first_counts=True),
    coming("uthreshold", Whole()),
    coming("lthreshold", Whole()),
    coming("inhibit_on_failure", Bool()),
    coming("alpha", Bool()),
    *CHECKERS,
)

_SCHEDULING = (
    coming("lvs_sched", Choice(words=_SCHEDULERS), old_names=(OldName("lb_algo"),)),
    coming("lvs_method", *_METHOD, old_names=(OldName("lb_kind"),)),
    coming("flag-1"),
    coming("flag-2"),
    coming("flag-3"),
    coming("sh-port", says="With `lvs_sched sh` alone."),
    coming("sh-fallback", says="With `lvs_sched sh` alone."),
    coming("mh-port", says="With `lvs_sched mh` alone."),
    coming("mh-fallback", says="With `lvs_sched mh` alone."),
    coming("hashed"),
    coming("ops"),
    coming(
        "persistence_timeout",
        Whole(least=1, most=_MONTH_S, missing=Missing.FINE, default=360),
        says="0 is out of range; leave the line out.",
    ),
    coming("persistence_granularity", Text(called="mask or prefix length")),
    coming("persistence_engine", Text(called="name")),
    coming(
        "protocol",
        Choice(words=("TCP", "UDP", "SCTP"), any_case=True),
        says="Without it keepalived takes UDP.",
    ),
    coming("ip_family", Choice(words=("inet", "inet6"))),
    coming(
        "nat_mask",
        Text(called="mask"),
        says="IPVS has no such mask: remove the line.",
        gone=True,
    ),
)

_WHOLE_SERVICE = (
    coming("alpha"),
    coming("omega"),
    coming("inhibit_on_failure"),
    coming("ha_suspend"),
    coming("weight", Whole(least=1, most=LARGEST_SIGNED)),
    coming("quorum", Whole(least=1, instead=1)),
    coming("hysteresis", Whole()),
    coming("quorum_up", Program(), first_counts=True),
    coming("quorum_down", Program(), first_counts=True),
    coming("sorry_server", Text(called="address"), Rest(called="[port]")),
    coming("sorry_server_inhibit"),
    coming("sorry_server_lvs_method", *_METHOD),
)

VIRTUAL_SERVER: tuple[Row, ...] = (
    *_HANDED_DOWN,
    *_SCHEDULING,
    *_WHOLE_SERVICE,
    coming(
        "real_server",
        Text(called="address"),
        Whole(most=65535, missing=Missing.FINE),
        layout=Layout(REAL_SERVER),
    ),
)

SERVICES: tuple[Row, ...] = (
    coming(
        "virtual_server",
        Text(called="address, `fwmark` or `group`"),
        Rest(called="[port, mark or name]"),
        layout=Layout(VIRTUAL_SERVER),
    ),
    coming(
        "virtual_server_group",
        Text(called="name"),
        layout=Layout(listing=Listing.WORDS),
    ),
    coming(
        "SSL",
        layout=Layout(
            (
                coming("password", Text(called="password")),
                coming("ca", Text(called="path")),
                coming("certificate", Text(called="path")),
                coming("key", Text(called="path")),
            )
        ),
    ),
)
