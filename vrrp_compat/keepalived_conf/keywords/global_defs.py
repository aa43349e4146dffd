"""Keywords of `global_defs` about VRRP, mail, scripts and the firewall.

Rules of this file: as in `instance.py`. How keepalived's own processes run is in `processes.py`.
"""

from __future__ import annotations

from vrrp_compat.keepalived_conf.keywords.parameters import (
    LARGEST_SIGNED,
    Address,
    Bool,
    Choice,
    Missing,
    Rest,
    Seconds,
    Text,
    Whole,
    WholeOr,
)
from vrrp_compat.keepalived_conf.keywords.rows import (
    NEWER,
    Layout,
    Listing,
    OldName,
    Reply,
    Row,
    carried_out,
    no_meaning,
    program,
)

_SHORTEST_GAP_S = 0.000001
_LONGEST_GAP_S = 4294.967295

_MAIL = (
    carried_out(
        "router_id",
        Text(called="name", missing=Missing.LEFT_OUT),
        ours="mail.router_id",
        says="What mails call this node.",
        old_names=(OldName("lvs_id", Reply.UNKNOWN),),
    ),
    carried_out(
        "notification_email",
        ours="mail.notification_email",
        layout=Layout(listing=Listing.NAMES),
    ),
    carried_out(
        "notification_email_from",
        Text(called="address", missing=Missing.LEFT_OUT),
        ours="mail.notification_email_from",
    ),
    carried_out(
        "smtp_server",
        Text(called="host"),
        Whole(least=1, most=65535, missing=Missing.FINE, default=25),
        ours="mail.smtp_server",
    ),
    carried_out("smtp_helo_name", Text(called="name", missing=Missing.FINE), ours="mail.smtp_helo_name"),
    carried_out("smtp_connect_timeout", Whole(most=4294, zero_means=1), ours="mail.smtp_connect_timeout"),
    carried_out("smtp_alert", Bool(), ours=("mail.smtp_alert", "mail.smtp_alert_checker")),
    carried_out("smtp_alert_vrrp", Bool(), ours="mail.smtp_alert"),
    carried_out("smtp_alert_checker", Bool(), ours="mail.smtp_alert_checker"),
    carried_out("no_email_faults", ours="mail.email_faults"),
    no_meaning(
        "no_checker_emails",
        Bool(),
        why="It is always so: a mail tells what changed for a real server, and not each check.",
    ),
    carried_out("checker_log_all_failures", Bool(), ours="ipvs.log_all_failures"),
)

_GAP = Seconds(
    least=_SHORTEST_GAP_S,
    most=_LONGEST_GAP_S,
    advice="remove the line, which counts for nothing: without it there is no gap",
)

_ANNOUNCING = (
    carried_out("vrrp_garp_master_delay", Whole(), ours="garp.master_delay"),
    carried_out("vrrp_garp_master_repeat", Whole(zero_means=1), ours="garp.master_repeat"),
    carried_out("vrrp_garp_master_refresh", Whole(), ours="garp.master_refresh"),
    carried_out("vrrp_garp_master_refresh_repeat", Whole(zero_means=1), ours="garp.master_refresh_repeat"),
    carried_out("vrrp_garp_lower_prio_delay", Whole(), ours="garp.lower_prio_delay"),
    carried_out("vrrp_garp_lower_prio_repeat", Whole(), ours="garp.lower_prio_repeat"),
    carried_out(
        "vrrp_garp_interval",
        _GAP,
        ours="garp.interval",
        says="The 0 of old templates is out of range; without the line there is no gap either.",
    ),
    carried_out(
        "vrrp_gna_interval",
        _GAP,
        ours="garp.gna_interval",
        says="The 0 of old templates is out of range; without the line there is no gap either.",
    ),
    carried_out(
        "vrrp_min_garp",
        Bool(),
        ours=("garp.master_repeat", "garp.master_delay"),
        says="One announcement, and no second burst.",
    ),
    no_meaning(
        "vrrp_garp_extra_if",
        WholeOr(least=1, most=86400, words=("all",), many=True, missing=Missing.LEFT_OUT),
        why="Every address is announced again on its own interface: `vrrp_garp_master_refresh`.",
        old_names=(OldName("vrrp_vmac_garp_intvl", Reply.DEPRECATED),),
    ),
)

