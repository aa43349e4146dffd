"""A master, a backup and a router in fault, as an agent reports them."""

from __future__ import annotations

from vipkeeper.model.agent_report import Report, RouterReport, VipReport

MASTER = RouterReport(
    vip="web",
    addresses=("192.0.2.100", "192.0.2.101"),
    interface="eth0",
    vrid=51,
    version=3,
    state="Master",
    reason="master-silent",
    detail="192.0.2.12 with priority 100",
    priority=120,
    interval_ms=200,
    master="192.0.2.11",
    master_priority=120,
    takeover_in_ms=None,
    held_for_ms=550,
    sent=10,
    sent_leaving=1,
    received=3,
    received_leaving=2,
    became_master=4,
    discarded={"checksum": 7, "ttl": 1},
)
BACKUP = RouterReport(
    vip="mail",
    addresses=("fe80::100",),
    interface="vrrp6.52",
    vrid=52,
    version=3,
    state="Backup",
    reason="higher-priority-heard",
    detail="fe80::12 with priority 200",
    priority=100,
    interval_ms=1000,
    master="fe80::12",
    master_priority=200,
    takeover_in_ms=3609,
    held_for_ms=None,
    sent=0,
    sent_leaving=0,
    received=9,
    received_leaving=0,
    became_master=0,
    discarded={},
    warning="VRID 52 (IPv6, version 3) is used by fe80::66 for fe80::1: VRID 53 is free on this wire",
)
FAULT = RouterReport(
    vip="odd\n",
    addresses=("192.0.2.102",),
    interface="eth1",
    vrid=53,
    version=2,
    state="Fault",
    reason="interface-missing",
    detail="eth1",
    priority=100,
    interval_ms=1000,
    master=None,
    master_priority=None,
    takeover_in_ms=None,
    held_for_ms=None,
    sent=0,
    sent_leaving=0,
    received=0,
    received_leaving=0,
    became_master=0,
    discarded={},
)


def report_of(*routers: RouterReport) -> Report:
    return Report(
        node="n1",
        prefix="/vipkeeper/c1/",
        vips=tuple(
            VipReport(
                one.vip, one.state.lower(), one.reason, one.detail, 0, "n1" if one is MASTER else one.master
            )
            for one in routers
        ),
        electorate=(),
        promises_given=(),
        store_confirms=None,
        store_confirmed_ago_ms=None,
        routers=routers,
    )
