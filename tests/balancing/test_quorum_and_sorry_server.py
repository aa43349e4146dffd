"""Who is in the table when servers fail and recover, and what is told of it."""

from __future__ import annotations

import msgspec
import pytest

from tests.balancing.values import (
    CHECK,
    DYNAMIC,
    OTHER_CHECK,
    SORRY,
    WEB,
    dynamic,
    fail,
    place,
    plan,
    real,
    recover,
    tcp,
    told,
    weigh,
    weights,
    with_alpha,
)
from vipkeeper.balancing.quorum import Quorum
from vipkeeper.balancing.virtual_service import VirtualService
from vipkeeper.model.balancing import CheckState, RealServerPlan, SorryPlan, Standing
from vipkeeper.model.ipvs import (
    AddressKey,
    Destination,
    DestinationKey,
    Forwarding,
    MarkKey,
    Transport,
    Tunnel,
)
from vipkeeper.model.server_changes import QuorumChange, RealServerChange, ServerState

BOTH = {"1": 1, "2": 1}
INHIBITING_SORRY = msgspec.structs.replace(SORRY, inhibit=True)


def inhibiting(sorry: SorryPlan | None = None) -> VirtualService:
    return VirtualService(plan(real(1, tcp(), inhibit=True), real(2, tcp(), inhibit=True), sorry=sorry))


@pytest.mark.parametrize(
    ("needed", "hysteresis", "up", "weight", "after"),
    [
        (1, 0, False, 0, False),
        (1, 0, False, 1, True),
        (1, 0, True, 0, False),
        (3, 1, False, 3, False),
        (3, 1, False, 4, True),
        (3, 1, True, 2, True),
        (3, 1, True, 1, False),
        (2, 5, True, 1, True),
        (2, 5, True, 0, False),
    ],
)
def test_quorum(needed: int, hysteresis: int, up: bool, weight: int, after: bool) -> None:
    assert Quorum(needed, hysteresis, up=up).after(weight).up is after


def test_servers_are_in_until_a_check_says_otherwise() -> None:
    service = VirtualService(plan())
    assert weights(service) == BOTH
    assert told(service) == ["first quorum UP"]
    fail(service, 1)
    assert weights(service) == {"2": 1}
    assert told(service) == ["web1 DOWN"]
    recover(service, 1)
    assert weights(service) == BOTH
    assert told(service) == ["web1 UP"]


def test_the_last_one_takes_the_quorum_with_it() -> None:
    service = VirtualService(plan())
    told(service)
    fail(service, 1)
    fail(service, 2)
    assert weights(service) == {}
    assert told(service) == ["web1 DOWN", "web2 DOWN", "quorum DOWN"]
    recover(service, 2)
    assert told(service) == ["web2 UP", "quorum UP"]


def test_changes_say_what_and_why() -> None:
    service = VirtualService(plan(real(1, tcp())))
    service.changes()
    fail(service, 1, detail="connection refused")
    assert service.changes() == (
        RealServerChange("web", "web1", ServerState.DOWN, f"{CHECK}: connection refused"),
        QuorumChange("web", ServerState.DOWN, 0, 1, "weight 0 of quorum 1"),
    )
    assert service.changes() == ()


def test_an_unknown_word_takes_nothing_back() -> None:
    service = VirtualService(plan())
    told(service)
    fail(service, 1)
    service.checked("web1", CHECK, CheckState(Standing.UNKNOWN, "could not be asked"))
    assert weights(service) == {"2": 1}
    service.checked("web2", CHECK, CheckState(Standing.UNKNOWN, "failed once"))
    assert weights(service) == {"2": 1}
    assert told(service) == ["web1 DOWN"]


def test_what_is_not_there_any_more_says_nothing() -> None:
    service = VirtualService(plan())
    fail(service, 7)
    fail(service, 1, OTHER_CHECK)
    assert weights(service) == BOTH


def test_every_check_has_to_be_well() -> None:
    service = VirtualService(plan(real(1, tcp(), tcp(OTHER_CHECK)), real(2)))
    told(service)
    fail(service, 1)
    fail(service, 1, OTHER_CHECK)
    recover(service, 1)
    assert weights(service) == {"2": 1}
    recover(service, 1, OTHER_CHECK)
    assert weights(service) == BOTH
    assert told(service) == ["web1 DOWN", "web1 UP"]


