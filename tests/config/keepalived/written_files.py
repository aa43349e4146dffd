"""Random keepalived.conf files over the vocabulary of VRRP that keepalived itself accepts.

Rules of this file: each word with values that clash and values that do not; what is drawn is text alone, so
that nothing of the translation is used to judge it. Interfaces are `eth0` and `eth1`.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

INTERFACE, OTHER_INTERFACE = "eth0", "eth1"
COMMENTS = st.sampled_from(["", "", "", "  # since 2009", "  ! do not touch"])


def _line(words: str) -> st.SearchStrategy[str]:
    return COMMENTS.map(lambda comment: f"    {words}{comment}")


def _maybe(*choices: str) -> st.SearchStrategy[list[str]]:
    """One of the lines, or none."""
    return st.one_of(st.just([]), *(_line(words).map(lambda line: [line]) for words in choices))


def _block(keyword: str, lines: Sequence[str]) -> list[str]:
    inside = [f"        {line}" for line in lines]
    return [f"    {keyword} {{", *inside, "    }"] if lines else []


def _tracks(keyword: str, names: Sequence[str], weights: Sequence[str]) -> st.SearchStrategy[list[str]]:
    lines = st.lists(st.sampled_from(names), unique=True, max_size=len(names)).flatmap(
        lambda chosen: st.tuples(
            *(st.sampled_from(weights).map(lambda end, name=name: f"{name}{end}") for name in chosen)  # type: ignore[misc]
        )
    )
    return lines.map(lambda written: _block(keyword, written))


_WEIGHTS = ("", " weight -5", " weight 7", " weight 0", " weight 3 reverse", " weight -253")
_GARP = (
    *(f"garp_master_delay {value}" for value in (0, 1, 10)),
    *(f"garp_master_repeat {value}" for value in (1, 4)),
)


@st.composite
def _instances(draw: st.DrawFn, number: int, *, six: bool) -> str:
    vip = f"fe80::{number:x}" if six else f"10.9.0.{number}"
    other = f"fd00::{number:x}" if six else f"10.8.0.{number}"
    lengths = ("", "/64") if six else ("", "/24", "/32")
    options = ("", f" dev {INTERFACE}", f" dev {OTHER_INTERFACE}")
    if not six:
        options += (f" brd 10.9.0.255 dev {INTERFACE} label {INTERFACE}:{number}", " scope link")
    addresses = [f"{vip}{draw(st.sampled_from(lengths))}{draw(st.sampled_from(options))}"]
    addresses += draw(st.sampled_from([[], [f"{other}{lengths[-1]}"]]))
    peers = ("fe80::aaaa", "fe80::bbbb") if six else ("10.0.0.77", "10.0.0.78 min_ttl 3")
    lines = [
        *draw(_maybe("state MASTER", "state BACKUP")),
        f"    interface {INTERFACE}",
        f"    virtual_router_id {number}",
        *draw(_maybe(*(f"priority {priority}" for priority in (1, 50, 99, 100, 150, 254, 255)))),
        *draw(_maybe("version 3", *([] if six else ["version 2"]))),
        *draw(_maybe(*(f"advert_int {interval}" for interval in (1, 2, 0.7, 1.5, 2.5, 0.333, 40, 3.004)))),
        *draw(_maybe("nopreempt", "preempt")),
        *draw(_maybe("preempt_delay 4", "preempt_delay 2.5")),
        *draw(_maybe("strict_mode off", "strict_mode on")),
        *draw(_maybe("no_accept", "accept")),
        *draw(_maybe(*_GARP)),
        *draw(_maybe("garp_master_refresh 60")),
        *draw(_maybe("garp_lower_prio_repeat 2")),
        *draw(_maybe("down_timer_adverts 5")),
        *draw(_maybe("lower_prio_no_advert", "lower_prio_no_advert off")),
        *draw(_maybe("promote_secondaries")),
        *draw(_maybe("dont_track_primary")),
        *draw(_maybe("notify_priority_changes on", "smtp_alert on", "smtp_alert off")),
        *draw(_tracks("track_script", ("check", "shell"), _WEIGHTS)),
        *draw(_tracks("track_interface", (INTERFACE, OTHER_INTERFACE), _WEIGHTS)),
        *draw(_tracks("track_file", ("down",), _WEIGHTS)),
        *draw(_maybe("notify_master \"/bin/true master 'a b'\" root", "notify /bin/true")),
        *_block("virtual_ipaddress", addresses),
    ]
    if not six:
        lines += draw(st.sampled_from([[], _block("virtual_ipaddress_excluded", [f"10.7.0.{number}/32"])]))
        secret = ["auth_type PASS", f"auth_pass secret{number}"]
        lines += draw(st.sampled_from([[], _block("authentication", secret)]))
    lines += draw(st.sampled_from([[], _block("unicast_peer", peers)]))
    return "\n".join([f"vrrp_instance VI_{number} {{", *lines, "}"])


_GLOBALS = (
    ("router_id lb1",),
    ("vrrp_garp_master_delay 3", "vrrp_garp_master_delay 0"),
    ("vrrp_garp_master_repeat 2",),
    ("vrrp_garp_lower_prio_delay 4",),
    ("vrrp_version 3", "vrrp_version 2"),
    ("vrrp_strict",),
    ("vrrp_mcast_group4 224.0.45.1",),
    ("vrrp_down_timer_adverts 4",),
    ("vrrp_lower_prio_no_advert",),
    ("vrrp_notify_priority_changes",),
    ("smtp_server 127.0.0.1", "smtp_server 192.0.2.25 2525"),
    ("smtp_alert", "smtp_alert_vrrp off"),
    ("script_user nobody", "script_user root root"),
    ("vrrp_startup_delay 1.5",),
)

DEFINITIONS = """\
vrrp_script check {
    script "/bin/true 'a b' c"   # a check
    interval 2
    weight -20
    fall 3
    rise 2
    user root
}
vrrp_script shell {
    script "/bin/false && /bin/true"
    timeout 4
    weight 3 reverse
    init_fail
}
track_file down {
    file /tmp/down
    weight -2
    init_file 1
}
"""


@st.composite
def files(draw: st.DrawFn, *, instances: int = 4) -> str:
    """One file with some instances of both families, and perhaps a sync group."""
    words = [line for choices in _GLOBALS for line in draw(_maybe(*choices))]
    mails = _block("notification_email", ["ops@example.com", "root@localhost  # the old one"])
    words += draw(st.sampled_from([[], mails]))
    written = ["! Configuration File for keepalived", "global_defs {", *words, "}", DEFINITIONS]
    numbers = range(1, instances + 1)
    written += [
        draw(_instances(number, six=draw(st.sampled_from([False, False, True])))) for number in numbers
    ]
    members = draw(st.lists(st.sampled_from(numbers), unique=True, max_size=3))
    if len(members) > 1:
        lines = _block("group", [f"VI_{number}" for number in members])
        lines += draw(_maybe("sync_group_tracking_weight"))
        lines += draw(_maybe('notify_backup "/bin/true group"'))
        written.append("\n".join(["vrrp_sync_group VG {", *lines, "}"]))
    return "\n".join([*written, "# the end", ""])
