"""Who uses which VRID is told by what was heard; damaged packets accuse nobody."""

from __future__ import annotations

import pytest

from vrrp_compat.wire.inspection import ACCEPT, DISCARD, Inspected
from vrrp_compat.wire.vrid_census import VridCensus, VridUse, free_vrid, taken_message, used_by_others


def packet(
    vrid: int,
    source: str = "192.0.2.1",
    addresses: tuple[str, ...] = ("192.0.2.100",),
    *,
    version: int = 3,
    reason: str | None = None,
) -> Inspected:
    return Inspected(
        version=version,
        vrid=vrid,
        priority=100,
        addresses=addresses,
        source=source,
        verdict=DISCARD if reason else ACCEPT,
        reason=reason,
    )


def heard(*packets: Inspected) -> tuple[VridUse, ...]:
    census = VridCensus()
    for each in packets:
        census.hear(each)
    return census.uses()


def test_one_group_is_one_use_with_all_its_routers() -> None:
    (use,) = heard(packet(7), packet(7, "192.0.2.2", version=2), packet(7))
    assert use == VridUse(
        vrid=7,
        family=4,
        addresses=("192.0.2.100",),
        sources=("192.0.2.1", "192.0.2.2"),
        versions=(3, 2),
        highest_priority=100,
        adverts=3,
    )
    assert str(use) == ("VRID 7 (IPv4, version 3 and 2) is used by 192.0.2.1, 192.0.2.2 for 192.0.2.100")


def test_one_vrid_for_two_sets_of_addresses_is_two_uses() -> None:
    uses = heard(packet(7), packet(7, "192.0.2.2", ("192.0.2.200",)))
    assert [use.addresses for use in uses] == [("192.0.2.100",), ("192.0.2.200",)]


def test_the_order_of_addresses_says_nothing() -> None:
    both = ("192.0.2.100", "192.0.2.101")
    assert len(heard(packet(7, addresses=both), packet(7, addresses=both[::-1]))) == 1


def test_the_families_are_apart() -> None:
    uses = heard(packet(7, "fe80::1", ("fe80::100",)), packet(7))
    assert [use.family for use in uses] == [4, 6]


@pytest.mark.parametrize("reason", ["length", "incomplete", "fragment", "version", "type", "checksum"])
def test_a_damaged_packet_accuses_nobody(reason: str) -> None:
    assert heard(packet(7, reason=reason)) == ()


@pytest.mark.parametrize("reason", ["auth-type", "ttl", "interval-zero"])
def test_a_whole_packet_that_receivers_discard_still_uses_the_vrid(reason: str) -> None:
    assert len(heard(packet(7, reason=reason))) == 1


def test_vrid_0_and_a_packet_from_nowhere_count_for_nothing() -> None:
    assert heard(packet(0), Inspected(vrid=7, verdict=ACCEPT, reason=None)) == ()


def test_the_same_addresses_are_our_own_group() -> None:
    uses = heard(packet(7), packet(8, addresses=("192.0.2.200",)))
    assert used_by_others(uses, 7, ["192.0.2.100"]) == ()
    assert used_by_others(uses, 8, ["192.0.2.100"]) == uses[1:]
    assert used_by_others(uses, 9, ["192.0.2.100"]) == ()


def test_another_family_is_nobody_elses_business() -> None:
    assert used_by_others(heard(packet(7)), 7, ["fe80::100"]) == ()


def test_a_free_vrid_is_free_in_both_families() -> None:
    uses = heard(packet(51), packet(52, "fe80::1", ("fe80::100",)))
    assert free_vrid(uses, 51) == 53
    assert free_vrid(uses) == 1
    assert free_vrid(heard(packet(255)), 255) == 1


def test_a_full_wire_has_no_free_vrid() -> None:
    uses = heard(*(packet(vrid) for vrid in range(1, 256)))
    assert free_vrid(uses, 51) is None
    assert "no VRID is free on this wire" in taken_message(uses[:1], uses)


def test_the_message_names_who_uses_it_and_what_is_free() -> None:
    uses = heard(packet(51), packet(52))
    assert taken_message(uses[:1], uses) == (
        "VRID 51 (IPv4, version 3) is used by 192.0.2.1 for 192.0.2.100: all routers of one group need the "
        "same addresses, and each group a VRID of its own; VRID 53 is free on this wire"
    )