def test_the_sorry_server_serves_while_there_is_no_quorum() -> None:
    service = VirtualService(plan(sorry=SORRY, quorum=2))
    assert weights(service) == BOTH
    fail(service, 1)
    assert weights(service) == {"99": 1}
    assert service.report().sorry_in_use
    fail(service, 2)
    recover(service, 2)
    assert weights(service) == {"99": 1}
    recover(service, 1)
    assert weights(service) == BOTH
    assert told(service) == [
        "first quorum UP",
        "web1 DOWN",
        "quorum DOWN",
        "web2 DOWN",
        "web2 UP",
        "web1 UP",
        "quorum UP",
    ]


def test_without_a_sorry_server_those_that_are_well_go_on() -> None:
    service = VirtualService(plan(quorum=2))
    fail(service, 1)
    assert not service.quorum_up
    assert weights(service) == {"2": 1}


def test_hysteresis() -> None:
    service = VirtualService(plan(*(real(number, tcp()) for number in range(1, 6)), quorum=3, hysteresis=1))
    assert told(service) == ["first quorum UP"]
    for number in (1, 2, 3):  # two are left: quorum - hysteresis
        fail(service, number)
    assert service.report().state == "up"
    fail(service, 4)
    assert service.report().state == "down"
    recover(service, 1)
    recover(service, 2)
    assert service.report().state == "down"
    recover(service, 3)
    assert service.report().state == "up"


def test_a_failed_server_that_is_inhibited_keeps_its_place() -> None:
    service = inhibiting()
    fail(service, 1)
    assert weights(service) == {"1": 0, "2": 1}
    fail(service, 2)
    assert weights(service) == {"1": 0, "2": 0}


def test_beside_the_sorry_server_too() -> None:
    service = inhibiting(SORRY)
    fail(service, 1)
    fail(service, 2)
    assert weights(service) == {"1": 0, "2": 0, "99": 1}


def test_an_inhibited_sorry_server_is_always_there() -> None:
    service = VirtualService(plan(sorry=INHIBITING_SORRY))
    assert weights(service) == {**BOTH, "99": 0}
    fail(service, 1)
    fail(service, 2)
    assert weights(service) == {"99": 1}


@pytest.mark.parametrize("sorry", [SORRY, INHIBITING_SORRY], ids=["plain", "inhibited"])
def test_a_sorry_server_that_is_a_real_server_too(sorry: SorryPlan) -> None:
    same = msgspec.structs.replace(sorry, key=place(1))
    service = VirtualService(plan(real(1, tcp(), weight=5), real(2, tcp()), sorry=same, quorum=6))
    assert weights(service) == {"1": 5, "2": 1}
    fail(service, 2)
    assert weights(service) == {"1": 1}
    service.followed(plan(real(1, tcp(), weight=5), real(2, tcp()), sorry=same))
    fail(service, 1)
    recover(service, 2)
    assert weights(service) == {"2": 1}


def test_alpha_is_out_until_its_check_succeeds() -> None:
    service = VirtualService(with_alpha(plan()))
    assert weights(service) == {}
    assert told(service) == []  # like keepalived: a quorum that never was is not lost
    fail(service, 1)
    recover(service, 2)
    assert weights(service) == {"2": 1}
    assert told(service) == ["first web1 DOWN", "first web2 UP", "quorum UP"]


def test_alpha_begins_with_the_sorry_server() -> None:
    service = VirtualService(with_alpha(plan(sorry=SORRY)))
    assert weights(service) == {"99": 1}
    recover(service, 1)
    assert weights(service) == {"1": 1}
    assert told(service) == ["first quorum DOWN", "first web1 UP", "quorum UP"]


def test_alpha_waits_for_each_of_its_checks() -> None:
    service = VirtualService(with_alpha(plan(real(1, tcp(), tcp(OTHER_CHECK)))))
    recover(service, 1)
    assert weights(service) == {}
    recover(service, 1, OTHER_CHECK)
    assert weights(service) == {"1": 1}


def test_servers_that_start_up_are_told_if_it_is_wanted() -> None:
    service = VirtualService(
        msgspec.structs.replace(plan(real(1), real(2, tcp(alpha=True))), init_notifies=True)
    )
    assert told(service) == ["first web1 UP", "first quorum UP"]


