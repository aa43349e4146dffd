"""Keywords of `vrrp_instance`.

Rules of this file: rows in the order of the reference, with the ranges that keepalived 2.2.7 itself names.
"""

from __future__ import annotations

from vrrp_compat.keepalived_conf.keywords.parameters import (
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
    refused,
)

_NO_IPVLAN = "Only macvlan interfaces are made here: `use_vmac`."

_AUTHENTICATION = Layout(
    (
        carried_out(
            "auth_type",
            Choice(words=("PASS", "AH")),
            ours="vip.NAME.vrrp.auth_type",
            says="Version 2 alone; keepalived leaves authentication out with version 3 and with strict mode.",
        ),
        carried_out(
            "auth_pass",
            Text(called="password", longest=8),
            ours="vip.NAME.vrrp.auth_pass",
            says="A `!` or `#` begins a comment, unless in double quotes.",
        ),
    )
)

_AUTH_HMAC = Layout(
    (
        refused("key", Text(called="id"), Text(called="secret"), why="See `auth_hmac`.", since="2.4"),
        refused("active_key", Text(called="id"), why="See `auth_hmac`.", since="2.4"),
        refused("anti_replay", Choice(words=("time", "monotonic")), why="See `auth_hmac`.", since="2.4"),
        refused("time_window", Whole(least=1, most=300), why="See `auth_hmac`.", since="2.4"),
        refused(
            "mode",
            Choice(words=("enforce", "permissive", "receive-only")),
            why="See `auth_hmac`.",
            since="2.4",
        ),
    )
)

_BASICS = (
    carried_out(
        "state",
        Choice(words=("MASTER", "BACKUP"), instead="BACKUP"),
        ours=("vip.NAME.priority", "vip.NAME.preempt"),
        says="A wish for the start alone: nobody is master before its timer ends. It decides the priority "
        "that is not written (255 with MASTER, else 100), and MASTER clears `nopreempt` and `preempt_delay`.",
    ),
    carried_out("interface", Text(called="interface"), ours="vip.NAME.interface"),
    carried_out("virtual_router_id", Whole(least=1, most=255), ours="vip.NAME.vrrp.vrid"),
    carried_out("priority", Whole(least=1, most=255, instead=100), ours="vip.NAME.priority"),
    carried_out(
        "advert_int",
        Seconds(least=0.01, most=255.0),
        ours="vip.NAME.vrrp.advert_interval",
        says="Version 2 knows whole seconds alone, version 3 steps of 0.01 up to 40.95; the rest is rounded.",
    ),
    carried_out("version", Whole(least=2, most=3), ours="vip.NAME.vrrp.version"),
    carried_out(
        "virtual_ipaddress",
        ours=("vip.NAME.addresses", "vip.NAME.interface"),
        layout=Layout(listing=Listing.ADDRESSES),
    ),
    carried_out(
        "virtual_ipaddress_excluded",
        ours="vip.NAME.excluded_addresses",
        layout=Layout(listing=Listing.ADDRESSES),
    ),
    no_meaning(
        "no_virtual_ipaddress",
        why="An instance without addresses keeps nothing, so it is left out.",
        since=NEWER,
    ),
    carried_out("virtual_routes", ours="vip.NAME.virtual_routes", layout=Layout(listing=Listing.ROUTES)),
    carried_out("virtual_rules", ours="vip.NAME.virtual_rules", layout=Layout(listing=Listing.RULES)),
    carried_out("promote_secondaries", ours="vip.NAME.promote_secondaries"),
    carried_out("accept", ours="vip.NAME.vrrp.accept"),
    carried_out("no_accept", ours="vip.NAME.vrrp.accept"),
    carried_out("preempt", ours="vip.NAME.preempt"),
    carried_out("nopreempt", ours="vip.NAME.preempt", says="Cleared by `state MASTER` and by priority 255."),
    carried_out(
        "preempt_delay",
        Seconds(most=1000.0),
        ours="vip.NAME.preempt_delay",
        says="Cleared by `state MASTER`, `nopreempt` and strict mode.",
    ),
    carried_out("dont_track_primary", ours="vip.NAME.dont_track_primary"),
)

