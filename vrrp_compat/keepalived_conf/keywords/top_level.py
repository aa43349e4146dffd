"""Keywords that stand outside of every block, and the whole table.

Rules of this file: as in `instance.py`.
"""

from __future__ import annotations

from vrrp_compat.keepalived_conf.keywords.bfd import BFD, WHY
from vrrp_compat.keepalived_conf.keywords.global_defs import GLOBAL_DEFS
from vrrp_compat.keepalived_conf.keywords.instance import INSTANCE
from vrrp_compat.keepalived_conf.keywords.parameters import Missing, Rest, Seconds, Text, Whole
from vrrp_compat.keepalived_conf.keywords.processes import PROCESSES
from vrrp_compat.keepalived_conf.keywords.rows import (
    Layout,
    Listing,
    OldName,
    Row,
    carried_out,
    no_meaning,
    refused,
)
from vrrp_compat.keepalived_conf.keywords.sync_group import SYNC_GROUP
from vrrp_compat.keepalived_conf.keywords.tracks import FILE, PROCESS, SCRIPT
from vrrp_compat.keepalived_conf.keywords.virtual_server import SERVICES

_NAMESPACE = "Start the agent inside of the namespace: `ip netns exec NAME vipkeeper agent`."
_LINKS = "The kernel says when a link changes; polling is for drivers of the last century."
_READING = "Done while the file is read."

_PROCESS = (
    refused("net_namespace", Text(called="name", missing=Missing.LEFT_OUT), why=_NAMESPACE),
    refused("net_namespace_ipvs", Rest(called="name"), why=_NAMESPACE),
    no_meaning("namespace_with_ipsets", why="Sets of addresses are not used."),
    no_meaning(
        "instance",
        Text(called="name", missing=Missing.LEFT_OUT),
        why="Two agents on a host differ by `run_dir`.",
    ),
    no_meaning("use_pid_dir", why="The agent's files are in `run_dir`."),
    no_meaning("child_wait_time", Whole(), why="The agent is one process, without children to wait for."),
    no_meaning("linkbeat_use_polling", why=_LINKS),
    no_meaning("linkbeat_interfaces", why=_LINKS, layout=Layout(listing=Listing.WORDS)),
    no_meaning(
        "interface_up_down_delays",
        why="A change of a link counts at once; let the bond or the switch damp one that flaps.",
        layout=Layout(listing=Listing.WORDS),
    ),
)

_READ_BEFORE = (
    *(
        carried_out(word, Rest(called="pattern"), ours=(), says=_READING)
        for word in ("include", "includer", "includem", "includew", "includeb", "includea")
    ),
)

_STATIC = (
    carried_out("static_ipaddress", ours="static_ipaddress", layout=Layout(listing=Listing.ADDRESSES)),
    carried_out("static_routes", ours="static_routes", layout=Layout(listing=Listing.ROUTES)),
    carried_out("static_rules", ours="static_rules", layout=Layout(listing=Listing.RULES)),
    no_meaning(
        "track_group",
        Text(called="name", missing=Missing.LEFT_OUT),
        why="Static addresses and routes are put back when somebody removes them; no instance fails by it.",
        layout=Layout(
            (
                no_meaning(
                    "group",
                    why="See `track_group`.",
                    layout=Layout(listing=Listing.NAMES),
                ),
            )
        ),
    ),
)

_GAP = Seconds(most=4294.967295)

_PACING = (
    carried_out(
        "garp_group",
        ours=("garp.interval", "garp.gna_interval"),
        says="The longest interval of all groups counts for all interfaces.",
        layout=Layout(
            (
                carried_out("garp_interval", _GAP, ours="garp.interval"),
                carried_out("gna_interval", _GAP, ours="garp.gna_interval"),
                no_meaning(
                    "interface",
                    Text(called="interface"),
                    why="One pace counts for all interfaces.",
                ),
                no_meaning(
                    "interfaces",
                    why="One pace counts for all interfaces.",
                    layout=Layout(listing=Listing.NAMES),
                ),
            )
        ),
    ),
)

_NAME = Text(called="name")

_BLOCKS = (
    carried_out(
        "global_defs",
        ours=("mail", "scripts", "garp"),
        layout=Layout((*GLOBAL_DEFS, *PROCESSES)),
    ),
    carried_out(
        "vrrp_script",
        _NAME,
        ours="track_script.NAME",
        says="It stands before the instances and groups that track it.",
        layout=Layout(SCRIPT),
    ),
    carried_out(
        "track_file",
        _NAME,
        ours="track_file.NAME",
        says="It stands before the instances and groups that track it.",
        layout=Layout(FILE),
        old_names=(OldName("vrrp_track_file"),),
    ),
    carried_out(
        "vrrp_track_process",
        _NAME,
        ours="track_process.NAME",
        says="It stands before the instances and groups that track it.",
        layout=Layout(PROCESS),
    ),
    refused("bfd_instance", _NAME, why=WHY, layout=Layout(BFD)),
    carried_out(
        "vrrp_instance",
        Text(called="name", missing=Missing.LEFT_OUT),
        ours="vip.NAME",
        layout=Layout(INSTANCE),
    ),
    carried_out(
        "vrrp_sync_group",
        Text(called="name", missing=Missing.LEFT_OUT),
        ours="sync_group.NAME",
        layout=Layout(SYNC_GROUP),
    ),
)

TOP_LEVEL: tuple[Row, ...] = (*_READ_BEFORE, *_BLOCKS, *_STATIC, *_PACING, *_PROCESS, *SERVICES)

TABLE = Layout(TOP_LEVEL)
