"""From settings to what a virtual router decides by, expects, and speaks on: pure."""

from __future__ import annotations

import pytest

from tests.agent.vrrp_bench import config, packed, toml
from vipkeeper.agent.virtual_mac_places import placed_units, virtual_mac
from vipkeeper.agent.vrrp_plan import RouterPlan, announce_every_s, plan_router
from vipkeeper.config.schema import Config
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.wire.advertisement import GROUP_IPV4, GROUP_IPV6, PROTOCOL_AH, PROTOCOL_VRRP
from vrrp_compat.wire.authentication import AuthKind
from vrrp_compat.wire.checksum import ChecksumRule
from vrrp_compat.wire.expectation import AddressPolicy

OWN4, OWN6 = packed("192.0.2.11"), packed("fe80::11")


def plan(
    text: str, source: bytes | None = OWN4, names: dict[tuple[str, int], bytes] | None = None, **more: int
) -> RouterPlan:
    told = config(text, **more)
    (unit,) = placed_units(told)
    return plan_router(told, unit, source, names or {})


def test_little_said_is_version_3_by_multicast() -> None:
    made = plan(toml(), priority=120)
    assert (made.router.version, made.router.vrid, made.router.priority) == (3, 51, 120)
    assert (made.router.interval_cs, made.router.preempt, made.router.address) == (100, True, OWN4)
    assert made.destinations == (GROUP_IPV4,)
    assert (made.port.interface, made.port.groups, made.port.addresses) == (
        "eth0",
        frozenset({GROUP_IPV4}),
        frozenset(),
    )
    assert made.port.protocols == {PROTOCOL_VRRP}
    assert (made.expected.group, made.expected.sources) == (GROUP_IPV4, frozenset())
    assert made.expected.address_policy is AddressPolicy.LOG
    assert (made.rule, made.silent, made.lacks) == (None, False, None)


def test_the_family_of_the_first_address_is_advertised() -> None:
    text = toml().replace('["192.0.2.100"]', '["fe80::100", "192.0.2.100", "2001:db8::100"]')
    made = plan(text, OWN6)
    assert made.router.addresses == (packed("fe80::100"), packed("2001:db8::100"))
    assert (made.destinations, made.port.ip_version) == ((GROUP_IPV6,), 6)
    assert len(made.unit.addresses) == 3


def test_unicast_is_heard_at_our_own_address_and_from_peers_alone() -> None:
    made = plan(toml(vrrp='unicast_peers = ["192.0.2.12", "192.0.2.13", "192.0.2.12"]'))
    peers = (packed("192.0.2.12"), packed("192.0.2.13"))
    assert made.destinations == peers
    assert (made.port.groups, made.port.addresses) == (frozenset(), frozenset({OWN4}))
    assert (made.expected.group, made.expected.sources) == (None, frozenset(peers))


def test_who_is_believed_can_be_said() -> None:
    made = plan(toml(vrrp='unicast_peers = ["192.0.2.12"]\nallowed_sources = ["192.0.2.99"]'))
    assert made.expected.sources == {packed("192.0.2.99")}
    assert made.destinations == (packed("192.0.2.12"),)


def test_names_are_resolved_by_family_and_those_unknown_are_left_out() -> None:
    text = toml(vrrp='unicast_peers = ["b.example", "c.example"]')
    some = plan(text, names={("b.example", 4): packed("192.0.2.12"), ("c.example", 6): OWN6})
    assert (some.destinations, some.lacks) == ((packed("192.0.2.12"),), None)
    none = plan(text)
    assert none.lacks is not None
    assert none.lacks[0] is RouterReason.NO_PEER_KNOWN
    assert "b.example, c.example" in none.lacks[1]


@pytest.mark.parametrize("address", ["192.0.2.100", "fe80::100"])
def test_without_an_address_it_says_what_to_do(address: str) -> None:
    made = plan(toml(address=address), None)
    assert made.lacks is not None
    assert made.lacks[0] is RouterReason.NO_SOURCE_ADDRESS
    assert "eth0 has no " in made.lacks[1]
    assert len(made.router.address) == (4 if "." in address else 16)


def test_an_address_of_the_configuration_goes_before_what_was_found() -> None:
    assert plan(toml(vrrp='source_address = "192.0.2.77"'), None).router.address == packed("192.0.2.77")


def test_an_own_group() -> None:
    made = plan(toml(vrrp='multicast_group = "224.0.0.118"'))
    group = packed("224.0.0.118")
    assert (made.destinations, made.port.groups, made.expected.group) == ((group,), frozenset({group}), group)