_UNICAST = (
    carried_out(
        "unicast_peer",
        ours="vip.NAME.vrrp.unicast_peers",
        says="`min_ttl` and `max_ttl` of a peer are not looked at.",
        layout=Layout(listing=Listing.PEERS),
    ),
    carried_out("unicast_src_ip", Address(), ours="vip.NAME.vrrp.source_address"),
    carried_out("mcast_src_ip", Address(), ours="vip.NAME.vrrp.source_address"),
    carried_out("mcast_dst_ip", Address(multicast=True), ours="vip.NAME.vrrp.multicast_group"),
    no_meaning(
        "track_src_ip",
        why="The source address is always watched: without it nothing can be sent, and the state is FAULT.",
    ),
    carried_out("unicast_ttl", Whole(most=255), ours="vip.NAME.vrrp.unicast_ttl"),
    no_meaning(
        "unicast_fault_no_peer",
        why="Without peers an instance speaks multicast, and `check` says so.",
    ),
    carried_out(
        "check_unicast_src",
        ours="vip.NAME.vrrp.allowed_sources",
        says="Always so: with `unicast_peer` only the peers are listened to.",
    ),
    refused(
        "auth_hmac",
        why="The trailer of keepalived 2.4 is not spoken here; use version 2 with `auth_type AH`, or a "
        "network that others cannot write to.",
        since="2.4",
        layout=_AUTH_HMAC,
    ),
    carried_out(
        "authentication",
        ours=("vip.NAME.vrrp.auth_type", "vip.NAME.vrrp.auth_pass"),
        layout=_AUTHENTICATION,
    ),
)

_GARP = (
    carried_out("garp_master_delay", Whole(), ours="vip.NAME.garp.master_delay"),
    carried_out("garp_master_repeat", Whole(zero_means=1), ours="vip.NAME.garp.master_repeat"),
    carried_out("garp_master_refresh", Whole(), ours="vip.NAME.garp.master_refresh"),
    carried_out(
        "garp_master_refresh_repeat", Whole(zero_means=1), ours="vip.NAME.garp.master_refresh_repeat"
    ),
    carried_out("garp_lower_prio_delay", Whole(), ours="vip.NAME.garp.lower_prio_delay"),
    carried_out("garp_lower_prio_repeat", Whole(), ours="vip.NAME.garp.lower_prio_repeat"),
    no_meaning(
        "garp_extra_if",
        WholeOr(words=("all",), many=True, missing=Missing.LEFT_OUT),
        why="Every address is announced again on its own interface: `garp_master_refresh`.",
        old_names=(OldName("vmac_garp_intvl", Reply.DEPRECATED),),
    ),
)

