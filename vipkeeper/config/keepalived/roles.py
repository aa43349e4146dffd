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
    preempt = _preempts(view, master=master)
    return Role(
        master=master,
        priority=priority,
        version=version,
        family=family,
        strict=strict,
        advert_interval_s=_interval_s(view, version),
        preempt=preempt,
        preempt_delay_s=_preempt_delay_s(view, without=master or strict or not preempt),
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


def _interval_s(view: View, version: int) -> float:
    """Half a second and half a centisecond go up: 1.5 became 2 and 2.5 became 3, 0.333 became 0.33."""
    written_s = view.number("advert_int")
    if written_s is None:
        return 1.0
    steps = 1.0 if version == 2 else 100.0
    said_s = max(1.0, math.floor(written_s * steps + 0.5)) / steps
    return min(said_s, _LONGEST_INTERVAL_S[version])


def _preempts(view: View, *, master: bool) -> bool:
    """Of `preempt` and `nopreempt` the last one counts."""
    words = [view.find("preempt"), view.find("nopreempt")]
    last = max((word for word in words if word is not None), key=lambda word: word.place, default=None)
    return master or last is None or last.keyword == "preempt"


def _preempt_delay_s(view: View, *, without: bool) -> float:
    delay_s = view.number("preempt_delay")
    return 0.0 if without or delay_s is None else float(delay_s)
