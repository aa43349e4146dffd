"""Random keepalived.conf files over the vocabulary of VRRP that keepalived itself accepts.

Rules of this file: each word with values that clash and values that do not; what is drawn is text alone, so
that nothing of the translation is used to judge it. Interfaces are `eth0` and `eth1`. A number names a file.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

INTERFACE, OTHER_INTERFACE = "eth0", "eth1"
COMMENTS = ("since 2009", "do not touch", "the old one", "a check", "the end")

# So that there is something to be an agent for.
VIP = """
vrrp_instance VI {
    interface eth0
    virtual_router_id 51
    virtual_ipaddress {
        192.0.2.1
    }
}
"""

_WEIGHTS = ("", " weight -5", " weight 7", " weight 0", " weight 3 reverse", " weight -253")
# Of each line at most one of the words.
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
    ("nftables", "vrrp_iptables"),
)
_INSTANCE = (
    ("state MASTER", "state BACKUP"),
    tuple(f"priority {priority}" for priority in (1, 50, 99, 100, 150, 254, 255)),
    tuple(f"advert_int {interval}" for interval in (1, 2, 0.7, 1.5, 2.5, 0.333, 40, 3.004)),
    ("nopreempt", "preempt"),
    ("preempt_delay 4", "preempt_delay 2.5"),
    ("strict_mode off", "strict_mode on"),
    ("no_accept", "accept"),
    ("garp_master_delay 0", "garp_master_delay 1", "garp_master_delay 10"),
    ("garp_master_repeat 1", "garp_master_repeat 4"),
    ("garp_master_refresh 60",),
    ("garp_lower_prio_repeat 2",),
    ("down_timer_adverts 5",),
    ("lower_prio_no_advert", "lower_prio_no_advert off"),
    ("promote_secondaries",),
    ("dont_track_primary",),
    ("notify_priority_changes on",),
    ("smtp_alert on", "smtp_alert off"),
    ("notify_master \"/bin/true master 'a b'\" root",),
    ("notify /bin/true",),
)
_DEFINITIONS = """\
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


def file_of(number: int, *, instances: int = 4, options: bool = True) -> str:
    """One file with instances of both families, and perhaps a sync group; `options`: of addresses."""
    chance = random.Random(number)
    words = _some_of(chance, _GLOBALS)
    if chance.random() < 0.5:
        words += _block("notification_email", ["ops@example.com", "root@localhost  # the old one"])
    written = ["! Configuration File for keepalived", "global_defs {", *words, "}", _DEFINITIONS]
    names = range(1, instances + 1)
    written += [_instance(chance, name, six=chance.random() < 0.3, options=options) for name in names]
    members = chance.sample(names, k=min(instances, chance.choice([0, 0, 2, 3])))
    if members:
        lines = _block("group", [f"VI_{member}" for member in members])
        lines += _some_of(chance, (("sync_group_tracking_weight",), ('notify_backup "/bin/true group"',)))
        written.append("\n".join(["vrrp_sync_group VG {", *lines, "}"]))
    return "\n".join([*written, "# the end", ""])


def _some_of(chance: random.Random, words: Sequence[Sequence[str]]) -> list[str]:
    chosen = [chance.choice(line) for line in words if chance.random() < 0.3]
    return [f"    {line}{chance.choice(['', '', '  # since 2009', '  ! do not touch'])}" for line in chosen]


def _block(keyword: str, lines: Sequence[str]) -> list[str]:
    return [f"    {keyword} {{", *(f"        {line}" for line in lines), "    }"] if lines else []


def _tracks(chance: random.Random, keyword: str, names: Sequence[str]) -> list[str]:
    tracked = chance.sample(names, k=chance.randrange(len(names) + 1))
    return _block(keyword, [f"{name}{chance.choice(_WEIGHTS)}" for name in tracked])


def _instance(chance: random.Random, number: int, *, six: bool, options: bool) -> str:
    lines = [f"    interface {INTERFACE}", f"    virtual_router_id {number}", *_some_of(chance, _INSTANCE)]
    lines += _some_of(chance, (("version 3",) if six else ("version 2", "version 3"),))
    lines += _tracks(chance, "track_script", ("check", "shell"))
    lines += _tracks(chance, "track_interface", (INTERFACE, OTHER_INTERFACE))
    lines += _tracks(chance, "track_file", ("down",))
    lines += _block("virtual_ipaddress", _addresses(chance, number, six=six, options=options))
    if not six and chance.random() < 0.3:
        lines += _block("virtual_ipaddress_excluded", [f"10.7.0.{number}/32"])
    if not six and chance.random() < 0.3:
        lines += _block("authentication", ["auth_type PASS", f"auth_pass secret{number}"])
    if chance.random() < 0.3:
        peers = ["fe80::aaaa", "fe80::bbbb"] if six else ["10.0.0.77", "10.0.0.78 min_ttl 3"]
        lines += _block("unicast_peer", peers)
    return "\n".join([f"vrrp_instance VI_{number} {{", *lines, "}"])


def _addresses(chance: random.Random, number: int, *, six: bool, options: bool) -> list[str]:
    first = f"fe80::{number:x}" if six else f"10.9.0.{number}"
    second = f"fd00::{number:x}/64" if six else f"10.8.0.{number}/32"
    said = ["", f" dev {INTERFACE}", f" dev {OTHER_INTERFACE}"]
    if not six:
        said += [f" brd 10.9.0.255 dev {INTERFACE} label {INTERFACE}:{number}", " scope link"]
    length = chance.choice(["", "/64"] if six else ["", "/24", "/32"])
    addresses = [f"{first}{length}{chance.choice(said) if options else ''}"]
    return addresses + ([second] if chance.random() < 0.3 else [])
