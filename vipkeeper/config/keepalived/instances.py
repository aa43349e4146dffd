"""vrrp_instance: a VIP with its table of VRRP, so that either a store or VRRP may decide who has it.

Rules of this file: see `drafts.py`; with a store the table of VRRP stays, without what only an election by
VRRP could do.
"""

from __future__ import annotations

import msgspec

from vipkeeper.config.keepalived.addresses import address_items, route_items
from vipkeeper.config.keepalived.drafts import Draft
from vipkeeper.config.keepalived.notifications import put_notifications
from vipkeeper.config.keepalived.roles import OWNER_PRIORITY, Role, read_role
from vipkeeper.config.keepalived.settings_alike import (
    FLAGS_OF_VIP,
    NUMBERS_OF_VIP,
    put_flag,
    put_number,
    put_text,
)
from vipkeeper.config.keepalived.tracks import Definitions, put_track, put_tracks, read_tracks
from vipkeeper.config.keepalived.views import View
from vipkeeper.config.toml_positions import Path
from vrrp_compat.keepalived_conf.statements import Severity
from vrrp_compat.keepalived_conf.understood import Setting

_MULTICAST_GROUPS = {4: "224.0.0.18", 6: "ff02::12"}
_AUTH_TYPES = {"PASS": "pass", "AH": "ah"}


class Instance(msgspec.Struct, frozen=True):
    """One instance that was translated."""

    name: str  # in keepalived.conf
    vip: str  # here


class Surroundings(msgspec.Struct, frozen=True):
    """What an instance depends on beside its own block."""

    defaults: View | None  # global_defs
    known: Definitions
    by_store: bool


def put_instance(draft: Draft, view: View, vip: str, around: Surroundings) -> Instance | None:
    """Everything of one instance, under the name `vip`; None for one that keeps nothing."""
    if _keeps_nothing(draft, view, by_store=around.by_store):
        return None
    path: Path = ("vip", vip)
    draft.open_table(path, view.statement, f"vrrp_instance {view.name}")
    role = read_role(draft, view, around.defaults)
    _put_addresses(draft, path, view)
    put_text(draft, path, view, "interface")
    _put_role(draft, path, view, role)
    _put_alike(draft, path, view, around.defaults)
    _put_strictness(draft, path, role)
    _put_partners(draft, path, view, role, around.defaults)
    _put_address_check(draft, path, view, around.defaults)
    _put_authentication(draft, path, view, role)
    _put_acceptance(draft, path, view, role, by_store=around.by_store)
    _put_virtual_mac(draft, path, view)
    _put_checksum(draft, path, view, role, around.defaults)
    put_tracks(draft, path, view, around.known)
    _put_interfaces(draft, path, view)
    put_notifications(draft, path, view)
    return Instance(view.name, vip)


def _keeps_nothing(draft: Draft, view: View, *, by_store: bool) -> bool:
    """An instance without addresses is there for its scripts alone."""
    if view.lines("virtual_ipaddress"):
        return False
    if not view.lines("virtual_ipaddress_excluded"):
        reason = "it has no addresses, so there is nothing to keep"
        draft.remark(view.statement, Severity.WARNING, f"it is left out: {reason}", "add virtual_ipaddress")
        draft.leave_out(view.statement, reason)
        return True
    if not by_store:
        draft.remark(
            view.statement,
            Severity.FATAL,
            "all its addresses are excluded from advertisements, and those of vipkeeper name at least one",
            "move one of them to virtual_ipaddress, on all nodes",
        )
    return False


def _put_addresses(draft: Draft, path: Path, view: View) -> None:
    for keyword, key in (
        ("virtual_ipaddress", "addresses"),
        ("virtual_ipaddress_excluded", "excluded_addresses"),
        ("virtual_routes", "virtual_routes"),
        ("virtual_rules", "virtual_rules"),
    ):
        block, lines = next(view.inner(keyword), None), view.lines(keyword)
        if block is None:
            continue
        items = (route_items if keyword == key else address_items)(draft, lines)
        alone = keyword == "virtual_ipaddress_excluded" and not view.lines("virtual_ipaddress")
        draft.put_list((*path, "addresses" if alone else key), items, block.statement)


def _put_role(draft: Draft, path: Path, view: View, role: Role) -> None:
    _put_or_default(draft, (*path, "priority"), role.priority, view.find("priority"))
    preempt, nopreempt = view.find("preempt"), view.find("nopreempt")
    _put_or_default(draft, (*path, "preempt"), role.preempt, nopreempt or preempt)
    if role.preempt_delay_s:
        _put_or_default(draft, (*path, "preempt_delay"), role.preempt_delay_s, view.find("preempt_delay"))
    _put_or_default(draft, (*path, "vrrp", "version"), role.version, view.find("version"))
    interval = view.find("advert_int")
    _put_or_default(draft, (*path, "vrrp", "advert_interval"), role.advert_interval_s, interval)


def _put_or_default(draft: Draft, path: Path, value: object, setting: Setting | None) -> None:
    if setting is None:
        draft.default(path, value)
    else:
        draft.put(path, value, setting.statement)


