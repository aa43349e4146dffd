"""What the kernel's table is to be, as far as it is known.

Rules of this file: plain values, and the rules that turn them into a table; no IO. What is not known yet
(whether this node has a VIP, when a director has just begun) is left in the kernel as it is found.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

import msgspec

from vipkeeper.model.balancing import SyncPlan, TimeoutsPlan
from vipkeeper.model.ipvs import (
    IpvsTable,
    OwnIpvs,
    ServiceKey,
    SyncDaemon,
    SyncRole,
    Timeouts,
    VirtualServer,
)


class Target(msgspec.Struct, frozen=True):
    """`undecided`: virtual servers that may be wanted or not. `daemons`: None while the role is not known."""

    servers: Mapping[ServiceKey, VirtualServer] = {}
    undecided: frozenset[ServiceKey] = frozenset()
    timeouts: TimeoutsPlan = TimeoutsPlan()
    daemons: Mapping[SyncRole, SyncDaemon] | None = {}

    def names(self) -> OwnIpvs:
        """All that is, or may be, wanted."""
        roles = frozenset(SyncRole) if self.daemons is None else frozenset(self.daemons)
        return OwnIpvs(self.undecided | self.servers.keys(), roles)


def daemons_of(sync: SyncPlan | None, standing: Set[str] | None) -> Mapping[SyncRole, SyncDaemon] | None:
    """The node with the VIP tells of its connections, the others listen; without a VIP, each does both."""
    if sync is None:
        return {}
    if sync.vip is None:
        return dict.fromkeys(SyncRole, sync.daemon)
    if standing is None:
        return None
    return {SyncRole.MASTER if sync.vip in standing else SyncRole.BACKUP: sync.daemon}


def wanted_table(target: Target, observed: IpvsTable) -> IpvsTable:
    """As `ipvs_plan` takes it: what is not said, and what is undecided, as it is found."""
    servers = target.servers
    if target.undecided:
        found = {key: observed.servers[key] for key in target.undecided if key in observed.servers}
        servers = {**found, **servers}
    daemons = observed.daemons if target.daemons is None else target.daemons
    return IpvsTable(servers, _timeouts(target.timeouts, observed.timeouts), daemons)


def narrowed(table: IpvsTable, keys: Set[ServiceKey]) -> IpvsTable:
    """The same with these virtual servers alone."""
    servers = {key: table.servers[key] for key in keys if key in table.servers}
    return IpvsTable(servers, table.timeouts, table.daemons)


def differing(
    one: Mapping[ServiceKey, VirtualServer], other: Mapping[ServiceKey, VirtualServer]
) -> set[ServiceKey]:
    """Virtual servers that are not the same on both sides. Most are the very same value: that costs least."""
    differ = {
        key for key, server in one.items() if (there := other.get(key)) is not server and there != server
    }
    return differ | (other.keys() - one.keys())


def _timeouts(plan: TimeoutsPlan, found: Timeouts | None) -> Timeouts | None:
    if found is None or plan == TimeoutsPlan():
        return None
    return Timeouts(
        found.tcp_s if plan.tcp_s is None else plan.tcp_s,
        found.tcp_fin_s if plan.tcp_fin_s is None else plan.tcp_fin_s,
        found.udp_s if plan.udp_s is None else plan.udp_s,
    )
