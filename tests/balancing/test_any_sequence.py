"""Whatever checks say in whatever order: what has to hold of the table and of what is told.

`broken_rules` is the judge. It is seen to fail below, on tables that break each rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.balancing.values import CHECK, DYNAMIC, OTHER_CHECK, SORRY, SORRY_PLACE, WEB, dynamic, real, tcp
from tests.balancing.values import plan as plan_of
from vipkeeper.balancing.virtual_service import VirtualService
from vipkeeper.model.balancing import CheckState, RealServerPlan, ServicePlan, Standing
from vipkeeper.model.director_messages import VirtualServerReport
from vipkeeper.model.ipvs import Destination, DestinationKey, ServiceKey, VirtualServer
from vipkeeper.model.server_changes import QuorumChange, ServerChange

SAYS = st.builds(
    lambda number, label, standing, weight: (
        number,
        label,
        CheckState(standing, weight=weight if label == DYNAMIC else None),
    ),
    st.integers(1, 3),
    st.sampled_from([CHECK, OTHER_CHECK, DYNAMIC]),
    st.sampled_from(Standing),
    st.one_of(st.none(), st.integers(0, 5)),
)
DOES = st.tuples(st.sampled_from(["drain", "undrain", "emptied"]), st.integers(1, 3))
EVENTS = st.lists(st.one_of(SAYS, SAYS, DOES), max_size=40)


@st.composite
def servers(draw: st.DrawFn, number: int) -> RealServerPlan:
    checks = draw(
        st.sampled_from([(), (tcp(),), (tcp(alpha=True),), (tcp(), tcp(OTHER_CHECK)), (dynamic(), tcp())])
    )
    return real(number, *checks, weight=draw(st.integers(0, 4)), inhibit=draw(st.booleans()))


@st.composite
def plans(draw: st.DrawFn) -> ServicePlan:
    sorry = draw(st.sampled_from([None, SORRY, msgspec.structs.replace(SORRY, inhibit=True)]))
    return plan_of(
        *(draw(servers(number)) for number in (1, 2, 3)),
        sorry=sorry,
        quorum=draw(st.integers(1, 6)),
        hysteresis=draw(st.integers(0, 2)),
    )


def happens(service: VirtualService, event: tuple[object, ...]) -> None:
    match event:
        case (int(number), str(label), CheckState() as state):
            service.checked(f"web{number}", label, state)
        case ("drain", number):
            service.drain(f"web{number}")
        case ("undrain", number):
            service.undrain(f"web{number}")
        case ("emptied", number):
            service.emptied(f"web{number}")


def broken_rules(
    plan: ServicePlan, report: VirtualServerReport, wanted: Mapping[ServiceKey, VirtualServer]
) -> set[str]:
    """What does not hold of this table."""
    broken = set()
    destinations = wanted[WEB].destinations
    sorry = destinations.get(SORRY_PLACE)
    sorry_serves = sorry is not None and sorry.weight > 0
    without_quorum = report.state == "down"
    if sorry_serves and not without_quorum:
        broken.add("the sorry server serves beside a quorum")
    if plan.sorry is not None and without_quorum and not sorry_serves:
        broken.add("nobody serves without a quorum")
    for server in report.real_servers:
        how = destinations.get(DestinationKey(server.address, server.port))
        serves = how is not None and how.weight > 0
        if serves and sorry_serves:
            broken.add("a real server serves beside the sorry server")
        if serves and server.state != "up":
            broken.add("one that is not up serves")
        if server.state == "up" and not sorry_serves and how is None:
            broken.add("one that is up is missing")
        weighs = any(check.kind == "misc_check" for check in server.checks)
        light = how is not None and how.weight == 0 and server.configured_weight > 0
        if server.state == "up" and not sorry_serves and light and not weighs:
            broken.add("one that is up has weight 0")
    return broken


def out_of_turn(changes: list[ServerChange]) -> list[ServerChange]:
    """Those that say of somebody what was said of it before."""
    last: dict[str, object] = {}
    found = []
    for change in changes:
        who = "" if isinstance(change, QuorumChange) else change.real_server
        if last.get(who) is change.state:
            found.append(change)
        last[who] = change.state
    return found


@given(plans(), EVENTS)
def test_the_rules_hold_after_each_event(plan: ServicePlan, events: list[tuple[object, ...]]) -> None:
    service = VirtualService(plan)
    assert broken_rules(plan, service.report(), service.wanted()) == set()
    changes = list(service.changes())
    for event in events:
        happens(service, event)
        assert broken_rules(plan, service.report(), service.wanted()) == set()
        changes += service.changes()
    assert out_of_turn(changes) == []


@given(plans(), EVENTS)
def test_what_is_told_is_what_is(plan: ServicePlan, events: list[tuple[object, ...]]) -> None:
    """Somebody who adds up all changes knows who is up. Of nobody else was anything told."""
    service = VirtualService(plan)
    for event in events:
        happens(service, event)
    last = {
        None if isinstance(change, QuorumChange) else change.real_server: change.state.value
        for change in service.changes()
    }
    if None in last:
        assert last[None].lower() == service.report().state
    for server in VirtualService(plan).report().real_servers:
        first = server.state.upper()
        (now,) = [one for one in service.report().real_servers if one.name == server.name]
        if now.state in ("up", "down"):
            assert last.get(now.name, first) == now.state.upper()


@given(plans(), st.lists(SAYS, max_size=40))
def test_the_way_does_not_matter(plan: ServicePlan, said: list[tuple[int, str, CheckState]]) -> None:
    """Another machine that only hears the last word of each check has the same table, but for hysteresis."""
    plan = msgspec.structs.replace(plan, hysteresis=0)
    said = [event for event in said if event[2].standing is not Standing.UNKNOWN]
    last = {(event[0], event[1]): event for event in said}
    one, other = VirtualService(plan), VirtualService(plan)
    for event in said:
        happens(one, event)
    for event in last.values():
        happens(other, event)
    assert one.wanted() == other.wanted()
    assert Counter(server.state for server in one.report().real_servers) == Counter(
        server.state for server in other.report().real_servers
    )


@given(plans(), EVENTS)
def test_a_restart_serves_as_before(plan: ServicePlan, events: list[tuple[object, ...]]) -> None:
    """Who gets connections in the table that was left gets them from the next process, and nobody else."""
    before = VirtualService(plan)
    for event in events:
        happens(before, event)
    after = VirtualService(plan, found=before.wanted(), draining=before.draining)
    with_checks = {server.key for server in plan.real_servers if server.checks}

    def serving(service: VirtualService) -> dict[DestinationKey, Destination]:
        destinations = service.wanted()[WEB].destinations
        return {key: how for key, how in destinations.items() if how.weight > 0 and key in with_checks}

    if not before.report().sorry_in_use:
        assert {key: serving(before)[key] for key in serving(after)} == serving(after)
        assert after.quorum_up or serving(after) == serving(before)
    assert all(isinstance(change, QuorumChange) for change in after.changes())


ONE = real(1, tcp())


@pytest.mark.parametrize(
    ("state", "destinations", "broken"),
    [
        ("up", {ONE.key: Destination(), SORRY_PLACE: Destination()}, "beside a quorum"),
        ("down", {SORRY_PLACE: Destination(weight=0)}, "nobody serves"),
        ("down", {ONE.key: Destination(), SORRY_PLACE: Destination()}, "beside the sorry server"),
        ("up", {}, "is missing"),
        ("up", {ONE.key: Destination(weight=0)}, "has weight 0"),
    ],
)
def test_a_broken_rule_is_found(
    state: str, destinations: dict[DestinationKey, Destination], broken: str
) -> None:
    plan = plan_of(ONE, sorry=SORRY)
    service = VirtualService(plan)
    report = msgspec.structs.replace(service.report(), state=state)
    wanted: dict[ServiceKey, VirtualServer] = {WEB: VirtualServer(plan.service, destinations)}
    assert [rule for rule in broken_rules(plan, report, wanted) if broken in rule]


def test_one_that_serves_though_it_is_down_is_found() -> None:
    plan = plan_of(ONE)
    service = VirtualService(plan)
    wanted = service.wanted()
    service.checked("web1", CHECK, CheckState(Standing.DOWN))
    assert broken_rules(plan, service.report(), wanted) == {"one that is not up serves"}


def test_a_change_out_of_turn_is_found() -> None:
    service = VirtualService(plan_of(ONE))
    changes = list(service.changes())
    assert out_of_turn([*changes, *changes]) == changes
