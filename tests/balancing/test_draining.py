"""A drained server gets nothing new, and stays until its last connection is gone."""

from __future__ import annotations

import msgspec
import pytest

from tests.balancing.values import SORRY, fail, plan, real, recover, table, tcp, told, weights
from vipkeeper.balancing.virtual_service import VirtualService
from vipkeeper.model.ipvs import DestinationKey


def state_of(service: VirtualService, number: int) -> str:
    (state,) = [one.state for one in service.report().real_servers if one.name == f"web{number}"]
    return state


def drained(service: VirtualService) -> VirtualService:
    told(service)
    assert service.drain("web1")
    return service


def test_it_stays_with_weight_0_and_leaves_when_it_is_empty() -> None:
    service = drained(VirtualService(plan()))
    assert weights(service) == {"1": 0, "2": 1}
    assert state_of(service, 1) == "draining"
    assert service.emptied("web1")
    assert weights(service) == {"2": 1}
    assert state_of(service, 1) == "drained"
    assert service.undrain("web1")
    assert weights(service) == {"1": 1, "2": 1}
    assert told(service) == []


def test_asking_again_changes_nothing() -> None:
    service = drained(VirtualService(plan()))
    assert not service.drain("web1")
    assert not service.drain("nobody")
    assert not service.undrain("web2")
    assert not service.emptied("web2")
    assert weights(service) == {"1": 0, "2": 1}


def test_it_does_not_count_for_the_quorum_and_stays_beside_the_sorry_server() -> None:
    service = drained(VirtualService(plan(sorry=SORRY, quorum=2)))
    assert told(service) == ["quorum DOWN"]
    assert weights(service) == {"1": 0, "99": 1}
    service.undrain("web1")
    assert told(service) == ["quorum UP"]


@pytest.mark.parametrize(("inhibit", "left"), [(False, {"2": 1}), (True, {"1": 0, "2": 1})])
def test_it_can_fail_meanwhile(inhibit: bool, left: dict[str, int]) -> None:
    service = drained(VirtualService(plan(real(1, tcp(), inhibit=inhibit), real(2))))
    fail(service, 1)
    assert weights(service) == left
    assert state_of(service, 1) == "draining"
    assert "refused" in service.report().real_servers[0].reason
    service.undrain("web1")
    assert weights(service) == left
    recover(service, 1)
    assert weights(service) == {"1": 1, "2": 1}
    assert told(service) == ["web1 DOWN", "web1 UP"]


def test_it_outlives_a_reload() -> None:
    service = drained(VirtualService(plan()))
    service.followed(plan(real(1, tcp(), weight=5), real(2, tcp()), real(3)))
    assert weights(service) == {"1": 0, "2": 1, "3": 1}
    assert service.draining == {"web1"}


def test_one_that_a_reload_moves_stays_drained() -> None:
    service = drained(VirtualService(plan()))
    moved = msgspec.structs.replace(real(1, tcp()), key=DestinationKey("10.0.0.101", 80))
    service.followed(plan(moved, real(2, tcp())))
    assert weights(service) == {"2": 1}
    assert service.draining == {"web1"}
    service.undrain("web1")
    assert len(weights(service)) == 2


def test_only_who_may_have_connections_is_looked_after() -> None:
    service = drained(VirtualService(plan()))
    assert service.emptying == {"web1"}
    service.emptied("web1")
    assert service.emptying == frozenset()
    assert service.draining == {"web1"}


@pytest.mark.parametrize(
    ("found", "state"),
    [([(1, 0), (2, 1)], "draining"), ([(2, 1)], "drained")],
    ids=["connections left", "had left"],
)
def test_it_outlives_a_restart(found: list[tuple[int, int]], state: str) -> None:
    before = drained(VirtualService(plan()))
    service = VirtualService(plan(), found=table(found), draining=before.draining)
    assert weights(service) == {str(number): weight for number, weight in found}
    assert state_of(service, 1) == state
    service.undrain("web1")
    recover(service, 1)
    assert weights(service) == {"1": 1, "2": 1}


def test_a_quorum_that_it_took_away_is_not_lost_again_by_a_restart() -> None:
    without_checks = plan(real(1), real(2, weight=0))
    before = drained(VirtualService(without_checks))
    before.emptied("web1")
    assert told(before) == ["quorum DOWN"]
    service = VirtualService(without_checks, found=before.wanted(), draining=before.draining)
    assert told(service) == []
    service.undrain("web1")
    assert told(service) == ["quorum UP"]


def test_an_inhibited_one_leaves_too() -> None:
    service = drained(VirtualService(plan(real(1, tcp(), inhibit=True), real(2))))
    service.emptied("web1")
    assert weights(service) == {"2": 1}


def test_after_a_reboot_there_are_no_connections() -> None:
    service = VirtualService(plan(), draining=["web1", "somebody who left"])
    assert weights(service) == {"2": 1}
    assert service.draining == {"web1"}