def test_authentication() -> None:
    ah = plan(toml(vrrp='version = 2\nauth_type = "ah"\nauth_pass = "secret12"'))
    assert (ah.authentication.kind, ah.port.protocols) == (AuthKind.AH, frozenset({PROTOCOL_AH}))
    assert ah.expected.authentication == ah.authentication
    password = plan(toml(vrrp='version = 2\nauth_type = "pass"\nauth_pass = "secret12"'))
    assert (password.authentication.kind, password.port.protocols) == (
        AuthKind.PASS,
        frozenset({PROTOCOL_VRRP}),
    )


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (toml(), None),
        (toml(vrrp='checksum = "message-only"'), ChecksumRule.MESSAGE_ONLY),
        (toml(vrrp='checksum = "message-only"\nversion = 2'), None),
        (toml(address="fe80::100", vrrp='checksum = "message-only"'), None),
    ],
)
def test_the_checksum_is_a_choice_in_version_3_over_ipv4_alone(text: str, rule: ChecksumRule | None) -> None:
    assert plan(text).rule is rule


@pytest.mark.parametrize(("priority", "silent"), [(100, True), (254, True), (255, False)])
def test_the_owner_always_takes_packets(priority: int, silent: bool) -> None:
    assert plan(toml(vrrp="accept = false"), priority=priority).silent is silent


def with_mac(text: str) -> Config:
    return config(text.replace("vrid = 51", "vrid = 51\nvirtual_mac = true"))


def test_a_virtual_mac_is_an_interface_of_its_own() -> None:
    told = with_mac(toml())
    virtual = virtual_mac(told.vip["web"])
    assert virtual is not None
    assert (virtual.interface, virtual.mac.hex(":"), virtual.base) == ("vrrp.51", "00:00:5e:00:01:33", "eth0")
    (unit,) = placed_units(told)
    assert {vip.interface for vip in unit.addresses} == {"vrrp.51"}
    made = plan_router(told, unit, OWN4, {})
    assert (made.port.interface, made.base) == ("vrrp.51", "eth0")
    assert virtual_mac(config(toml()).vip["web"]) is None


def test_unicast_is_heard_on_the_base_even_with_a_virtual_mac() -> None:
    told = with_mac(toml(vrrp='unicast_peers = ["192.0.2.12"]'))
    (unit,) = placed_units(told)
    assert plan_router(told, unit, OWN4, {}).port.interface == "eth0"
    assert {vip.interface for vip in unit.addresses} == {"vrrp.51"}


@pytest.mark.parametrize(
    ("text", "same"),
    [
        (toml(more="priority = 200"), True),
        (toml(vrrp="advert_interval = 5"), True),
        (toml(address="192.0.2.101"), True),
        (toml(52), False),
        (toml(vrrp="version = 2"), False),
        (toml(address="fe80::1"), False),
        (toml().replace("eth0", "eth1"), False),
    ],
)
def test_what_makes_it_another_router(text: str, same: bool) -> None:
    source = OWN6 if "fe80" in text else OWN4
    assert (plan(text, source).fixed == plan(toml()).fixed) is same


def test_another_interface_is_another_router_with_a_virtual_mac_too() -> None:
    def fixed(told: Config) -> tuple[object, ...]:
        return plan_router(told, placed_units(told)[0], OWN4, {}).fixed

    here, there = with_mac(toml()), with_mac(toml().replace("eth0", "eth1"))
    assert len({fixed(config(toml())), fixed(here), fixed(there)}) == 3


@pytest.mark.parametrize(("interval", "every_s"), [("3", 3.0), ("1", 1.1), ("0.01", 1.1)])
def test_a_master_announces_about_as_often_as_it_advertises(interval: str, every_s: float) -> None:
    assert announce_every_s(config(toml(vrrp=f"advert_interval = {interval}"))) == every_s


MORE = 'excluded_addresses = ["192.0.2.99", "2001:db8::99"]\n'


def test_what_is_excluded_goes_along_unadvertised() -> None:
    told = config(toml().replace("[vip.web.vrrp]", MORE + "[vip.web.vrrp]"))
    (unit,) = placed_units(told)
    made = plan_router(told, unit, OWN4, {})
    plain = plan_router(config(toml()), placed_units(config(toml()))[0], OWN4, {})
    assert {"192.0.2.99", "2001:db8::99"} <= {vip.address for vip in made.unit.addresses}
    assert made.router.addresses == plain.router.addresses
    assert made.expected.addresses == plain.expected.addresses


def test_with_a_virtual_mac_what_is_elsewhere_stays_there() -> None:
    more = MORE.replace('"192.0.2.99"', '"192.0.2.99 dev eth1", "192.0.2.98 dev eth0"')
    (unit,) = placed_units(with_mac(toml().replace("[vip.web.vrrp]", more + "[vip.web.vrrp]")))
    places = {vip.address: vip.interface for vip in unit.addresses}
    assert places.pop("192.0.2.99") == "eth1"
    assert set(places.values()) == {"vrrp.51"}
