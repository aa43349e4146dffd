"""What the virtual routers of one node know and do at one moment: plain values.

Rules of this file: it changes nothing; instants become lengths; no secret is in it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from vipkeeper.agent.vrrp_speaker import Speaker
from vipkeeper.config.schema import Config
from vipkeeper.model.agent_report import Report, RouterReport, VipReport
from vipkeeper.model.records import Keys
from vipkeeper.model.version import VERSION
from vrrp_compat.router.states import State

# Who uses the same VRID is shown for so long after it was heard of last.
_REMEMBERED_S = 3600.0


def vrrp_report(config: Config, routers: Iterable[Speaker], now_s: float) -> Report:
    """The node now."""
    reports = router_reports(routers, now_s)
    return Report(
        node=config.node,
        prefix=Keys(config.cluster).prefix,
        vips=tuple(_vip_report(config.node, report) for report in reports),
        electorate=(),
        promises_given=(),
        store_confirms=None,
        store_confirmed_ago_ms=None,
        version=VERSION,
        routers=reports,
    )


def router_reports(routers: Iterable[Speaker], now_s: float) -> tuple[RouterReport, ...]:
    """Virtual routers by name."""
    return tuple(_router_report(router, now_s) for router in sorted(routers, key=lambda one: one.name))


def _router_report(router: Speaker, now_s: float) -> RouterReport:
    plan, status = router.plan, router.status(now_s)
    return RouterReport(
        vip=router.name,
        addresses=tuple(vip.address for vip in plan.unit.addresses),
        interface=plan.port.interface,
        vrid=plan.router.vrid,
        version=plan.router.version,
        state=status.state.value,
        reason=status.reason.value,
        detail=status.detail or status.reason.explained,
        priority=status.priority,
        weights=router.weights,
        interval_ms=plan.router.interval_cs * 10,
        master=None if status.master is None else str(ipaddress.ip_address(status.master)),
        master_priority=status.master_priority,
        takeover_in_ms=_ms(status.takeover_in_s),
        held_for_ms=_ms(status.held_for_s),
        sent=router.sent,
        sent_leaving=router.sent_leaving,
        received=router.received,
        received_leaving=router.received_leaving,
        became_master=router.became_master,
        warning=_warning(router, now_s),
        sync_group=plan.group,
        discarded={reason.value: count for reason, count in sorted(router.discards.items(), key=str)},
    )


def _warning(router: Speaker, now_s: float) -> str | None:
    if router.twins is None or now_s - router.twins[1] > _REMEMBERED_S:
        return None
    return router.twins[0]


def _vip_report(node: str, router: RouterReport) -> VipReport:
    """As one of a store's VIPs is shown; an epoch is what VRRP has not."""
    is_master = router.state == State.MASTER.value
    return VipReport(
        vip=router.vip,
        role=router.state.lower(),
        reason=router.reason,
        detail=router.detail,
        epoch=0,
        owner=node if is_master else router.master,
        lease_left_ms=router.held_for_ms,
        priority=router.priority,
        weights=router.weights,
    )


def _ms(length_s: float | None) -> int | None:
    return None if length_s is None else max(0, round(length_s * 1000))
