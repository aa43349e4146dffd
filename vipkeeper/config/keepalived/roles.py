"""What keepalived makes of state, priority, version, interval and preemption, where values clash.

Rules of this file: the figures were read off keepalived 2.2.7's own dump of its data.
"""

from __future__ import annotations

import math

import msgspec

from vipkeeper.config.keepalived.addresses import family_of
from vipkeeper.config.keepalived.drafts import Draft
from vipkeeper.config.keepalived.views import View
from vrrp_compat.keepalived_conf.statements import Severity

OWNER_PRIORITY = 255
DEFAULT_PRIORITY = 100
_LONGEST_INTERVAL_S = {2: 255.0, 3: 40.95}


class Role(msgspec.Struct, frozen=True):
    """One instance, as keepalived runs it."""

    master: bool  # `state MASTER` counts
    priority: int
    version: int
    family: int  # 4 or 6: of what is advertised
    strict: bool
    advert_interval_s: float
    preempt: bool
    preempt_delay_s: float


def read_role(draft: Draft, view: View, defaults: View | None) -> Role:
    """The role of one instance, with remarks on what does not go together."""
    families = [family_of(line.keyword) for line in view.lines("virtual_ipaddress")]
    family = next((family for family in families if family is not None), 4)
    strict = bool(_flag(view, "strict_mode", defaults, "vrrp_strict"))
    written = view.number("priority")
    wants_master = view.text("state") == "MASTER"
    if written is not None:
        priority = int(written)
    else:
        priority = OWNER_PRIORITY if wants_master else DEFAULT_PRIORITY
        _note_unset_priority(draft, view, priority)
    state = view.find("state")
    if state is not None:
        draft.leave_out(state.statement, "a node starts as a backup; what else it decides is written out")
    master = (wants_master and not (strict and priority != OWNER_PRIORITY)) or priority == OWNER_PRIORITY
    version = _version(view, defaults, family)
    preempt = _preempt(draft, view, master=master, priority=priority)
    return Role(
        master=master,
        priority=priority,
        version=version,
        family=family,
        strict=strict,
        advert_interval_s=_interval_s(draft, view, version),
        preempt=preempt,
        preempt_delay_s=_preempt_delay_s(draft, view, master=master, strict=strict, preempt=preempt),
    )


def _flag(view: View, keyword: str, defaults: View | None, global_keyword: str) -> bool | None:
    own = view.flag(keyword)
    return own if own is not None or defaults is None else defaults.flag(global_keyword)


def _version(view: View, defaults: View | None, family: int) -> int:
    own = view.number("version")
    if own is None and defaults is not None:
        own = defaults.number("vrrp_version")
    return 3 if family == 6 or own == 3 else 2


def _note_unset_priority(draft: Draft, view: View, priority: int) -> None:
    if priority == OWNER_PRIORITY:
        draft.remark(
            view.statement,
            Severity.WARNING,
            "`state MASTER` without `priority` means 255: this router owns the addresses, and checks and "
            "nopreempt have no effect",
            "add for example `priority 150`",
        )
    else:
        draft.remark(
            view.statement,
            Severity.NOTE,
            "no `priority` means 100, as on every other node without one; with equal priorities the higher "
            "address of the interface decides",
            "give each node a priority of its own",
        )


def _interval_s(draft: Draft, view: View, version: int) -> float:
    setting, written_s = view.find("advert_int"), view.number("advert_int")
    if setting is None or written_s is None:
        return 1.0
    # Half a second and half a centisecond go up: 1.5 became 2 and 2.5 became 3, 0.333 became 0.33.
    step = 1.0 if version == 2 else 100.0
    said_s = max(1.0, math.floor(written_s * step + 0.5)) / step
    said_s = min(said_s, _LONGEST_INTERVAL_S[version])
    if abs(said_s - written_s) > 1e-9:
        counts = "whole seconds" if version == 2 else "steps of 0.01 s"
        draft.remark(
            setting.statement,
            Severity.WARNING,
            f"version {version} of VRRP counts {counts}: {written_s:g} s become {said_s:g} s",
            "write `vrrp_version 3` in global_defs of all nodes" if version == 2 else "write a rounded value",
        )
    return said_s


def _preempt(draft: Draft, view: View, *, master: bool, priority: int) -> bool:
    setting = view.find("nopreempt")
    if setting is None or view.flag("nopreempt") is False:
        return True
    if not master:
        return False
    why = "priority 255" if priority == OWNER_PRIORITY else "`state MASTER`"
    draft.remark(
        setting.statement,
        Severity.WARNING,
        f"it has no effect with {why}: this node takes the VIP back as soon as it can",
        "write `state BACKUP` on all nodes, with different priorities, if the VIP is to stay where it is",
    )
    return True


def _preempt_delay_s(draft: Draft, view: View, *, master: bool, strict: bool, preempt: bool) -> float:
    setting, delay_s = view.find("preempt_delay"), view.number("preempt_delay")
    if setting is None or not delay_s:
        return 0.0
    why = "with `state MASTER` or priority 255" if master else "with strict mode" if strict else ""
    why = why or ("" if preempt else "with nopreempt")
    if not why:
        return float(delay_s)
    draft.remark(setting.statement, Severity.WARNING, f"it has no effect {why}", "delete one of the two")
    return 0.0
