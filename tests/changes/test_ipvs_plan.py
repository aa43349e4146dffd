"""An IPVS plan leads from any table to the wanted one, touches nothing else, and may be stopped anywhere."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.changes.ipvs_safety import dangers, stages
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
from vipkeeper.model.ipvs import (
    AddressKey,
    Destination,
    DestinationKey,
    Forwarding,
    IpvsTable,
    MarkKey,
    OwnIpvs,
    Persistence,
    Service,
    ServiceKey,
    SyncDaemon,
    SyncRole,
    Timeouts,
    Transport,
    VirtualServer,
)

WEB = AddressKey(Transport.TCP, "192.0.2.1", 80)
MAIL = AddressKey(Transport.TCP, "2001:db8::1", 25)
MARK = MarkKey(7)
KEYS: tuple[ServiceKey, ...] = (WEB, MAIL, MARK)
A, B, C = (DestinationKey(f"198.51.100.{number}", 80) for number in (1, 2, 3))

TIMEOUTS = Timeouts(900, 120, 300)
PLAIN = Destination()
DRAINED = Destination(weight=0)
NOBODY = OwnIpvs()

services = some.sampled_from(
    [Service("rr"), Service("wlc"), Service("wlc", persistence=Persistence(300, "255.255.255.255"))]
)
ways = some.builds(Destination, some.sampled_from([Forwarding.NAT, Forwarding.DR]), some.integers(0, 2))
servers = some.builds(VirtualServer, services, some.dictionaries(some.sampled_from([A, B, C]), ways))
daemons = some.dictionaries(
    some.sampled_from(SyncRole), some.sampled_from([SyncDaemon("eth0"), SyncDaemon("eth1", 3)])
)
table_servers = some.dictionaries(some.sampled_from(KEYS), servers)
wanted_tables = some.builds(
    IpvsTable, table_servers, some.sampled_from([None, TIMEOUTS, Timeouts(60, 10, 30)]), daemons
)
observed_tables = some.builds(IpvsTable, table_servers, some.just(TIMEOUTS), daemons)
owned = some.builds(
    OwnIpvs, some.frozensets(some.sampled_from(KEYS)), some.frozensets(some.sampled_from(SyncRole))
)


def table(key: ServiceKey, service: Service, **destinations: Destination) -> IpvsTable:
    """One virtual server; destinations by the names a, b and c."""
    named = {"a": A, "b": B, "c": C}
    return IpvsTable({key: VirtualServer(service, {named[name]: how for name, how in destinations.items()})})


def kinds(changes: Sequence[IpvsChange]) -> list[type]:
    return [type(change) for change in changes]


@given(wanted_tables, observed_tables, owned)
def test_every_beginning_of_a_plan_is_safe(wanted: IpvsTable, observed: IpvsTable, ours: OwnIpvs) -> None:
    assert dangers(ipvs_plan(wanted, observed, ours), wanted, observed, ours) == []


@given(wanted_tables, observed_tables, owned)
def test_a_plan_leads_to_the_wanted_table(wanted: IpvsTable, observed: IpvsTable, ours: OwnIpvs) -> None:
    *_, end = stages(ipvs_plan(wanted, observed, ours), observed)
    others = {key: found for key, found in observed.servers.items() if key not in ours.services}
    assert end.servers == {**others, **wanted.servers}
    assert end.timeouts == (wanted.timeouts or observed.timeouts)
    kept = {role: running for role, running in observed.daemons.items() if role not in ours.roles}
    assert end.daemons.keys() == kept.keys() | wanted.daemons.keys()
    assert all(daemon.is_met_by(end.daemons[role]) for role, daemon in wanted.daemons.items())
    assert ipvs_plan(wanted, end, ours) == ()


def test_what_is_the_same_is_in_no_change() -> None:
    same = VirtualServer(Service("rr"), {A: PLAIN})
    wanted = IpvsTable({WEB: same, MAIL: VirtualServer(Service("rr"), {A: PLAIN, B: PLAIN})}, TIMEOUTS)
    observed = IpvsTable({WEB: same, MAIL: same}, TIMEOUTS)
    assert ipvs_plan(wanted, observed, NOBODY) == (AddDestinations({MAIL: {B: PLAIN}}),)


def test_the_order_of_all_steps() -> None:
    wanted = IpvsTable(
        {
            WEB: VirtualServer(Service("rr"), {A: PLAIN, B: DRAINED}),
            MARK: VirtualServer(Service("rr"), {A: PLAIN}),
        },
        Timeouts(60, 10, 30),
        {SyncRole.MASTER: SyncDaemon("eth1")},
    )
    observed = IpvsTable(
        {
            WEB: VirtualServer(Service("wlc"), {B: PLAIN, C: PLAIN}),
            MAIL: VirtualServer(Service("wlc"), {}),
        },
        TIMEOUTS,
        {SyncRole.MASTER: SyncDaemon("eth0")},
    )
    changes = ipvs_plan(wanted, observed, OwnIpvs(frozenset({MAIL})))
    assert kinds(changes) == [
        StopDaemons,
        AddServers,
        EditServices,
        AddDestinations,
        EditDestinations,
        RemoveDestinations,
        RemoveServers,
        SetTimeouts,
        StartDaemons,
    ]


def test_a_weight_grows_before_another_one_shrinks() -> None:
    """A sorry server comes in before the last real one goes out."""
    wanted = table(WEB, Service("rr"), a=DRAINED, b=PLAIN)
    observed = table(WEB, Service("rr"), a=PLAIN, b=DRAINED)
    (change,) = ipvs_plan(wanted, observed, NOBODY)
    assert isinstance(change, EditDestinations)
    assert list(change.destinations[WEB]) == [B, A]


def test_what_others_made_is_left_alone() -> None:
    theirs = table(MAIL, Service("rr"), a=PLAIN)
    assert ipvs_plan(IpvsTable(), theirs, NOBODY) == ()
    assert ipvs_plan(IpvsTable(), theirs, OwnIpvs(frozenset({WEB}))) == ()
    assert ipvs_plan(IpvsTable(), theirs, OwnIpvs(frozenset({MAIL}))) == (RemoveServers((MAIL,)),)


def test_what_is_configured_is_taken_over_without_a_gap() -> None:
    """Somebody made the virtual server before us: it is corrected where it differs, not made anew."""
    wanted = table(WEB, Service("rr"), a=PLAIN, b=PLAIN)
    found = table(WEB, Service("rr"), a=PLAIN, c=PLAIN)
    assert kinds(ipvs_plan(wanted, found, NOBODY)) == [AddDestinations, RemoveDestinations]


def test_what_somebody_deleted_comes_back() -> None:
    wanted = table(WEB, Service("rr"), a=PLAIN, b=PLAIN)
    assert kinds(ipvs_plan(wanted, IpvsTable(), OwnIpvs(frozenset({WEB})))) == [AddServers]
    left = table(WEB, Service("rr"), a=PLAIN)
    assert kinds(ipvs_plan(wanted, left, OwnIpvs(frozenset({WEB})))) == [AddDestinations]


def test_a_daemon_goes_on_when_only_the_kernels_choice_differs() -> None:
    running = SyncDaemon("eth0", 0, 1472, "224.0.0.81", 8848, 1)
    wanted = IpvsTable(daemons={SyncRole.MASTER: SyncDaemon("eth0")})
    observed = IpvsTable(daemons={SyncRole.MASTER: running})
    assert ipvs_plan(wanted, observed, NOBODY) == ()


def test_a_daemon_of_others_is_left_running() -> None:
    observed = IpvsTable(daemons={SyncRole.BACKUP: SyncDaemon("eth0")})
    assert ipvs_plan(IpvsTable(), observed, NOBODY) == ()
    ours = OwnIpvs(roles=frozenset({SyncRole.BACKUP}))
    assert ipvs_plan(IpvsTable(), observed, ours) == (StopDaemons((SyncRole.BACKUP,)),)


WANTED = table(WEB, Service("rr"), b=PLAIN)
OBSERVED = table(WEB, Service("rr"), a=PLAIN)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (
            (RemoveDestinations({WEB: (A,)}), AddDestinations({WEB: {B: PLAIN}})),
            "after 1: tcp 192.0.2.1:80 has no live destination meanwhile",
        ),
        (
            (RemoveServers((WEB,)), AddServers(dict(WANTED.servers))),
            "after 1: tcp 192.0.2.1:80 is gone and should stay",
        ),
        ((EditServices({WEB: Service("sh")}),), "neither the old one nor the new one"),
    ],
)
def test_the_judge_catches_a_bad_order(changes: tuple[IpvsChange, ...], complaint: str) -> None:
    assert complaint in "\n".join(dangers(changes, WANTED, OBSERVED, NOBODY))


def test_the_judge_catches_a_hand_on_what_is_not_ours() -> None:
    theirs = table(MAIL, Service("rr"), a=PLAIN)
    found = dangers((RemoveServers((MAIL,)),), IpvsTable(), theirs, NOBODY)
    assert found == ["after 1: tcp [2001:db8::1]:25 was touched and is not ours"]


def test_the_judge_catches_a_destination_that_blinks() -> None:
    both = table(WEB, Service("rr"), a=PLAIN, b=PLAIN)
    changes = (RemoveDestinations({WEB: (A,)}), AddDestinations({WEB: {A: PLAIN}}))
    assert dangers(changes, both, both, NOBODY) == [
        "after 1: tcp 192.0.2.1:80 -> 198.51.100.1:80 is gone or changed and should stay"
    ]
