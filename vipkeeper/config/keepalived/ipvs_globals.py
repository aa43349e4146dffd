"""What is said of IPVS on the whole host: global_defs and SSL.

Rules of this file: see `drafts.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vipkeeper.config.keepalived.drafts import Draft
from vipkeeper.config.keepalived.instances import Instance
from vipkeeper.config.keepalived.programs import put_program
from vipkeeper.config.keepalived.settings_alike import put_flag, put_text
from vipkeeper.config.keepalived.views import View
from vrrp_compat.keepalived_conf.statements import Severity
from vrrp_compat.keepalived_conf.understood import Setting

_SYNC_KEYS = {
    "interface": "interface",
    "id": "syncid",
    "maxlen": "maxlen",
    "port": "port",
    "ttl": "ttl",
    "group": "group",
}


def put_ipvs(draft: Draft, defaults: View, *, serves: bool) -> None:
    """global_defs. `serves`: whether there are virtual servers."""
    put_flag(draft, ("ipvs",), defaults, "lvs_flush", "flush")
    put_flag(draft, ("ipvs",), defaults, "checker_log_all_failures", "log_all_failures")
    put_flag(draft, ("ipvs",), defaults, "rs_init_notifies", "init_notifies")
    timeouts = defaults.find("lvs_timeouts")
    if timeouts is not None:
        for name, seconds in _pairs(timeouts).items():
            if seconds:  # 0 leaves the time as it is
                draft.put(("ipvs", "timeouts", name), seconds, timeouts.statement)
    _put_fifo(draft, defaults, serves=serves)


def _put_fifo(draft: Draft, defaults: View, *, serves: bool) -> None:
    """The FIFO of servers alone. That of all things, `scripts.fifo`, has their lines unless it is VRRP's."""
    own, of_all, of_vrrp = (defaults.find(f"{whose}notify_fifo") for whose in ("lvs_", "", "vrrp_"))
    if serves and of_vrrp is not None:
        draft.put(("scripts", "fifo_servers"), False, of_vrrp.statement)
    fifo = own or (of_all if serves and of_vrrp is not None else None)
    if fifo is None:
        return
    for key, value in zip(("fifo", "fifo_user", "fifo_group"), fifo.values, strict=False):
        draft.put(("ipvs", key), str(value), fifo.statement)
    script = defaults.find("lvs_notify_fifo_script" if fifo is own else "notify_fifo_script")
    if script is not None:
        put_program(draft, ("ipvs", "fifo_script"), script)


def put_sync_daemon(
    draft: Draft, defaults: View | None, tops: Iterable[View], instances: Mapping[str, Instance]
) -> None:
    """Who tells the other directors of connections: said in global_defs, or long ago in an instance."""
    setting = defaults.find("lvs_sync_daemon") if defaults is not None else None
    if setting is not None:
        pairs = _pairs(setting)
        name = pairs.pop("inst", None)
        if name is not None and str(name) not in instances:
            reason = f"there is no vrrp_instance {name}"
            draft.remark(setting.statement, Severity.WARNING, f"it is left out: {reason}", "correct the name")
            draft.leave_out(setting.statement, reason)
            return
        for key, value in pairs.items():
            draft.put(("ipvs", "sync_daemon", _SYNC_KEYS[key]), value, setting.statement)
        if name is not None:
            draft.put(("ipvs", "sync_daemon", "vip"), instances[str(name)].vip, setting.statement)
    for view in tops:
        old = view.find("lvs_sync_daemon_interface") if view.name in instances else None
        if old is None:
            continue
        if setting is not None:
            draft.leave_out(old.statement, "another lvs_sync_daemon is said already")
            continue
        setting = old
        draft.put(("ipvs", "sync_daemon", "interface"), str(old.values[0]), old.statement)
        draft.put(("ipvs", "sync_daemon", "vip"), instances[view.name].vip, old.statement)


def _pairs(setting: Setting) -> dict[str, object]:
    return dict(zip(map(str, setting.values[::2]), setting.values[1::2], strict=True))


def put_ssl(draft: Draft, tops: Iterable[View]) -> None:
    """What SSL_GET shows and trusts. A second block begins anew."""
    blocks = [view for view in tops if view.block.keyword == "SSL"]
    for view in blocks[-1:]:
        for keyword in ("ca", "certificate"):
            put_text(draft, ("ssl",), view, keyword)
        for keyword in ("key", "password"):
            setting = view.find(keyword)
            if setting is None:
                continue
            if view.has("certificate"):
                put_text(draft, ("ssl",), view, keyword)
            else:
                reason = "there is no certificate that it belongs to"
                fix = "add certificate, or remove it"
                draft.remark(setting.statement, Severity.WARNING, f"it is left out: {reason}", fix)
                draft.leave_out(setting.statement, reason)
