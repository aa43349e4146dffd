"""What a plan does not change keeps its connections and counters; what it changes in place does too."""

from __future__ import annotations

import pytest

from tests.ipvs.director import Director, counted
from tests.ipvs.flows import ECHO, ECHO_REAL, echo_some
from tests.kernel_segment.segment import until
from vipkeeper.changes.ipvs_changes import AddServers, RemoveServers
from vipkeeper.changes.ipvs_plan import ipvs_plan
from vipkeeper.model.ipvs import (
    Destination,
    DestinationKey,
    IpvsTable,
    MarkKey,
    OwnIpvs,
    Service,
    VirtualServer,
)

pytestmark = [pytest.mark.root, pytest.mark.ipvs]

OTHER = DestinationKey("10.9.1.3", 7)
OLD = MarkKey(3)


def connections(director: Director) -> int:
    return counted(director.ipvs)[ECHO].destinations[ECHO_REAL].inactive


def packets(director: Director) -> int:
    return counted(director.ipvs)[ECHO].traffic.packets_in


def carry_out(director: Director, wanted: IpvsTable, ours: OwnIpvs) -> None:
    for change in ipvs_plan(wanted, director.ipvs.read(), ours):
        assert director.ipvs.apply(change) == ()


def test_connections_outlive_every_change_but_removal(director: Director) -> None:
    standing = VirtualServer(Service("rr"), {ECHO_REAL: Destination()})
    carry_out(director, IpvsTable({ECHO: standing, OLD: VirtualServer(Service())}), OwnIpvs())
    echo_some(director, datagrams=3, length=10)
    until(lambda: packets(director) == 3)
    assert connections(director) == 1
    # Everything around it changes, then it does itself; last it is to get no new connections.
    for ours, server in (
        (OwnIpvs(frozenset({OLD})), standing),
        (OwnIpvs(), VirtualServer(Service("wrr"), {ECHO_REAL: Destination(weight=5), OTHER: Destination()})),
        (OwnIpvs(), VirtualServer(Service("wrr"), {ECHO_REAL: Destination(weight=0), OTHER: Destination()})),
    ):
        carry_out(director, IpvsTable({ECHO: server, MarkKey(4): VirtualServer(Service())}), ours)
        assert director.ipvs.read().servers[ECHO] == server
        assert (connections(director), packets(director)) == (1, 3)
    assert OLD not in director.ipvs.read().servers
    # The control: made anew, it has forgotten.
    director.ipvs.apply(RemoveServers((ECHO,)))
    director.ipvs.apply(AddServers({ECHO: standing}))
    assert packets(director) == 0