_VRRP = (
    carried_out(
        "vrrp_mcast_group4", Address(version=4, multicast=True), ours="vip.NAME.vrrp.multicast_group"
    ),
    carried_out(
        "vrrp_mcast_group6",
        Address(version=6, multicast=True, link_scope=True),
        ours="vip.NAME.vrrp.multicast_group",
    ),
    carried_out("vrrp_version", Whole(least=2, most=3), ours="vip.NAME.vrrp.version"),
    carried_out("vrrp_down_timer_adverts", Whole(least=1, most=100), ours="vip.NAME.vrrp.down_timer_adverts"),
    carried_out("vrrp_lower_prio_no_advert", Bool(), ours="vip.NAME.vrrp.lower_prio_no_advert"),
    no_meaning(
        "vrrp_higher_prio_send_advert",
        Bool(),
        why="A master that yields has removed its addresses before it could speak once more.",
    ),
    carried_out("v3_checksum_as_v2", Bool(), ours="vip.NAME.vrrp.checksum", since=NEWER),
    carried_out(
        "vrrp_check_unicast_src",
        ours="vip.NAME.vrrp.allowed_sources",
        says="Always so: with `unicast_peer` only the peers are listened to.",
    ),
    carried_out("vrrp_skip_check_adv_addr", ours="vip.NAME.vrrp.address_mismatch"),
    carried_out(
        "vrrp_strict",
        ours="vip.NAME.vrrp.strict",
        says="It never blocks traffic to the addresses; keepalived's does.",
    ),
    carried_out("vrrp_owner_ignore_adverts", Bool(), ours="vip.NAME.vrrp.owner_ignore_adverts", since=NEWER),
    carried_out("vrrp_notify_priority_changes", Bool(), ours="scripts.priority_changes"),
    carried_out("vrrp_startup_delay", Seconds(least=0.001, most=_LONGEST_GAP_S), ours="startup_delay"),
    no_meaning(
        "vrrp_delay_after_boot",
        Seconds(least=0.001, most=_LONGEST_GAP_S),
        why="`startup_delay` counts from the start of the agent; order the unit after what it needs.",
        since="2.4",
    ),
    no_meaning("log_unknown_vrids", why="`vipkeeper sniff` shows every router of the segment."),
    no_meaning(
        "dynamic_interfaces",
        Choice(words=("allow_if_changes",), missing=Missing.FINE),
        why="It is always so: an interface that is not there yet is waited for.",
    ),
    carried_out(
        "default_interface",
        Text(called="interface", missing=Missing.LEFT_OUT),
        ours="static_ipaddress",
        says="The interface of static addresses that name none.",
    ),
    no_meaning(
        "vmac_prefix", Text(called="prefix"), why="`use_vmac NAME` names one interface.", first_counts=True
    ),
    no_meaning(
        "vmac_addr_prefix",
        Text(called="prefix"),
        why="`use_vmac NAME` names one interface.",
        first_counts=True,
    ),
)

_FIREWALL_WHY = "The agent keeps a table of its own in nf_tables where it needs one."
_NO_MARKS = "Each address of a virtual_server_group is a service of its own, without marks."
_PRIORITY = Whole(least=-LARGEST_SIGNED - 1, most=LARGEST_SIGNED)

_FIREWALL = (
    no_meaning("nftables", Rest(called="[table]"), why=_FIREWALL_WHY, first_counts=True),
    no_meaning("nftables_priority", _PRIORITY, why=_FIREWALL_WHY),
    no_meaning("nftables_counters", why=_FIREWALL_WHY),
    no_meaning("nftables_ifindex", why=_FIREWALL_WHY),
    no_meaning("vrrp_iptables", Rest(called="[chain] [chain]"), why=_FIREWALL_WHY, reported=True),
    no_meaning(
        "vrrp_ipsets",
        Rest(called="[set ...]"),
        why=_FIREWALL_WHY,
        since="a build with iptables",
    ),
    no_meaning("disable_local_igmp", why="Group reports leave with the virtual MAC address as they should."),
    no_meaning("nftables_ipvs", Rest(called="[table]"), why=_NO_MARKS, first_counts=True),
    no_meaning("nftables_ipvs_priority", _PRIORITY, why=_NO_MARKS),
    no_meaning("nftables_ipvs_start_fwmark", Whole(least=1), why=_NO_MARKS),
)