_PROTOCOL = (
    carried_out("down_timer_adverts", Whole(least=1, most=100), ours="vip.NAME.vrrp.down_timer_adverts"),
    no_meaning(
        "timer_expired_backup",
        Rest(called="[priority]"),
        why="A node that was not run in time has lost its addresses already: they end by the kernel's clock.",
        old_names=(OldName("thread_timer_expired"),),
        since=NEWER,
    ),
    carried_out("lower_prio_no_advert", Bool(), ours="vip.NAME.vrrp.lower_prio_no_advert"),
    no_meaning(
        "higher_prio_send_advert",
        Bool(),
        why="A master that yields has removed its addresses before it could speak once more.",
    ),
    carried_out("owner_ignore_adverts", Bool(), ours="vip.NAME.vrrp.owner_ignore_adverts", since=NEWER),
    carried_out("skip_check_adv_addr", Bool(), ours="vip.NAME.vrrp.address_mismatch"),
    carried_out(
        "strict_mode",
        Bool(),
        ours="vip.NAME.vrrp.strict",
        says="It never blocks traffic to the addresses; keepalived's does.",
    ),
    carried_out("v3_checksum_as_v2", Bool(), ours="vip.NAME.vrrp.checksum", since=NEWER),
    no_meaning(
        "old_unicast_checksum",
        Choice(words=("never",), missing=Missing.FINE),
        why="The checksum of keepalived before 1.3.6 is not sent; both usual ones are understood.",
    ),
    carried_out(
        "use_vmac",
        Rest(called="[interface] [MAC] [netlink_notify_msg]"),
        ours=("vip.NAME.vrrp.virtual_mac", "vip.NAME.vrrp.virtual_mac_name"),
        says="The MAC address is always that of the RFC.",
    ),
    no_meaning("use_vmac_addr", why="Addresses on other interfaces keep the MAC address of those."),
    no_meaning("vmac_xmit_base", why="Advertisements are sent from the interface below when it is needed."),
    refused("use_ipvlan", Rest(called="[interface] [address] [mode]"), why=_NO_IPVLAN),
    refused(
        "vrf",
        Text(called="interface"),
        why="VRRP is spoken on an interface alone: write `interface` with one that belongs to the VRF.",
    ),
    no_meaning("native_ipv6", why="It has done nothing for years: the addresses say which family is meant."),
    no_meaning(
        "linkbeat_use_polling",
        why="The kernel says when a link changes; polling is for drivers of the last century.",
        reported=True,
    ),
    carried_out(
        "lvs_sync_daemon_interface",
        Text(called="interface"),
        ours=("ipvs.sync_daemon.interface", "ipvs.sync_daemon.vip"),
        says="Write `lvs_sync_daemon` in global_defs instead.",
        first_counts=True,
        reported=True,
    ),
    no_meaning("debug", Whole(most=4), why="`log.level` says how much is logged."),
    no_meaning(
        "kernel_rx_buf_size",
        Whole(missing=Missing.LEFT_OUT),
        why="The kernel's default holds thousands of advertisements.",
    ),
)

_TRACKS = (
    carried_out(
        "track_interface", ours="vip.NAME.track_interface", layout=Layout(listing=Listing.INTERFACES)
    ),
    carried_out("track_script", ours="vip.NAME.track_script", layout=Layout(listing=Listing.SCRIPTS)),
    carried_out("track_file", ours="vip.NAME.track_file", layout=Layout(listing=Listing.FILES)),
    carried_out("track_process", ours="vip.NAME.track_process", layout=Layout(listing=Listing.PROCESSES)),
    refused(
        "track_bfd",
        why="BFD is not spoken here: let FRR or BIRD speak it and track what it says by a script.",
        layout=Layout(listing=Listing.BFDS),
    ),
)

NOTIFY_TEXT = "Runs in order, one after the other."

_NOTIFY = (
    *(
        carried_out(
            f"notify_{state}",
            *program(),
            ours=f"vip.NAME.notify.{state}",
            says=NOTIFY_TEXT,
            first_counts=True,
        )
        for state in ("master", "backup", "fault", "stop")
    ),
    carried_out(
        "notify_deleted",
        *program(Missing.FINE),
        ours="vip.NAME.notify.deleted",
        says=NOTIFY_TEXT,
        first_counts=True,
    ),
    carried_out("notify", *program(), ours="vip.NAME.notify.any", says=NOTIFY_TEXT, first_counts=True),
    carried_out(
        "notify_master_rx_lower_pri",
        *program(),
        ours="vip.NAME.notify.master_rx_lower_pri",
        says=NOTIFY_TEXT,
        first_counts=True,
    ),
    carried_out("notify_priority_changes", Bool(), ours="vip.NAME.notify.priority_changes"),
    carried_out("smtp_alert", Bool(), ours="vip.NAME.notify.smtp_alert"),
)

INSTANCE: tuple[Row, ...] = (*_BASICS, *_UNICAST, *_GARP, *_PROTOCOL, *_TRACKS, *_NOTIFY)
