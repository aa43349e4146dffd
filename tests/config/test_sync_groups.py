"""Sync groups in the configuration: what is refused, what is told, and which units follow."""

from __future__ import annotations

import pytest

from tests.config.sources import config_of, mistakes_of
from vipkeeper.agent.virtual_mac_places import placed_members, placed_units
from vipkeeper.config.consequences import build_members, build_units, config_digest
from vipkeeper.config.rules import notices
from vipkeeper.model.vips import Unit, VipAddress

OUT = '[vip.out]\naddresses = ["192.0.2.10"]\ninterface = "eth0"\n'
IN = '[vip.in]\naddresses = ["10.0.0.10"]\ninterface = "eth1"\n'
GROUP = '[sync_group.lb]\nvips = ["out", "in"]\n'
ADDRESSES = (VipAddress("192.0.2.10", 32, "eth0"), VipAddress("10.0.0.10", 32, "eth1"))


def vrrp(text: str) -> str:
    first, second = "[vip.out.vrrp]\nvrid = 61\n", "[vip.in.vrrp]\nvrid = 62\n"
    return f'backend = "vrrp"\n{text}{first}{second}'


def test_with_a_store_a_group_is_one_unit() -> None:
    (unit,) = build_units(config_of(OUT + IN + GROUP))
    assert unit == Unit("lb", ADDRESSES, priority=100, members=("out", "in"))


def test_the_most_careful_member_decides() -> None:
    out = OUT + "priority = 150\npreempt = true\npreempt_delay = 3.0\n"
    both = config_of(out + IN + "preempt = true\npreempt_delay = 9.0\n" + GROUP)
    (unit,) = build_units(both)
    assert (unit.priority, unit.preempt, unit.preempt_delay_s) == (100, True, 9.0)
    (one,) = build_units(config_of(out + IN + GROUP))
    assert not one.preempt


def test_an_interface_may_be_down_where_a_member_says_so() -> None:
    (unit,) = build_units(config_of(OUT + IN + "dont_track_primary = true\n" + GROUP))
    assert unit.interfaces_needed == frozenset({"eth0"})
    (unit,) = build_units(config_of(OUT + IN + GROUP))
    assert unit.interfaces_needed is None


def test_with_vrrp_each_member_is_a_router_of_its_own() -> None:
    config = config_of(vrrp(OUT + IN + GROUP))
    assert [unit.name for unit in build_units(config)] == ["in", "out"]
    assert build_units(config) == build_members(config)


def test_members_speak_by_themselves_where_a_store_decides() -> None:
    text = OUT + "announce_vrrp = true\n" + IN + GROUP + "[vip.out.vrrp]\nvrid = 61\nvirtual_mac = true\n"
    config = config_of(text)
    assert [unit.name for unit in placed_members(config)] == ["in", "out"]
    (unit,) = placed_units(config)
    assert [address.interface for address in unit.addresses] == ["vrrp.61", "eth1"]


def test_nodes_that_group_otherwise_are_told_apart() -> None:
    assert config_digest(config_of(OUT + IN)) != config_digest(config_of(OUT + IN + GROUP))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (OUT + '[sync_group.out]\nvips = ["out"]\n', 'sync_group.out: "out" is also the name of a VIP'),
        (
            OUT + '[sync_group.lb]\nvips = ["out", "inn"]\n',
            'there is no VIP "inn"; add [vip.inn], or take it',
        ),
        (OUT + IN + '[sync_group.lb]\nvips = ["out", "inn"]\n', 'there is no VIP "inn"; did you mean "in"?'),
        (
            OUT + IN + GROUP + '[sync_group.b]\nvips = ["in"]\n',
            '"in" stands in sync_group.lb.vips[1] already',
        ),
        (OUT + IN + '[sync_group."a b"]\nvips = ["in"]\n', '"a b" cannot be used as a name'),
    ],
)
def test_what_is_refused(text: str, said: str) -> None:
    (mistake,) = mistakes_of(text)
    assert said in mistake


def test_a_group_of_too_many_addresses_is_named() -> None:
    many = ", ".join(f'"192.0.2.{n}"' for n in range(10, 49))
    out = OUT.replace('"192.0.2.10"', many)
    assert mistakes_of(out + IN + GROUP) == []
    (mistake,) = mistakes_of(out + IN.replace('"10.0.0.10"', '"10.0.0.10", "10.0.0.11"') + GROUP)
    assert "sync_group.lb.vips: 41 addresses of out, in are more than change hands" in mistake


def test_with_vrrp_a_group_may_have_any_number() -> None:
    many = ", ".join(f'"192.0.2.{n}"' for n in range(10, 50))
    assert mistakes_of(vrrp(OUT.replace('"192.0.2.10"', many) + IN + GROUP)) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (OUT + "priority = 150\n" + IN + GROUP, "priorities differ (out 150, in 100)"),
        (OUT + "preempt = true\n" + IN + GROUP, "preempt is on for some of its VIPs"),
        (OUT + '[sync_group.lb]\nvips = ["out"]\n', "out alone is in it"),
    ],
)
def test_what_is_told(text: str, said: str) -> None:
    (notice,) = notices(config_of(text))
    assert said in notice.wrong
    assert said in " ".join(found.wrong for found in notices(config_of(vrrp_of(text))))


def vrrp_of(text: str) -> str:
    """The same without a store."""
    routers = "".join(
        f"[vip.{name}.vrrp]\nvrid = {vrid}\n"
        for vrid, name in ((61, "out"), (62, "in"))
        if f"[vip.{name}]" in text
    )
    swapped = text.replace("preempt = true", "preempt = false")
    return f'backend = "vrrp"\n{swapped}{routers}'


def test_an_ordinary_group_needs_no_words() -> None:
    assert notices(config_of(OUT + IN + GROUP)) == ()
