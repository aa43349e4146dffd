"""virtual_server and virtual_server_group: services that IPVS spreads over real servers.

Rules of this file: see `drafts.py`. What keepalived makes of missing and contradicting words is in the
blocks by now (`service_rules.py` of the reader); here they get our words, and our bounds.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

import msgspec

from vipkeeper.config.balancing_schema import LARGEST_WEIGHT
from vipkeeper.config.keepalived.checks import put_checks
from vipkeeper.config.keepalived.drafts import Draft
from vipkeeper.config.keepalived.names import fitting_names
from vipkeeper.config.keepalived.pacing import put_pacing_of_checks, put_within
from vipkeeper.config.keepalived.programs import put_program
from vipkeeper.config.keepalived.settings_alike import put_flag, put_number, put_text
from vipkeeper.config.keepalived.tracks import Definitions
from vipkeeper.config.keepalived.views import View
from vipkeeper.config.toml_positions import Path
from vrrp_compat.keepalived_conf.service_settings import FAMILIES, IPV4, IPV6, family_of
from vrrp_compat.keepalived_conf.statements import Severity
from vrrp_compat.keepalived_conf.understood import Setting, Value

_FLAGS = ("flag-1", "flag-2", "flag-3", "sh-port", "sh-fallback", "mh-port", "mh-fallback")
_PERSISTENCE = ("persistence_timeout", "persistence_granularity", "persistence_engine")
_LARGEST_QUORUM = 2**31 - 1


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Alerts(msgspec.Struct, frozen=True):
    """Mails about servers: what global_defs say of them, and whether anybody gets one."""

    said: bool | None
    read_by_somebody: bool


class ServiceSurroundings(msgspec.Struct, frozen=True):
    """What virtual servers depend on beside their own blocks."""

    alerts: Alerts
    known: Definitions
    file_weights: dict[str, tuple[Value, ...]]  # of tracked files: what follows `weight`
    groups: dict[str, View]
    addresses: tuple[_Address, ...]  # of VIPs


def put_services(draft: Draft, tops: list[View], known: Definitions, alerts: Alerts) -> None:
    """All virtual servers and groups."""
    groups = {view.name: view for view in reversed(tops) if view.block.keyword == "virtual_server_group"}
    names = fitting_names(groups)
    weights = {
        view.name: setting.values
        for view in tops
        if view.block.keyword == "track_file"
        for setting in [view.find("weight")]
        if setting is not None
    }
    for name, view in groups.items():
        _put_group(draft, view, names[name])
    around = ServiceSurroundings(alerts, known, weights, groups, tuple(_addresses_of_vips(draft)))
    views = dict(_without_twins(draft, tops))
    fitting = fitting_names(views)
    for name, view in views.items():
        _put_service(draft, view, ("virtual_server", fitting[name]), around, names)


def _addresses_of_vips(draft: Draft) -> Iterator[_Address]:
    for vip in draft.values.get("vip", {}).values():
        for text in (*vip.get("addresses", ()), *vip.get("excluded_addresses", ())):
            yield ipaddress.ip_interface(text.split(maxsplit=1)[0]).ip


def _without_twins(draft: Draft, tops: list[View]) -> Iterator[tuple[str, View]]:
    """Virtual servers by name; IPVS has one of each address, port and protocol."""
    seen: dict[tuple[object, ...], View] = {}
    for view in tops:
        if view.block.keyword != "virtual_server":
            continue
        kind, which = view.block.values[:2]
        key = (kind, which, view.text("protocol"), _version_of_mark(view))
        first = seen.setdefault(key, view)
        if first is view:
            yield _name_of(view), view
            continue
        reason = f"there is one of that address, port and protocol already ({first.statement.keyword.place})"
        draft.remark(view.statement, Severity.WARNING, f"it is left out: {reason}", "make one of both")
        draft.leave_out(view.statement, reason)


def _name_of(view: View) -> str:
    kind, which = view.block.values[:2]
    protocol = view.text("protocol")
    words = [str(kind), *([str(which)] if which else []), *([protocol.lower()] if protocol else [])]
    return "-".join([*words, *(["inet6"] if _version_of_mark(view) == IPV6 else [])])


def _version_of_mark(view: View) -> int:
    """The IP version of a firewall mark, which may be there once for each; 0 for anything else."""
    if view.block.values[0] != "fwmark":
        return 0
    family = view.text("ip_family")
    if family is not None:
        return FAMILIES[family]
    return next((family_of(server.block.values[0]) for server in view.inner("real_server")), IPV4)


def _put_group(draft: Draft, view: View, name: str) -> None:
    path: Path = ("virtual_server_group", name)
    draft.open_table(path, view.statement, f"virtual_server_group {view.name}")
    lines = list(_without_repeats(draft, view.own_lines()))
    addresses = [(_range_text(line), line.statement) for line in lines if line.keyword != "fwmark"]
    draft.put_list((*path, "addresses"), addresses, view.statement)
    marks = [line for line in lines if line.keyword == "fwmark"]
    if marks:
        draft.put((*path, "fwmarks"), [line.values[0] for line in marks], marks[0].statement)
    if len({line.values[1:] for line in marks}) > 1:
        draft.remark(
            view.statement,
            Severity.FATAL,
            "its firewall marks are of different IP versions, and here a group has one",
            "make a group and a virtual_server for each IP version",
        )


def _without_repeats(draft: Draft, lines: list[Setting]) -> Iterator[Setting]:
    seen: set[tuple[Value, ...]] = set()
    for line in lines:
        key = (line.keyword, *line.values)
        if key in seen:
            draft.remark(line.statement, Severity.WARNING, "it is in this group already", "remove one")
            draft.leave_out(line.statement, "it is in this group already")
        else:
            seen.add(key)
            yield line


def _range_text(line: Setting) -> str:
    last, port = line.values[:2]
    which = line.keyword if last == line.keyword else f"{line.keyword}-{last}"
    return f"{which} {port}" if port else which


def _put_service(
    draft: Draft, view: View, path: Path, around: ServiceSurroundings, groups: dict[str, str]
) -> None:
    kind, which = view.block.values[:2]
    draft.open_table(path, view.statement, f"virtual_server {kind} {which}")
    if kind == "group":
        draft.put((*path, "group"), groups[str(which)], view.statement)
        _put_family_of_group(draft, path, view, around.groups[str(which)])
    elif kind == "fwmark":
        draft.put((*path, "fwmark"), which, view.statement)
    else:
        draft.put((*path, "address"), kind, view.statement)
        if which:
            draft.put((*path, "port"), which, view.statement)
    protocol = view.find("protocol")
    if protocol is not None:
        draft.put((*path, "protocol"), str(protocol.values[0]).lower(), protocol.statement)
    if kind == "fwmark":
        put_text(draft, path, view, "ip_family")
    else:
        view.find("ip_family")  # the addresses say it
    _put_scheduling(draft, path, view)
    put_method(draft, path, view, "lvs_method", with_tunnel=_hands_tunnel_down(view))
    put_pacing_of_checks(draft, path, view)
    for keyword in ("alpha", "inhibit_on_failure", "omega"):
        put_flag(draft, path, view, keyword)
    _put_suspension(draft, path, view, around)
    put_within(draft, path, view, "weight", LARGEST_WEIGHT)
    put_text(draft, path, view, "virtualhost")
    put_flag(draft, path, view, "smtp_alert")
    put_within(draft, path, view, "quorum", _LARGEST_QUORUM)
    put_within(draft, path, view, "hysteresis", _LARGEST_QUORUM)
    _put_programs(draft, path, view, ("quorum_up", "quorum_down"))
    _put_sorry_server(draft, path, view)
    servers = {_server_name(server): server for server in _servers(draft, view)}
    names = fitting_names(servers)
    for name, server in servers.items():
        _put_real_server(draft, (*path, "real_server", names[name]), server, view, around)


def _put_family_of_group(draft: Draft, path: Path, view: View, group: View) -> None:
    """The IP version of its marks, if they say one."""
    for line in group.own_lines():
        if line.keyword == "fwmark" and len(line.values) > 1:
            draft.put((*path, "ip_family"), line.values[1], view.statement)


def _put_scheduling(draft: Draft, path: Path, view: View) -> None:
    put_text(draft, path, view, "lvs_sched")
    flags = [setting for flag in _FLAGS for setting in [view.find(flag)] if setting is not None]
    draft.put_list(
        (*path, "sched_flags"),
        [(flag.keyword, flag.statement) for flag in flags],
        flags[0].statement if flags else view.statement,
    )
    put_flag(draft, path, view, "ops")
    for keyword in _PERSISTENCE:
        if not put_number(draft, path, view, keyword):
            put_text(draft, path, view, keyword)


def _hands_tunnel_down(view: View) -> bool:
    """Whether there is one, and a server without a method of its own."""
    if view.text("lvs_method") != "TUN":
        return False
    if view.has("sorry_server") and not view.has("sorry_server_lvs_method"):
        return True
    return any(not server.has("lvs_method") for server in view.inner("real_server"))


def _put_suspension(draft: Draft, path: Path, view: View, around: ServiceSurroundings) -> None:
    setting = view.find("ha_suspend")
    if setting is None:
        return
    kind, which = view.block.values[:2]
    lines = around.groups[str(which)].own_lines() if kind == "group" else ()
    spans = [(line.keyword, str(line.values[0])) for line in lines if line.keyword != "fwmark"]
    spans += [] if lines else [(str(kind), str(kind))]
    if any(_is_within(address, *span) for span in spans for address in around.addresses):
        draft.put((*path, "ha_suspend"), True, setting.statement)
        return
    reason = "no vrrp_instance has its address, so its real servers are always checked"
    draft.remark(setting.statement, Severity.WARNING, f"it is left out: {reason}", "remove it")
    draft.leave_out(setting.statement, reason)


def _is_within(address: _Address, first: str, last: str) -> bool:
    least, most = ipaddress.ip_address(first), ipaddress.ip_address(last)
    return address.version == least.version and int(least) <= int(address) <= int(most)


def put_method(draft: Draft, path: Path, view: View, keyword: str, *, with_tunnel: bool = True) -> None:
    """The method; of TUN also the tunnel, so that a server has not that of its virtual server instead."""
    setting = view.find(keyword)
    if setting is None:
        return
    method, tunnel, port, checksum = (*setting.values, None, None, None)[:4]
    draft.put((*path, "lvs_method"), method, setting.statement)
    if tunnel is None or not with_tunnel:
        return
    draft.put((*path, "tunnel"), tunnel, setting.statement)
    if port:
        draft.put((*path, "tunnel_port"), port, setting.statement)
    if tunnel != "ipip":
        draft.put((*path, "tunnel_checksum"), checksum, setting.statement)


def _put_programs(draft: Draft, path: Path, view: View, keywords: Iterable[str]) -> None:
    for keyword in keywords:
        setting = view.find(keyword)
        if setting is not None:
            put_program(draft, (*path, keyword), setting)


def _put_sorry_server(draft: Draft, path: Path, view: View) -> None:
    sorry = view.find("sorry_server")
    if sorry is None:
        return
    table: Path = (*path, "sorry_server")
    for key, value in zip(("address", "port"), sorry.values, strict=False):
        if value:
            draft.put((*table, key), value, sorry.statement)
    put_flag(draft, table, view, "sorry_server_inhibit", "inhibit")
    put_method(draft, table, view, "sorry_server_lvs_method")


def _servers(draft: Draft, view: View) -> Iterator[View]:
    """Without NAT two ports of one server are one entry of the kernel's table."""
    usual = view.block.values[1] if view.block.values[0] not in {"fwmark", "group"} else 0
    seen: dict[tuple[Value, Value], View] = {}
    for server in view.inner("real_server"):
        address, port = (*server.block.values, 0)[:2]
        first = seen.setdefault((address, port or usual), server)
        if first is server:
            yield server
            continue
        reason = f"it is the same to the kernel as {first.name} above ({first.statement.keyword.place})"
        draft.remark(server.statement, Severity.WARNING, f"it is left out: {reason}", "make one of both")
        draft.leave_out(server.statement, reason)