_IPVS = (
    carried_out(
        "lvs_sync_daemon",
        Rest(called="interface [inst] [instance] [options]", missing=Missing.LEFT_OUT),
        ours=tuple(
            f"ipvs.sync_daemon.{key}"
            for key in ("interface", "vip", "syncid", "maxlen", "port", "ttl", "group")
        ),
        first_counts=True,
    ),
    carried_out(
        "lvs_timeouts",
        Rest(called="[tcp N] [tcpfin N] [udp N]", missing=Missing.LEFT_OUT),
        ours=("ipvs.timeouts.tcp", "ipvs.timeouts.tcpfin", "ipvs.timeouts.udp"),
    ),
    carried_out("lvs_flush", ours="ipvs.flush"),
    no_meaning(
        "lvs_flush_on_stop",
        Choice(words=("VS",), missing=Missing.FINE),
        why="What is ours goes at the stop, in one step for each virtual server; what is not ours stays.",
        old_names=(OldName("lvs_flush_onstop"),),
    ),
    carried_out("rs_init_notifies", Bool(), ours="ipvs.init_notifies"),
)

_SCRIPTS = (
    carried_out(
        "script_user",
        Text(called="user", missing=Missing.LEFT_OUT),
        Text(called="[group]", missing=Missing.FINE),
        ours=("scripts.user", "scripts.group"),
    ),
    carried_out(
        "enable_script_security",
        ours="scripts.enable_script_security",
        says="On by being there: keepalived does not look at a word behind it, not even at `0`.",
    ),
    no_meaning(
        "use_symlink_paths",
        Bool(),
        why="A path is checked as it is written and as it is resolved, both.",
        since=NEWER,
    ),
    carried_out("set_supplementary_groups", Bool(), ours="scripts.set_supplementary_groups", since=NEWER),
    carried_out("startup_script", *program(Missing.LEFT_OUT), ours="scripts.startup", first_counts=True),
    carried_out(
        "startup_script_timeout",
        Whole(least=1, most=1000, missing=Missing.LEFT_OUT),
        ours="scripts.startup_timeout",
    ),
    carried_out("shutdown_script", *program(Missing.LEFT_OUT), ours="scripts.shutdown", first_counts=True),
    carried_out(
        "shutdown_script_timeout",
        Whole(least=1, most=1000, missing=Missing.LEFT_OUT),
        ours="scripts.shutdown_timeout",
    ),
)


_FIFO = (
    Text(called="path", missing=Missing.LEFT_OUT),
    Text(called="[user]", missing=Missing.FINE),
    Text(called="[group]", missing=Missing.FINE),
)

_FIFOS = (
    carried_out("notify_fifo", *_FIFO, ours=("scripts.fifo", "ipvs.fifo"), first_counts=True),
    carried_out(
        "notify_fifo_script",
        *program(Missing.LEFT_OUT),
        ours="scripts.fifo_script",
        first_counts=True,
    ),
    carried_out("vrrp_notify_fifo", *_FIFO, ours="scripts.fifo", first_counts=True),
    carried_out(
        "vrrp_notify_fifo_script",
        *program(Missing.LEFT_OUT),
        ours="scripts.fifo_script",
        first_counts=True,
    ),
    carried_out("lvs_notify_fifo", *_FIFO, ours="ipvs.fifo", first_counts=True),
    carried_out(
        "lvs_notify_fifo_script",
        *program(Missing.LEFT_OUT),
        ours="ipvs.fifo_script",
        first_counts=True,
    ),
    carried_out("fifo_write_vrrp_states_on_reload", ours="scripts.fifo_states_on_reload"),
)

GLOBAL_DEFS: tuple[Row, ...] = (*_MAIL, *_ANNOUNCING, *_VRRP, *_FIREWALL, *_IPVS, *_SCRIPTS, *_FIFOS)
