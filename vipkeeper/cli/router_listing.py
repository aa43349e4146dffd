"""The virtual routers of this machine's agent, as `ls` and `vrrp stats` show them.

Rules of this file: pure; the JSON keys are a contract with scripts: add, never rename; those that `ls` has
with a store too have the same names.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from vipkeeper.cli.vip_table import NOTHING, aligned, printable
from vipkeeper.model.agent_report import Report

HEADINGS = ("VIP", "ADDRESSES", "VRID", "STATE", "MASTER", "PRIORITY", "INTERVAL", "NEXT", "REASON")
STATISTICS_HEADINGS = ("VIP", "VRID", "STATE", "MASTER TIMES", "SENT", "RECEIVED", "PRIORITY 0", "DISCARDED")


class ListedRouter(msgspec.Struct, frozen=True):
    """One VIP that VRRP decides about. `owner`: this node's name, or the address of the master it hears."""

    vip: str
    addresses: tuple[str, ...]
    owner: str | None
    reason: str
    detail: str
    lease_remaining_ms: int | None  # how long this node may still answer if nothing more can be sent
    node: str
    state: str
    interface: str
    vrid: int
    version: int
    priority: int
    interval_ms: int
    master: str | None
    master_priority: int | None
    takeover_in_ms: int | None
    warning: str | None = None
    sync_group: str | None = None
    weights: str = ""  # what makes up the priority


class RouterStatistics(msgspec.Struct, frozen=True):
    """What one virtual router has counted since the agent started."""

    vip: str
    vrid: int
    version: int
    interface: str
    state: str
    became_master: int
    sent: int
    sent_priority_0: int
    received: int
    received_priority_0: int
    discarded: dict[str, int]


def list_routers(report: Report) -> list[ListedRouter]:
    """All of them, by name."""
    owners = {vip.vip: vip.owner for vip in report.vips}
    return [
        ListedRouter(
            vip=one.vip,
            addresses=one.addresses,
            owner=owners.get(one.vip),
            reason=one.reason,
            detail=one.detail,
            lease_remaining_ms=one.held_for_ms,
            node=report.node,
            state=one.state,
            interface=one.interface,
            vrid=one.vrid,
            version=one.version,
            priority=one.priority,
            interval_ms=one.interval_ms,
            master=one.master,
            master_priority=one.master_priority,
            takeover_in_ms=one.takeover_in_ms,
            warning=one.warning,
            sync_group=one.sync_group,
            weights=one.weights,
        )
        for one in report.routers
    ]


def count_routers(report: Report) -> list[RouterStatistics]:
    """All of them, by name."""
    return [
        RouterStatistics(
            vip=one.vip,
            vrid=one.vrid,
            version=one.version,
            interface=one.interface,
            state=one.state,
            became_master=one.became_master,
            sent=one.sent,
            sent_priority_0=one.sent_leaving,
            received=one.received,
            received_priority_0=one.received_leaving,
            discarded=one.discarded,
        )
        for one in report.routers
    ]


def router_table(routers: Sequence[ListedRouter]) -> str:
    """Aligned text, one line a VIP."""
    return aligned([HEADINGS, *(_cells(router) for router in routers)])


def statistics_table(routers: Sequence[RouterStatistics]) -> str:
    """Aligned text, one line a virtual router."""
    rows = (
        (
            printable(one.vip),
            str(one.vrid),
            one.state,
            str(one.became_master),
            str(one.sent),
            str(one.received),
            f"{one.sent_priority_0} sent, {one.received_priority_0} heard",
            ", ".join(f"{count} {reason}" for reason, count in one.discarded.items()) or NOTHING,
        )
        for one in routers
    )
    return aligned([STATISTICS_HEADINGS, *rows])


def _cells(router: ListedRouter) -> tuple[str, ...]:
    return (
        printable(router.vip if router.sync_group is None else f"{router.vip} (in {router.sync_group})"),
        printable(", ".join(router.addresses)),
        str(router.vrid),
        router.state,
        _master(router),
        printable(f"{router.priority} = {router.weights}" if router.weights else str(router.priority)),
        f"{router.interval_ms / 1000:g} s",
        _next(router),
        printable(_reason(router)),
    )


def _reason(router: ListedRouter) -> str:
    said = f"{router.reason}: {router.detail}" if router.detail else router.reason
    return said if router.warning is None else f"{said}. WARNING: {router.warning}"


def _master(router: ListedRouter) -> str:
    if router.master is None:
        return NOTHING
    if router.owner == router.node:
        return printable(f"{router.node} ({router.master})")
    return printable(f"{router.master} ({router.master_priority})")


def _next(router: ListedRouter) -> str:
    """What happens if nothing more is heard, or can be sent."""
    if router.takeover_in_ms is not None:
        return f"takes over in {router.takeover_in_ms / 1000:.2f} s"
    if router.lease_remaining_ms is not None:
        return f"answers for {router.lease_remaining_ms / 1000:.2f} s"
    return NOTHING
