"""global_defs and the static parts.

Rules of this file: see `drafts.py`; what is a default of instances is looked up by them.
"""

from __future__ import annotations

from collections.abc import Iterable

from vipkeeper.config.keepalived.addresses import route_items, static_items
from vipkeeper.config.keepalived.drafts import Draft
from vipkeeper.config.keepalived.programs import put_program
from vipkeeper.config.keepalived.settings_alike import (
    GLOBAL_FLAGS,
    GLOBAL_NUMBERS,
    GLOBAL_PROGRAMS,
    GLOBAL_TEXTS,
    put_flag,
    put_number,
    put_text,
)
from vipkeeper.config.keepalived.views import View
from vrrp_compat.keepalived_conf.statements import Severity, Statement
from vrrp_compat.keepalived_conf.understood import Setting

_DEFAULT_INTERFACE = "eth0"
_SMTP_PORT = "25"


def put_globals(draft: Draft, view: View) -> None:
    """What global_defs says of the whole agent. There may be several such blocks; a later one adds."""
    for keyword, (*table, key) in GLOBAL_NUMBERS:
        put_number(draft, tuple(table), view, keyword, key)
    for keyword, (*table, key) in GLOBAL_FLAGS:
        put_flag(draft, tuple(table), view, keyword, key)
    for keyword, (*table, key) in GLOBAL_TEXTS:
        put_text(draft, tuple(table), view, keyword, key)
    for keyword, path in GLOBAL_PROGRAMS:
        setting = view.find(keyword)
        if setting is not None:
            put_program(draft, path, setting)
    _put_script_user(draft, view)
    _put_mail(draft, view)
    _put_fifo(draft, view)
    _put_short_garp(draft, view)
    for keyword in ("vrrp_check_unicast_src", "default_interface"):
        view.find(keyword)  # always so here; looked up for static addresses


def _put_script_user(draft: Draft, view: View) -> None:
    user = view.find("script_user")
    if user is not None:
        for key, word in zip(("user", "group"), user.statement.words, strict=False):
            draft.put(("scripts", key), word.text, user.statement)
    security = view.find("enable_script_security")
    if security is not None:
        if security.statement.words:
            draft.remark(
                security.statement,
                Severity.WARNING,
                "keepalived turns it on whatever stands behind it, and so does vipkeeper",
                "delete the line to turn it off, or what stands behind it",
            )
        draft.put(("scripts", "enable_script_security"), True, security.statement)


def _put_mail(draft: Draft, view: View) -> None:
    recipients = [(line.keyword, line.statement) for line in view.lines("notification_email")]
    for block in view.inner("notification_email"):
        draft.put_list(("mail", "notification_email"), recipients, block.statement)
    server = view.find("smtp_server")
    if server is not None and server.statement.words:
        host, *port = [word.text for word in server.statement.words]
        host = f"[{host}]" if ":" in host else host
        text = f"{host}:{port[0]}" if port and port[0] != _SMTP_PORT else host
        draft.put(("mail", "smtp_server"), text, server.statement)
    silent = view.find("no_email_faults")
    if silent is not None and view.flag("no_email_faults"):
        draft.put(("mail", "email_faults"), False, silent.statement)


def _put_fifo(draft: Draft, view: View) -> None:
    """keepalived may have two FIFOs for the same lines; there is one here."""
    of_all, of_vrrp = view.find("notify_fifo"), view.find("vrrp_notify_fifo")
    fifo = of_vrrp or of_all
    if fifo is None or not fifo.values:
        return
    for key, value in zip(("fifo", "fifo_user", "fifo_group"), fifo.values, strict=False):
        draft.put(("scripts", key), str(value), fifo.statement)
    script = view.find("notify_fifo_script" if fifo is of_all else "vrrp_notify_fifo_script")
    if script is not None:
        put_program(draft, ("scripts", "fifo_script"), script)
    if of_all is not None and of_vrrp is not None:
        reason = "vrrp_notify_fifo has the lines, and there is one FIFO here"
        draft.remark(of_all.statement, Severity.WARNING, f"it is left out: {reason}", "read the other one")
        draft.leave_out(of_all.statement, reason)


def _put_short_garp(draft: Draft, view: View) -> None:
    short = view.find("vrrp_min_garp")
    if short is not None and view.flag("vrrp_min_garp"):
        draft.put(("garp", "master_repeat"), 1, short.statement)
        draft.put(("garp", "master_delay"), 0, short.statement)


def put_pacing(draft: Draft, tops: Iterable[View]) -> None:
    """garp_group: one pace counts for all interfaces here, so it is the slowest."""
    for view in tops:
        if view.block.keyword != "garp_group":
            continue
        for keyword, key in (("garp_interval", "interval"), ("gna_interval", "gna_interval")):
            setting, gap_s = view.find(keyword), view.number(keyword)
            known_s = draft.values.get("garp", {}).get(key, 0)
            if setting is not None and gap_s is not None and gap_s > known_s:
                draft.put(("garp", key), gap_s, setting.statement)


def put_static(draft: Draft, tops: Iterable[View], globals_view: View | None) -> None:
    """static_ipaddress, static_routes and static_rules."""
    written = globals_view.text("default_interface") if globals_view is not None else None
    lines: dict[str, list[Setting]] = {}
    blocks: dict[str, Statement] = {}
    for view in tops:
        keyword = view.block.keyword
        if keyword in {"static_ipaddress", "static_routes", "static_rules"}:
            lines.setdefault(keyword, []).extend(view.own_lines())
            blocks.setdefault(keyword, view.statement)
    for keyword, found in lines.items():
        if keyword == "static_ipaddress":
            items = static_items(draft, found, written or _DEFAULT_INTERFACE)
        else:
            items = route_items(draft, found)
        draft.put_list((keyword,), items, blocks[keyword])