def _server_name(view: View) -> str:
    return "-".join(str(word) for word in view.block.values if word)


def _put_real_server(
    draft: Draft, path: Path, view: View, service: View, around: ServiceSurroundings
) -> None:
    draft.open_table(path, view.statement, f"real_server {view.name}")
    for key, value in zip(("address", "port"), view.block.values, strict=False):
        if value:
            draft.put((*path, key), value, view.statement)
    put_within(draft, path, view, "weight", LARGEST_WEIGHT)
    put_method(draft, path, view, "lvs_method")
    put_pacing_of_checks(draft, path, view)
    _put_thresholds(draft, path, view)
    for keyword in ("inhibit_on_failure", "alpha"):
        put_flag(draft, path, view, keyword)
    put_text(draft, path, view, "virtualhost")
    _put_alert(draft, path, view, service, around.alerts)
    _put_programs(draft, path, view, ("notify_up", "notify_down"))
    put_checks(draft, path, view, around.known, around.file_weights)


def _put_thresholds(draft: Draft, path: Path, view: View) -> None:
    put_number(draft, path, view, "uthreshold")
    lower = view.find("lthreshold")
    if lower is None:
        return
    if (view.number("lthreshold") or 0) > (view.number("uthreshold") or 0):
        reason = "it is above uthreshold, and the kernel takes no such server"
        draft.remark(lower.statement, Severity.WARNING, f"it is left out: {reason}", "write a smaller number")
        draft.leave_out(lower.statement, reason)
    else:
        put_number(draft, path, view, "lthreshold")


def _put_alert(draft: Draft, path: Path, view: View, service: View, alerts: Alerts) -> None:
    """keepalived hands no smtp_alert down; without any, a real server is mailed and a quorum is not."""
    if put_flag(draft, path, view, "smtp_alert") or not alerts.read_by_somebody:
        return
    usual = True if alerts.said is None else alerts.said
    handed_down = service.flag("smtp_alert")
    if usual != (bool(alerts.said) if handed_down is None else handed_down):
        draft.default((*path, "smtp_alert"), usual)
