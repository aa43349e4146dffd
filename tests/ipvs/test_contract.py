"""The kernel's table and the in-memory one, in the same tests."""

from __future__ import annotations

import pytest

from tests.ipvs.director import INTERFACE, Director, counted
from vipkeeper.changes.ipvs_changes import (
    AddDestinations,
    AddServers,
    EditDestinations,
    EditServices,
    IpvsChange,
    RemoveDestinations,
    RemoveServers,
    SetTimeouts,
    StartDaemons,
    StopDaemons,
)
from vipkeeper.changes.ipvs_plan import ipvs_plan
from vipkeeper.kernel.ipvs_kernel import IpvsKernel
from vipkeeper.kernel.memory_ipvs import MemoryIpvs
from vipkeeper.model.ipvs import (
    AddressKey,
    Destination,
    DestinationKey,
    IpvsTable,
    MarkKey,
    OwnIpvs,
    Service,
    ServiceKey,
    SyncDaemon,
    SyncRole,
    Timeouts,
    Transport,
    VirtualServer,
)

WEB = AddressKey(Transport.TCP, "10.0.0.1", 80)
MARK = MarkKey(5)
OTHER = MarkKey(6)
A, B = DestinationKey("10.1.0.1", 80), DestinationKey("10.1.0.2", 80)
PLAIN = Destination()


@pytest.fixture(params=["memory", pytest.param("kernel", marks=[pytest.mark.root, pytest.mark.ipvs])])
def ipvs(request: pytest.FixtureRequest) -> IpvsKernel:
    """The table under test, empty."""
    if request.param == "memory":
        return MemoryIpvs()
    director: Director = request.getfixturevalue("director")
    return director.ipvs


def test_what_is_applied_is_read(ipvs: IpvsKernel) -> None:
    servers: dict[ServiceKey, VirtualServer] = {
        WEB: VirtualServer(Service("rr"), {A: PLAIN, B: PLAIN}),
        MARK: VirtualServer(Service()),
    }
    steps: tuple[IpvsChange, ...] = (
        AddServers(servers),
        EditServices({MARK: Service("wrr")}),
        EditDestinations({WEB: {A: Destination(weight=0)}}),
        RemoveDestinations({WEB: (B,)}),
        AddDestinations({MARK: {A: PLAIN}}),
        SetTimeouts(Timeouts(800, 100, 200)),
        StartDaemons({SyncRole.MASTER: SyncDaemon(INTERFACE, 3)}),
    )
    for step in steps:
        assert ipvs.apply(step) == ()
    table = ipvs.read()
    assert table.servers == {
        WEB: VirtualServer(Service("rr"), {A: Destination(weight=0)}),
        MARK: VirtualServer(Service("wrr"), {A: PLAIN}),
    }
    assert table.timeouts == Timeouts(800, 100, 200)
    assert SyncDaemon(INTERFACE, 3).is_met_by(table.daemons[SyncRole.MASTER])
    assert set(counted(ipvs)[WEB].destinations) == {A}
    assert set(ipvs.destination_counts(WEB)) == {A}
    assert ipvs.destination_counts(OTHER) == {}
    assert [each for each in ipvs.read_in_parts() if each is not None] == [table]


def test_what_is_refused_leaves_the_rest_done(ipvs: IpvsKernel) -> None:
    ipvs.apply(AddServers({WEB: VirtualServer(Service("rr"), {A: PLAIN})}))
    assert (
        len(ipvs.apply(AddServers({WEB: VirtualServer(Service("wrr")), MARK: VirtualServer(Service())}))) == 1
    )
    assert len(ipvs.apply(AddDestinations({WEB: {A: Destination(weight=9), B: PLAIN}}))) == 1
    assert ipvs.read().servers == {
        WEB: VirtualServer(Service("rr"), {A: PLAIN, B: PLAIN}),
        MARK: VirtualServer(Service()),
    }


def test_nothing_can_be_done_to_what_is_not_there(ipvs: IpvsKernel) -> None:
    assert len(ipvs.apply(EditServices({WEB: Service()}))) == 1
    assert len(ipvs.apply(AddDestinations({WEB: {A: PLAIN}}))) == 1
    assert len(ipvs.apply(EditDestinations({WEB: {A: PLAIN}}))) == 1
    ipvs.apply(AddServers({WEB: VirtualServer(Service())}))
    assert len(ipvs.apply(EditDestinations({WEB: {A: PLAIN}}))) == 1
    assert ipvs.read().servers == {WEB: VirtualServer(Service())}


def test_what_is_gone_may_go_again(ipvs: IpvsKernel) -> None:
    assert ipvs.apply(RemoveServers((WEB,))) == ()
    assert ipvs.apply(RemoveDestinations({WEB: (A,)})) == ()
    assert ipvs.apply(StopDaemons((SyncRole.MASTER,))) == ()
    assert ipvs.read().servers == {}


def test_a_second_daemon_of_a_role_is_refused(ipvs: IpvsKernel) -> None:
    assert ipvs.apply(StartDaemons({SyncRole.MASTER: SyncDaemon(INTERFACE)})) == ()
    (refused,) = ipvs.apply(StartDaemons({SyncRole.MASTER: SyncDaemon(INTERFACE)}))
    assert "one runs already" in refused


def test_a_plan_carried_out_leaves_nothing_to_do(ipvs: IpvsKernel) -> None:
    ours = OwnIpvs(frozenset({MARK}))
    ipvs.apply(AddServers({MARK: VirtualServer(Service("rr"), {A: PLAIN})}))
    ipvs.apply(AddServers({WEB: VirtualServer(Service("wlc"), {A: PLAIN})}))
    wanted = IpvsTable(
        {WEB: VirtualServer(Service("rr"), {B: PLAIN})},
        daemons={SyncRole.BACKUP: SyncDaemon(INTERFACE, 2)},
    )
    for change in ipvs_plan(wanted, ipvs.read(), ours):
        assert ipvs.apply(change) == ()
    assert ipvs.read().servers == wanted.servers
    assert ipvs_plan(wanted, ipvs.read(), ours) == ()