def _put_alike(draft: Draft, path: Path, view: View, defaults: View | None) -> None:
    for keyword, global_keyword, (*below, key) in NUMBERS_OF_VIP:
        table: Path = (*path, *below)
        if not put_number(draft, table, view, keyword, key) and defaults is not None and global_keyword:
            put_number(draft, table, defaults, global_keyword, key)
    for keyword, global_keyword, (*below, key) in FLAGS_OF_VIP:
        table = (*path, *below)
        if not put_flag(draft, table, view, keyword, key) and defaults is not None and global_keyword:
            put_flag(draft, table, defaults, global_keyword, key)


def _put_strictness(draft: Draft, path: Path, role: Role) -> None:
    """In strict mode a master leaves lower priorities unanswered, on the wire and by ARP."""
    if role.strict:
        draft.default((*path, "vrrp", "lower_prio_no_advert"), True)
        draft.default((*path, "garp", "lower_prio_repeat"), 0)


def _put_partners(draft: Draft, path: Path, view: View, role: Role, defaults: View | None) -> None:
    table: Path = (*path, "vrrp")
    for keyword in ("mcast_src_ip", "unicast_src_ip"):
        put_text(draft, table, view, keyword, "source_address")
    view.find("check_unicast_src")  # always so here
    peers = [(line.keyword, line.statement) for line in view.lines("unicast_peer")]
    block = next(view.inner("unicast_peer"), None)
    if block is not None and peers:
        draft.put_list((*table, "unicast_peers"), peers, block.statement)
        return
    if put_text(draft, table, view, "mcast_dst_ip", "multicast_group") or defaults is None:
        return
    keyword = f"vrrp_mcast_group{role.family}"
    if defaults.text(keyword) != _MULTICAST_GROUPS[role.family]:
        put_text(draft, table, defaults, keyword, "multicast_group")


def _put_address_check(draft: Draft, path: Path, view: View, defaults: View | None) -> None:
    """Advertisements with other addresses are believed, whether keepalived would look at each or not."""
    for place, keyword in ((view, "skip_check_adv_addr"), (defaults, "vrrp_skip_check_adv_addr")):
        setting = None if place is None else place.find(keyword)
        if setting is not None:
            draft.put((*path, "vrrp", "address_mismatch"), "log", setting.statement)


def _put_authentication(draft: Draft, path: Path, view: View, role: Role) -> None:
    for block in view.inner("authentication"):
        kind, secret = block.find("auth_type"), block.find("auth_pass")
        if kind is None or secret is None or not secret.values:
            continue
        if role.version == 3 or role.strict:
            draft.leave_out(block.statement, "version 3 and strict mode have none")
            continue
        table: Path = (*path, "vrrp")
        draft.put(
            (*table, "auth_type"), _AUTH_TYPES.get(str(block.text("auth_type")).upper()), kind.statement
        )
        draft.put((*table, "auth_pass"), str(secret.values[0]), secret.statement)


def _put_acceptance(draft: Draft, path: Path, view: View, role: Role, *, by_store: bool) -> None:
    """Whether the master takes packets to the VIP. Strict mode alone never makes a VIP unreachable here."""
    refused, accepted = view.find("no_accept"), view.find("accept")
    if refused is not None and accepted is None and role.priority != OWNER_PRIORITY:
        if by_store:
            reason = "with a store the owner of a VIP always takes packets to it"
            draft.remark(refused.statement, Severity.WARNING, f"it is left out: {reason}", "use a firewall")
            draft.leave_out(refused.statement, reason)
        else:
            draft.put((*path, "vrrp", "accept"), False, refused.statement)


def _put_virtual_mac(draft: Draft, path: Path, view: View) -> None:
    setting = view.find("use_vmac")
    if setting is None:
        return
    draft.put((*path, "vrrp", "virtual_mac"), True, setting.statement)
    words = [word.text for word in setting.statement.words if ":" not in word.text]
    if words[:1] == ["name"]:
        words = words[1:]
    if words and words[0] not in {"netlink_notify_msg", "group"}:
        draft.put((*path, "vrrp", "virtual_mac_name"), words[0], setting.statement)
    if any(":" in word.text for word in setting.statement.words):
        draft.remark(
            setting.statement,
            Severity.WARNING,
            "the MAC address is left out: it is always the one that the RFC gives to the VRID",
            "delete it, on all nodes",
        )


def _put_checksum(draft: Draft, path: Path, view: View, role: Role, defaults: View | None) -> None:
    setting, value = view.find("v3_checksum_as_v2"), view.flag("v3_checksum_as_v2")
    if value is None and defaults is not None:
        setting, value = defaults.find("v3_checksum_as_v2"), defaults.flag("v3_checksum_as_v2")
    if setting is not None and value and role.version == 3 and role.family == 4:
        draft.put((*path, "vrrp", "checksum"), "message-only", setting.statement)


def _put_interfaces(draft: Draft, path: Path, view: View) -> None:
    """The interface of the instance itself is none of them by now: it is watched anyway."""
    for track in read_tracks(view, "track_interface"):
        put_track(draft, path, track)
