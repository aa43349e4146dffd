"""What keeps its state when the configuration is read anew, when another process goes on, and at the end."""

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
    table,
    tcp,
    told,
    weigh,
    weights,
    with_alpha,
)
from vipkeeper.balancing.virtual_service import VirtualService
from vipkeeper.model.balancing import CheckState, ServicePlan
from vipkeeper.model.ipvs import AddressKey, Destination, Service, Transport, VirtualServer

BOTH = {"1": 1, "2": 1}
VIP = frozenset({"web"})
OTHER_VIP = frozenset({"other"})


def running(of: ServicePlan | None = None) -> VirtualService:
    service = VirtualService(of or plan())
    told(service)
    return service


# Reloads.


def test_a_failed_server_is_not_put_in_again() -> None:
    service = running()
    fail(service, 1)
    told(service)
    service.followed(plan(real(1, tcp(), weight=9), real(2, tcp(), weight=4)))
    assert weights(service) == {"2": 4}
    recover(service, 1)
    assert weights(service) == {"1": 9, "2": 4}
    assert told(service) == ["web1 UP"]


def test_not_by_another_check_either() -> None:
    service = running()
    fail(service, 1)
    service.followed(plan(real(1, tcp(OTHER_CHECK)), real(2, tcp())))
    assert weights(service) == {"2": 1}
    recover(service, 1, OTHER_CHECK)
    assert weights(service) == BOTH


def test_one_that_is_up_does_not_wait_for_its_new_checks() -> None:
    service = running()
    service.followed(with_alpha(plan(real(1, tcp(), tcp(OTHER_CHECK)), real(2, tcp()))))
    assert weights(service) == BOTH
    fail(service, 1, OTHER_CHECK)
    assert weights(service) == {"2": 1}


def test_without_its_checks_a_failed_server_is_up() -> None:
    service = running()
    fail(service, 1)
    told(service)
    service.followed(plan(real(1), real(2)))
    assert weights(service) == BOTH
    assert told(service) == ["web1 UP"]


def test_the_failed_one_of_two_checks_is_taken_away() -> None:
    service = running(plan(real(1, tcp(), tcp(OTHER_CHECK)), real(2)))
    recover(service, 1)
    fail(service, 1, OTHER_CHECK)
    service.followed(plan(real(1, tcp()), real(2)))
    assert weights(service) == BOTH


def test_a_new_server_begins_as_at_a_start() -> None:
    service = running()
    service.followed(plan(real(1, tcp()), real(2, tcp()), real(3, tcp()), real(4, tcp(alpha=True))))
    assert weights(service) == {**BOTH, "3": 1}
    assert told(service) == []
    recover(service, 4)
    assert told(service) == ["first web4 UP"]


def test_a_server_is_known_by_its_address() -> None:
    service = running()
    fail(service, 1)
    renamed = msgspec.structs.replace(real(1, tcp()), name="renamed")
    moved = msgspec.structs.replace(real(2, tcp(alpha=True)), key=place(22))
    service.followed(plan(renamed, moved))
    assert weights(service) == {}
    recover(service, 2)
    assert weights(service) == {"22": 1}


def test_one_that_goes_is_told_as_down() -> None:
    service = running(plan(quorum=2))
    service.followed(plan(real(2, tcp()), quorum=2))
    assert weights(service) == {"2": 1}
    assert told(service) == ["web1 DOWN", "first quorum DOWN"]


def test_one_that_goes_and_was_down_is_not() -> None:
    service = running()
    fail(service, 1)
    told(service)
    service.followed(plan(real(2, tcp())))
    assert told(service) == []


def test_all_of_it_goes() -> None:
    service = running()
    fail(service, 1)
    told(service)
    service.removed()
    assert service.wanted() == {}
    assert told(service) == ["web2 DOWN", "quorum DOWN"]


def test_all_of_it_goes_without_a_quorum() -> None:
    service = running(plan(quorum=2))
    fail(service, 1)
    told(service)
    service.removed()
    assert told(service) == ["web2 DOWN"]


