"""Keywords of `virtual_server`, `real_server` and `virtual_server_group`.

Rules of this file: as in `instance.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from vrrp_compat.keepalived_conf.keywords.check_parameters import Port, WhichService
from vrrp_compat.keepalived_conf.keywords.checkers import CHECKERS, LONGEST_TIMEOUT_S
from vrrp_compat.keepalived_conf.keywords.parameters import (
    LARGEST_SIGNED,
    Address,
    Bool,
    Choice,
    Missing,
    Parameter,
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
    carried_out,
    no_meaning,
    program,
)

_SHORTEST_S = 0.000001
_MONTH_S = 31 * 24 * 3600
_SCHEDULERS = (
    "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "mh", "dh", "fo", "ovf", "sed", "nq", "twos",
)  # fmt: skip
_VIRTUAL = "virtual_server.NAME"
_REAL = "virtual_server.NAME.real_server.NAME"
_SORRY = "virtual_server.NAME.sorry_server"
_NO_SNMP = "There is no SNMP agent: metrics are served for Prometheus, see `metrics.listen`."

_METHOD: tuple[Parameter, ...] = (
    Choice(words=("NAT", "DR", "TUN")),
    Rest(called="[type ipip | gue port N | gre] [nocsum | csum | remcsum]"),
)


def _method(keyword: str, above: str, *old_names: OldName) -> Row:
    keys = ("lvs_method", "tunnel", "tunnel_port", "tunnel_checksum")
    ours = tuple(f"{above}.{key}" for key in keys)
    return carried_out(keyword, *_METHOD, ours=ours, old_names=old_names)


def _handed_down(above: str) -> Iterator[Row]:
    """A virtual server hands these down to its real servers, and they to their checks."""
    yield carried_out("delay_loop", Seconds(least=_SHORTEST_S), ours=f"{above}.delay_loop")
    yield carried_out(
        "connect_timeout",
        Seconds(least=_SHORTEST_S, most=LONGEST_TIMEOUT_S),
        ours=f"{above}.connect_timeout",
    )
    yield carried_out("retry", Whole(least=1), ours=f"{above}.retry")
    yield carried_out("delay_before_retry", Seconds(), ours=f"{above}.delay_before_retry")
    yield carried_out("warmup", Seconds(), ours=f"{above}.warmup")
    yield carried_out("smtp_alert", Bool(), ours=f"{above}.smtp_alert")
    yield carried_out(
        "virtualhost", Text(called="host", missing=Missing.LEFT_OUT), ours=f"{above}.virtualhost"
    )
    yield no_meaning("snmp_name", Text(called="name", missing=Missing.LEFT_OUT), why=_NO_SNMP)


REAL_SERVER: tuple[Row, ...] = (
    *_handed_down(_REAL),
    carried_out("weight", Whole(most=LARGEST_SIGNED), ours=f"{_REAL}.weight"),
    _method("lvs_method", _REAL),
    carried_out("notify_up", *program(), ours=f"{_REAL}.notify_up", first_counts=True),
    carried_out("notify_down", *program(), ours=f"{_REAL}.notify_down", first_counts=True),
    carried_out("uthreshold", Whole(), ours=f"{_REAL}.uthreshold"),
    carried_out("lthreshold", Whole(), ours=f"{_REAL}.lthreshold"),
    carried_out("inhibit_on_failure", Bool(), ours=f"{_REAL}.inhibit_on_failure"),
    carried_out("alpha", Bool(), ours=f"{_REAL}.alpha"),
    *CHECKERS,
)

_FLAGS = (
    carried_out("flag-1", ours=f"{_VIRTUAL}.sched_flags"),
    carried_out("flag-2", ours=f"{_VIRTUAL}.sched_flags"),
    carried_out("flag-3", ours=f"{_VIRTUAL}.sched_flags"),
    carried_out("sh-port", ours=f"{_VIRTUAL}.sched_flags", says="Below `lvs_sched sh` alone."),
    carried_out("sh-fallback", ours=f"{_VIRTUAL}.sched_flags", says="Below `lvs_sched sh` alone."),
    carried_out("mh-port", ours=f"{_VIRTUAL}.sched_flags", says="Below `lvs_sched mh` alone."),
    carried_out("mh-fallback", ours=f"{_VIRTUAL}.sched_flags", says="Below `lvs_sched mh` alone."),
    no_meaning("hashed", why="The kernel sets this mark itself, on every service."),
    carried_out("ops", ours=f"{_VIRTUAL}.ops", says="For UDP and firewall marks."),
)

_SCHEDULING = (
    carried_out(
        "lvs_sched",
        Choice(words=_SCHEDULERS),
        ours=f"{_VIRTUAL}.lvs_sched",
        says="Without it wlc.",
        old_names=(OldName("lb_algo"),),
    ),
    _method("lvs_method", _VIRTUAL, OldName("lb_kind")),
    *_FLAGS,
    carried_out(
        "persistence_timeout",
        Whole(least=1, most=_MONTH_S, missing=Missing.FINE, default=360),
        ours=f"{_VIRTUAL}.persistence_timeout",
        says="0 is out of range; leave the line out.",
    ),
    carried_out(
        "persistence_granularity",
        Text(called="mask or prefix length"),
        ours=f"{_VIRTUAL}.persistence_granularity",
    ),
    carried_out("persistence_engine", Text(called="name", longest=15), ours=f"{_VIRTUAL}.persistence_engine"),
    carried_out(
        "protocol",
        Choice(words=("TCP", "UDP", "SCTP"), any_case=True),
        ours=f"{_VIRTUAL}.protocol",
        says="Without it keepalived takes UDP.",
    ),
    carried_out("ip_family", Choice(words=("inet", "inet6")), ours=f"{_VIRTUAL}.ip_family"),
    no_meaning(
        "nat_mask",
        Text(called="mask"),
        why="IPVS has no such mask: remove the line.",
        gone=True,
    ),
)

_WHOLE_SERVICE = (
    carried_out("alpha", ours=f"{_VIRTUAL}.alpha"),
    carried_out("omega", ours=f"{_VIRTUAL}.omega"),
    carried_out("inhibit_on_failure", ours=f"{_VIRTUAL}.inhibit_on_failure"),
    carried_out("ha_suspend", ours=f"{_VIRTUAL}.ha_suspend"),
    carried_out("weight", Whole(least=1, most=LARGEST_SIGNED), ours=f"{_VIRTUAL}.weight"),
    carried_out("quorum", Whole(least=1, instead=1), ours=f"{_VIRTUAL}.quorum"),
    carried_out("hysteresis", Whole(), ours=f"{_VIRTUAL}.hysteresis"),
    carried_out("quorum_up", *program(), ours=f"{_VIRTUAL}.quorum_up", first_counts=True),
    carried_out("quorum_down", *program(), ours=f"{_VIRTUAL}.quorum_down", first_counts=True),
    carried_out("sorry_server", Address(), Port(), ours=(f"{_SORRY}.address", f"{_SORRY}.port")),
    carried_out("sorry_server_inhibit", ours=f"{_SORRY}.inhibit", says="Below `sorry_server` alone."),
    _method("sorry_server_lvs_method", _SORRY),
)

VIRTUAL_SERVER: tuple[Row, ...] = (
    *_handed_down(_VIRTUAL),
    *_SCHEDULING,
    *_WHOLE_SERVICE,
    carried_out("real_server", Address(), Port(), ours=_REAL, layout=Layout(REAL_SERVER)),
)

SERVICES: tuple[Row, ...] = (
    carried_out(
        "virtual_server",
        WhichService(),
        Rest(called="[port, mark or name]"),
        ours=_VIRTUAL,
        layout=Layout(VIRTUAL_SERVER),
    ),
    carried_out(
        "virtual_server_group",
        Text(called="name"),
        ours=("virtual_server_group.NAME.addresses", "virtual_server_group.NAME.fwmarks"),
        layout=Layout(listing=Listing.SERVICES),
    ),
    carried_out(
        "SSL",
        ours="ssl",
        layout=Layout(
            (
                carried_out(
                    "password", Text(called="password", missing=Missing.LEFT_OUT), ours="ssl.password"
                ),
                carried_out("ca", Text(called="path", missing=Missing.LEFT_OUT), ours="ssl.ca"),
                carried_out(
                    "certificate", Text(called="path", missing=Missing.LEFT_OUT), ours="ssl.certificate"
                ),
                carried_out("key", Text(called="path", missing=Missing.LEFT_OUT), ours="ssl.key"),
            )
        ),
    ),
)
