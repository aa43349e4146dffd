"""Keywords of `global_defs` about keepalived's own processes, their names, memory, and what watches them.

Rules of this file: as in `instance.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from vrrp_compat.keepalived_conf.keywords.parameters import (
    Bool,
    Choice,
    Missing,
    Rest,
    Text,
    Whole,
    WholeOr,
)
from vrrp_compat.keepalived_conf.keywords.rows import (
    NEWER,
    OldName,
    Row,
    carried_out,
    no_meaning,
)

_ONE_PROCESS = "The agent is one process; nice, memory and processors are set in its systemd unit."
_LATE = "A late agent makes no second owner: its addresses end by the kernel's clock."
_NAMES = "The agent is one process, and `ps` shows it as vipkeeper."
_SNMP = "There is no SNMP agent: metrics are served for Prometheus, see `metrics.listen`."
_DBUS = "There is no D-Bus service: `vipkeeper ls --json` and the metrics say what it says."
_BUFFERS = "Socket buffers are set for thousands of addresses, and an overrun is noticed and read again."
_NICE = Whole(least=-20, most=19, missing=Missing.LEFT_OUT)


def _scheduling(process: str) -> Iterator[Row]:
    """What keepalived has once for each of its processes."""
    yield no_meaning(f"{process}_priority", _NICE, why=_ONE_PROCESS)
    yield no_meaning(f"{process}_no_swap", why=_ONE_PROCESS)
    yield no_meaning(
        f"{process}_rt_priority", Whole(least=1, most=99, nearest=True, missing=Missing.LEFT_OUT), why=_LATE
    )
    yield no_meaning(
        f"{process}_cpu_affinity",
        Whole(most=1023, many=True, missing=Missing.LEFT_OUT),
        why=_ONE_PROCESS,
    )
    yield no_meaning(
        f"{process}_rlimit_rttime",
        Whole(least=1),
        why=_ONE_PROCESS,
        old_names=(OldName(f"{process}_rlimit_rtime"),),
    )


def _buffers(socket: str) -> Iterator[Row]:
    """The two words for the buffer of one of its sockets."""
    yield no_meaning(f"{socket}_rcv_bufs", Whole(missing=Missing.LEFT_OUT), why=_BUFFERS)
    yield no_meaning(f"{socket}_rcv_bufs_force", Bool(), why=_BUFFERS)


_SCHEDULING = (
    no_meaning("max_auto_priority", Whole(least=-1, most=99, missing=Missing.FINE), why=_LATE),
    no_meaning(
        "min_auto_priority_delay", Whole(least=1, most=10_000_000, missing=Missing.LEFT_OUT), why=_LATE
    ),
    *_scheduling("vrrp"),
    *_scheduling("checker"),
    *_scheduling("bfd"),
    no_meaning("process_names", why=_NAMES),
    no_meaning("process_name", Text(called="name"), why=_NAMES),
    no_meaning("vrrp_process_name", Text(called="name"), why=_NAMES),
    no_meaning(
        "checker_process_name", Text(called="name"), why=_NAMES, old_names=(OldName("lvs_process_name"),)
    ),
    no_meaning("bfd_process_name", Text(called="name"), why=_NAMES),
)

_WATCHING = (
    no_meaning("snmp_socket", Text(called="socket", missing=Missing.LEFT_OUT), why=_SNMP, first_counts=True),
    no_meaning("enable_traps", why=_SNMP),
    no_meaning("enable_snmp_vrrp", why=_SNMP, old_names=(OldName("enable_snmp_keepalived"),)),
    no_meaning("enable_snmp_checker", why=_SNMP),
    no_meaning("enable_snmp_rfc", why=_SNMP),
    no_meaning("enable_snmp_rfcv2", why=_SNMP),
    no_meaning("enable_snmp_rfcv3", why=_SNMP),
    no_meaning("snmp_vs_stats_update_interval", Rest(called="seconds"), why=_SNMP, since=NEWER),
    no_meaning("snmp_rs_stats_update_interval", Rest(called="seconds"), why=_SNMP, since=NEWER),
    no_meaning("enable_dbus", why=_DBUS),
    no_meaning("dbus_service_name", Text(called="name", missing=Missing.LEFT_OUT), why=_DBUS),
    no_meaning("dbus_no_interface_name", Text(called="name"), why=_DBUS, since=NEWER),
)

_SOCKETS = (
    *_buffers("vrrp_netlink_cmd"),
    *_buffers("vrrp_netlink_monitor"),
    *_buffers("lvs_netlink_cmd"),
    *_buffers("lvs_netlink_monitor"),
    *_buffers("process_monitor"),
    no_meaning(
        "vrrp_rx_bufs_policy",
        WholeOr(words=("MTU", "ADVERT"), missing=Missing.LEFT_OUT),
        why=_BUFFERS,
    ),
    no_meaning("vrrp_rx_bufs_multiplier", Whole(least=1, missing=Missing.LEFT_OUT), why=_BUFFERS),
)

_FILES_WHY = "The agent's files are in `run_dir`; `vipkeeper ls --json` says what the dumps say."

_FILES = (
    carried_out(
        "include_check",
        Rest(called="[+-]`readable` `match` `wildcard_match` `brace_match`"),
        ours=(),
        says="Done while the file is read.",
    ),
    no_meaning("umask", Text(called="mask"), why="The agent writes to `run_dir` alone, which is its own."),
    no_meaning(
        "random_seed",
        Whole(),
        why="Nothing here is drawn from it but `${_RANDOM}`, which is different at each reading.",
    ),
    no_meaning(
        "tmp_config_directory",
        Text(called="directory", missing=Missing.LEFT_OUT),
        why="The file is read once, by one process.",
    ),
    no_meaning("config_save_dir", Text(called="directory"), why="Keep the file under version control."),
    no_meaning("data_use_instance", Bool(), why=_FILES_WHY),
    no_meaning(
        "iproute_usr_dir",
        Text(called="directory"),
        why="Names of tables are read where ip reads them.",
        since=NEWER,
    ),
    no_meaning(
        "iproute_etc_dir",
        Text(called="directory"),
        why="Names of tables are read where ip reads them.",
        since=NEWER,
    ),
    no_meaning("state_dump_file", Text(called="path"), why=_FILES_WHY, since=NEWER),
    no_meaning("stats_dump_file", Text(called="path"), why=_FILES_WHY, since=NEWER),
    no_meaning("json_dump_file", Text(called="path"), why=_FILES_WHY, since=NEWER),
    no_meaning("json_version", Choice(words=("1", "2")), why=_FILES_WHY, since=NEWER),
    no_meaning(
        "reload_check_config",
        Rest(called="[log file]"),
        why="It is always so: a file with mistakes is refused at a reload, and the agent goes on.",
    ),
    no_meaning(
        "reload_time_file",
        Text(called="path", missing=Missing.LEFT_OUT),
        why="Nothing reloads by a clock here: let a systemd timer send SIGHUP.",
    ),
    no_meaning("reload_repeat", why="Nothing reloads by a clock here: let a systemd timer send SIGHUP."),
    no_meaning(
        "reload_file", Rest(called="[path]"), why="A reload reads everything before it changes anything."
    ),
)

PROCESSES: tuple[Row, ...] = (*_SCHEDULING, *_WATCHING, *_SOCKETS, *_FILES)