def test_another_quorum_counts_at_once() -> None:
    service = running()
    service.followed(plan(quorum=3, sorry=SORRY))
    assert weights(service) == {"99": 1}
    assert told(service) == ["first quorum DOWN"]
    service.followed(plan(quorum=2))
    assert weights(service) == BOTH
    assert told(service) == ["first quorum UP"]


def test_between_the_limits_of_the_hysteresis_a_reload_changes_nothing() -> None:
    three = tuple(real(number, tcp()) for number in (1, 2, 3))
    service = running(plan(*three, quorum=2, hysteresis=1))
    fail(service, 1)
    fail(service, 2)
    service.followed(plan(*three, quorum=2, hysteresis=1, sorry=SORRY))
    assert weights(service) == {"3": 1}
    fail(service, 3)
    recover(service, 3)
    recover(service, 2)
    service.followed(plan(*three, quorum=2, hysteresis=1))
    assert service.report().state == "down"


def test_a_weight_that_a_check_gave_stays() -> None:
    service = running(plan(real(1, dynamic(), weight=3), real(2)))
    weigh(service, 1, 10)
    service.followed(plan(real(1, dynamic(), weight=5), real(2)))
    assert weights(service) == {"1": 10, "2": 1}
    service.checked("web1", DYNAMIC, CheckState())
    assert weights(service) == {"1": 10, "2": 1}, "its program is another one, and has not run yet"
    weigh(service, 1, None)
    assert weights(service) == {"1": 5, "2": 1}


def test_what_did_not_change_is_the_same_object() -> None:
    service = running()
    before = service.wanted()
    service.followed(plan())
    assert service.wanted() is before


# Restarts: the table that an earlier process left.


def test_a_restart_takes_nobody_out_and_puts_nobody_in() -> None:
    service = VirtualService(plan(), found=table([(2, 1)]))
    assert weights(service) == {"2": 1}
    assert told(service) == ["first quorum UP"]
    fail(service, 1)
    assert told(service) == []
    recover(service, 1)
    assert weights(service) == BOTH
    assert told(service) == ["web1 UP"]


def test_one_that_is_out_waits_for_each_of_its_checks() -> None:
    service = VirtualService(plan(real(1, tcp(), tcp(OTHER_CHECK)), real(2)), found=table([(2, 1)]))
    recover(service, 1)
    assert weights(service) == {"2": 1}
    recover(service, 1, OTHER_CHECK)
    assert weights(service) == BOTH


def test_one_that_is_in_waits_for_none_even_with_alpha() -> None:
    twice = with_alpha(plan(real(1, tcp(), tcp(OTHER_CHECK)), real(2)))
    service = VirtualService(twice, found=table([(1, 1), (2, 1)]))
    fail(service, 1)
    recover(service, 1)
    assert weights(service) == BOTH


def test_alpha_has_succeeded_before() -> None:
    service = VirtualService(with_alpha(plan()), found=table([(1, 1), (2, 1)]))
    assert weights(service) == BOTH
    fail(service, 2)
    assert weights(service) == {"1": 1}


@pytest.mark.parametrize("inhibit", [True, False])
def test_one_with_weight_0_keeps_its_place_until_its_check_says_more(inhibit: bool) -> None:
    service = VirtualService(
        plan(real(1, tcp(), inhibit=inhibit), real(2, tcp())), found=table([(1, 0), (2, 1)])
    )
    assert weights(service) == {"1": 0, "2": 1}
    fail(service, 1)
    assert weights(service) == ({"1": 0, "2": 1} if inhibit else {"2": 1})
    recover(service, 1)
    assert weights(service) == BOTH


def test_one_without_checks_is_put_in() -> None:
    service = VirtualService(plan(real(1), real(2)), found=table([(2, 0)]))
    assert weights(service) == BOTH


def test_weight_0_that_is_configured_is_up() -> None:
    service = VirtualService(plan(real(1, tcp(), weight=0), real(2)), found=table([(1, 0), (2, 1)]))
    assert service.report().real_servers[0].state == "up"


def test_a_weight_that_a_check_gave_is_kept_until_it_speaks() -> None:
    servers = plan(real(1, dynamic(), weight=3), real(2, tcp(), weight=4))
    service = VirtualService(servers, found=table([(1, 10), (2, 10)]))
    assert weights(service) == {"1": 10, "2": 4}
    weigh(service, 1, None)
    assert weights(service) == {"1": 3, "2": 4}