def test_weight_0_stands_and_gets_nothing() -> None:
    service = VirtualService(plan(real(1, weight=0), real(2, tcp())))
    assert weights(service) == {"1": 0, "2": 1}
    fail(service, 2)
    assert not service.quorum_up


def test_a_check_says_the_weight() -> None:
    service = VirtualService(plan(real(1, dynamic(), weight=3), real(2), quorum=4))
    weigh(service, 1, 10)
    assert weights(service) == {"1": 10, "2": 1}
    weigh(service, 1, 10, Standing.DOWN)
    assert weights(service) == {"2": 1}
    weigh(service, 1, 2)
    assert weights(service) == {"1": 2, "2": 1}
    assert not service.quorum_up
    weigh(service, 1, None)
    assert weights(service) == {"1": 3, "2": 1}
    assert told(service) == [
        "first quorum UP",
        "web1 DOWN",
        "quorum DOWN",
        "web1 UP",
        "quorum UP",
    ]


@pytest.mark.parametrize(("by", "weight"), [(4, 7), (-3, 0), (-40, 0), (70000, 65535)])
def test_a_file_adds_to_the_weight(by: int, weight: int) -> None:
    service = VirtualService(plan(real(1, tcp(), weight=3), real(2)))
    service.checked("web1", CHECK, CheckState(Standing.UP, changes_weight_by=by))
    assert weights(service) == {"1": weight, "2": 1}


def test_several_checks_that_say_weights_are_added_up() -> None:
    service = VirtualService(plan(real(1, tcp(), dynamic(), weight=3)))
    weigh(service, 1, 5)
    service.checked("web1", CHECK, CheckState(Standing.UP, changes_weight_by=10))
    assert weights(service) == {"1": 15}


def test_each_key_of_a_group_has_the_same_servers_but_for_ports() -> None:
    other = AddressKey(Transport.TCP, "192.0.2.81", 443)
    mark = MarkKey(3)
    nat = RealServerPlan("nat", DestinationKey("10.1.0.1", 8080), Destination())
    any_port = RealServerPlan("any", DestinationKey("10.1.0.2", 0), Destination())
    direct = RealServerPlan("dr", DestinationKey("10.1.0.3", 8080), Destination(Forwarding.DR))
    tunnel = Destination(Forwarding.TUN, tunnel=Tunnel())
    wrapped = RealServerPlan("tun", DestinationKey("10.1.0.4", 0), tunnel)
    group = msgspec.structs.replace(plan(nat, any_port, direct, wrapped), keys=(WEB, other, mark))
    wanted = VirtualService(group).wanted()
    assert {key: [one.port for one in server.destinations] for key, server in wanted.items()} == {
        WEB: [8080, 80, 80, 80],
        other: [8080, 443, 443, 443],
        mark: [8080, 0, 0, 0],
    }


def test_the_table_is_the_same_object_while_nothing_changes() -> None:
    service = VirtualService(plan())
    before = service.wanted()
    recover(service, 1)
    assert service.wanted() is before
    fail(service, 1)
    assert service.wanted() is not before


def test_a_report_says_why() -> None:
    service = VirtualService(plan(real(1, tcp()), real(2, tcp(alpha=True)), real(3), sorry=SORRY, quorum=2))
    fail(service, 1, detail="connection refused")
    report = service.report()
    relieved = "the sorry server serves, for there is no quorum"
    assert (report.state, report.weight, report.quorum, report.keys) == ("down", 1, 2, ("tcp 192.0.2.80:80",))
    assert [(one.name, one.state, one.in_table, one.reason) for one in report.real_servers] == [
        ("web1", "down", False, f"{CHECK}: connection refused"),
        ("web2", "down", False, f"waits for {CHECK} to succeed"),
        ("web3", "up", False, f"{relieved}; of this one: it has no check"),
    ]
    assert [(one.kind, one.name, one.state, one.detail) for one in report.real_servers[0].checks] == [
        ("tcp_check", "one", "down", "connection refused")
    ]
    recover(service, 1)
    reasons = [one.reason for one in service.report().real_servers]
    assert reasons[0] == "every check is well"


def test_a_report_says_what_has_not_spoken_yet() -> None:
    service = VirtualService(plan(real(1, tcp(), dynamic())))
    recover(service, 1)
    assert service.report().real_servers[0].reason == f"no word yet from {DYNAMIC}"