def test_the_sorry_server_goes_on_until_there_is_a_quorum() -> None:
    service = VirtualService(plan(sorry=SORRY, quorum=2), found=table([(99, 1)]))
    assert weights(service) == {"99": 1}
    recover(service, 1)
    assert weights(service) == {"99": 1}
    recover(service, 2)
    assert weights(service) == BOTH
    assert told(service) == ["first quorum DOWN", "web1 UP", "web2 UP", "quorum UP"]


def test_the_sorry_server_says_how_the_quorum_was_between_its_limits() -> None:
    of = plan(*(real(number, tcp()) for number in (1, 2, 3)), quorum=2, hysteresis=1, sorry=SORRY)
    assert weights(VirtualService(of, found=table([(1, 1)]))) == {"1": 1}
    unchecked = plan(real(1), real(2, tcp()), real(3, tcp()), quorum=2, hysteresis=1, sorry=SORRY)
    assert weights(VirtualService(unchecked, found=table([(99, 1)]))) == {"99": 1}


def test_a_real_server_that_served_as_sorry_server_says_nothing_of_itself() -> None:
    same = msgspec.structs.replace(SORRY, key=place(1))
    service = VirtualService(plan(sorry=same, quorum=2), found=table([(1, 1)]))
    assert [one.state for one in service.report().real_servers] == ["down", "down"]
    assert weights(service) == {"1": 1}


def test_others_in_the_table_are_not_it() -> None:
    elsewhere = AddressKey(Transport.TCP, "192.0.2.99", 80)
    service = VirtualService(plan(), found={elsewhere: table([(2, 1)])[WEB]})
    assert weights(service) == BOTH
    assert told(service) == ["first quorum UP"]


def test_a_group_that_was_being_written_is_read_as_it_was_meant() -> None:
    other = AddressKey(Transport.TCP, "192.0.2.81", 80)
    half = VirtualServer(Service("rr"), {place(1): Destination()})
    of = msgspec.structs.replace(plan(), keys=(WEB, other))
    service = VirtualService(of, found={**table([(1, 1), (2, 1)]), other: half})
    assert weights(service) == weights(service, other) == BOTH
    lighter = {**table([(1, 1), (2, 1)]), other: table([(1, 0), (2, 0)])[WEB]}
    assert weights(VirtualService(of, found=lighter)) == BOTH


# VIPs, and the end.


def test_it_may_be_there_only_on_the_owner() -> None:
    service = running(msgspec.structs.replace(plan(), only_on_owner=True, vips=("web", "inside")))
    assert service.wanted() == {}
    assert service.report().state == "absent"
    fail(service, 1)
    service.stands(VIP)
    assert weights(service) == {"2": 1}
    service.stands(OTHER_VIP)
    assert service.wanted() == {}


@pytest.mark.parametrize("vips", [(), ("web",)])
def test_everywhere_otherwise(vips: tuple[str, ...]) -> None:
    service = running(msgspec.structs.replace(plan(), only_on_owner=not vips, vips=vips))
    assert weights(service) == BOTH
    before = service.wanted()
    service.stands(VIP)
    assert service.wanted() is before


def test_checks_rest_while_the_vip_is_elsewhere() -> None:
    service = running(msgspec.structs.replace(plan(), ha_suspend=True, vips=("web",)))
    assert service.report().checks_suspended
    fail(service, 1)
    service.stands(VIP)
    assert not service.report().checks_suspended
    assert weights(service) == {"2": 1}


def test_the_end_is_told_with_omega_alone() -> None:
    quiet, loud = running(), running(msgspec.structs.replace(plan(), omega=True))
    for service in (quiet, loud):
        fail(service, 1)
        told(service)
        service.end()
        assert service.wanted() == {}
    assert told(quiet) == []
    assert told(loud) == ["web2 STOP", "quorum STOP"]


def test_labels_are_those_of_the_checks() -> None:
    labels = [
        check.label for server in plan(real(1, tcp(), dynamic())).real_servers for check in server.checks
    ]
    assert labels == [CHECK, DYNAMIC]
