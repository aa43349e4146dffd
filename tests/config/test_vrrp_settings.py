"""Settings of VRRP: what is refused, what is told, what the flags do, and what follows."""

from __future__ import annotations

import pytest

from tests.config.sources import config_of, mistakes_of
from vipkeeper.config.consequences import build_units
from vipkeeper.config.flags import Flags
from vipkeeper.config.rules import failover_summary, notices
from vipkeeper.config.strict_rules import preempt_delay_in_force_s, vrrp_in_force

VRRP = 'backend = "vrrp"\n[vip.web]\naddresses = ["192.0.2.10"]\ninterface = "eth0"\n[vip.web.vrrp]\n'
VRRP6 = VRRP.replace("192.0.2.10", "fe80::10")


def test_little_is_needed() -> None:
    config = config_of(VRRP + "vrid = 51")
    vrrp = config.vip["web"].vrrp
    assert (vrrp.vrid, vrrp.version, vrrp.advert_interval_s, vrrp.auth_type) == (51, 3, 1.0, "none")
    assert build_units(config)[0].preempt
    assert notices(config) == ()


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (VRRP, 'vip.web.vrrp.vrid: is missing, and backend is "vrrp"; add for example vrid = 51'),
        (VRRP + "vrid = 0", "vrid: expected a whole number from 1 up to 255, found the number 0"),
        (VRRP + "vrid = 51\nversion = 4", "version: expected one of 2, 3, found the number 4"),
        (VRRP6 + "vrid = 51\nversion = 2", "version 2 is for IPv4 alone, and the first address is IPv6"),
        (
            VRRP + "vrid = 51\nadvert_interval = 41",
            "41 s is more than version 3 can say; write at most 40.95",
        ),
        (VRRP + "vrid = 51\nadvert_interval = 0.015", "VRRP counts in steps of 0.01 s"),
        (VRRP + "vrid = 51\nadvert_interval = 0", "expected a number of seconds from 0.01 up to 255"),
        (VRRP + "vrid = 51\nversion = 2\nadvert_interval = 0.5", "version 2, which counts whole seconds"),
        (VRRP + 'vrid = 51\nauth_type = "pass"\nauth_pass = "x"', "version 3 has no authentication"),
        (VRRP + 'vrid = 51\nversion = 2\nauth_type = "ah"', '"ah" needs a secret; set auth_pass too'),
        (VRRP + 'vrid = 51\nversion = 2\nauth_pass = "x"', "auth_pass is set without auth_type"),
        (VRRP + "vrid = 51\nunicast_peers = []", "unicast_peers: expected a list with at least one entry"),
        (VRRP + 'vrid = 51\nunicast_peers = ["a b"]', '"a b" is neither an address nor a host name'),
        (VRRP + 'vrid = 51\nunicast_peers = ["10.0.0.300"]', '"10.0.0.300" is neither an address'),
        (VRRP + 'vrid = 51\nunicast_peers = ["fe80::1"]', "fe80::1 is not a unicast IPv4 address"),
        (VRRP + 'vrid = 51\nmulticast_group = "10.0.0.1"', '"10.0.0.1" is not a multicast IPv4 address'),
        (VRRP + 'vrid = 51\nsource_address = "x"', '"x" is not a unicast IPv4 address'),
        (VRRP + 'vrid = 51\nallowed_sources = ["ff02::1"]', "allowed_sources[0]"),
        ("priority = 300\n" + VRRP + "vrid = 51", "priority: 300 is more than VRRP can say"),
        (
            VRRP + 'vrid = 51\n[vip.b]\naddresses = ["192.0.2.11"]\ninterface = "eth0"\nvrrp.vrid = 51',
            "vip.b.vrrp.vrid: 51 is also vip.web.vrrp.vrid on eth0",
        ),
    ],
)
def test_one_mistake(text: str, mistake: str) -> None:
    found = mistakes_of(text)
    assert len(found) == 1, found
    assert mistake in found[0]


def test_one_number_may_be_used_for_each_family() -> None:
    both = VRRP + 'vrid = 51\n[vip.b]\naddresses = ["fe80::11"]\ninterface = "eth0"\nvrrp.vrid = 51'
    assert mistakes_of(both) == []


@pytest.mark.parametrize(
    ("text", "notice"),
    [
        (VRRP + 'vrid = 51\nversion = 2\nauth_type = "pass"\nauth_pass = "x"', "is sent in clear text"),
        (
            VRRP + 'vrid = 51\nversion = 2\nauth_type = "ah"\nauth_pass = "123456789"',
            "only its first 8 bytes",
        ),
        (VRRP6.replace("fe80::10", "2001:db8::1") + "vrid = 51", "2001:db8::1 is not link-local"),
    ],
)
def test_what_works_but_may_surprise(text: str, notice: str) -> None:
    (found,) = notices(config_of(text))
    assert notice in f"{found.wrong}; {found.fix}"


def test_a_store_owner_that_announces_needs_a_number_and_a_short_lease() -> None:
    stored = VRRP.replace('backend = "vrrp"\n', "").replace("[vip.web.vrrp]\n", "announce_vrrp = true\n")
    assert "vrid: is missing, and announce_vrrp is set" in mistakes_of(stored)[0]
    assert notices(config_of(stored + "vrrp.vrid = 51")) == ()
    (slow,) = notices(config_of("lease.ttl = 4\n" + stored + "vrrp.vrid = 51"))
    assert "a VRRP neighbour takes over 2 s after an owner's death at the earliest" in slow.wrong
    (accept,) = mistakes_of(stored + "vrrp.vrid = 51\nvrrp.accept = false")
    assert "accept: has no meaning here" in accept
    refused = mistakes_of('backend = "vrrp"\n' + stored + "vrrp.vrid = 51")
    assert "announce_vrrp: has no meaning here" in refused[0]


def test_a_virtual_mac_with_a_store_needs_a_number_of_its_own() -> None:
    stored = VRRP.replace('backend = "vrrp"\n', "") + "virtual_mac = true\n"
    assert "vrid: is missing, and virtual_mac is set" in mistakes_of(stored)[0]
    assert notices(config_of(stored + "vrid = 51\n")) == ()
    second = stored.replace("web", "db").replace("192.0.2.10", "192.0.2.11") + "vrid = 51\n"
    (twice,) = mistakes_of(stored + "vrid = 51\n" + second)
    assert "51 is also vip.web.vrrp.vrid on eth0" in twice
    elsewhere = second.replace("eth0", "eth1")
    (twice,) = mistakes_of(stored + "vrid = 51\n" + elsewhere)
    assert "vip.db.vrrp.vrid: vrrp.51 is also the interface of vip.web" in twice
    assert mistakes_of(stored + "vrid = 51\n" + elsewhere + 'virtual_mac_name = "vrrp-db"\n') == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('virtual_mac_name = "v1"\n', "virtual_mac_name: is set without virtual_mac"),
        ('virtual_mac = true\nvirtual_mac_name = "a/b"\n', '"a/b" cannot be the name of an interface'),
        (f'virtual_mac = true\nvirtual_mac_name = "{16 * "x"}"\n', "at most 15 characters"),
    ],
)
def test_the_name_of_a_virtual_mac_is_that_of_an_interface(more: str, said: str) -> None:
    (mistake,) = mistakes_of(VRRP + "vrid = 51\n" + more)
    assert said in mistake


STRICT = """
backend = "vrrp"
[vip.web]
addresses = ["192.0.2.10"]
interface = "eth0"
preempt_delay = 5.0
[vip.web.vrrp]
vrid = 51
version = 2
strict = true
auth_type = "pass"
auth_pass = "1111"
down_timer_adverts = 4
unicast_peers = ["192.0.2.2"]
"""


def test_strict_leaves_out_what_keepalived_leaves_out_and_says_so() -> None:
    config = config_of(STRICT)
    assert [finding.path[-1] for finding in notices(config)] == [
        "auth_type",
        "preempt_delay",
        "down_timer_adverts",
        "unicast_peers",
        "strict",
    ]
    in_force = vrrp_in_force(config.vip["web"])
    assert (in_force.auth_type, in_force.down_timer_adverts) == ("none", 3)
    assert in_force.lower_prio_no_advert
    assert in_force.owner_ignore_adverts
    assert in_force.accept, "keepalived drops what is sent to the VIP; nobody wants that"
    assert preempt_delay_in_force_s(config.vip["web"]) == 0.0


def test_without_strict_everything_counts() -> None:
    config = config_of(STRICT.replace("strict = true\n", ""))
    assert vrrp_in_force(config.vip["web"]) is config.vip["web"].vrrp
    assert preempt_delay_in_force_s(config.vip["web"]) == 5.0


def test_the_summary_counts_the_adverts_that_may_be_missing() -> None:
    told = config_of(VRRP + "vrid = 51\ndown_timer_adverts = 5\n")
    assert "replaced within 5 to 6 s" in "\n".join(failover_summary(told))


def test_no_secret_is_repeated() -> None:
    text = VRRP + "vrid = 51\nversion = 2\nauth_pass = 12345"
    assert not any("12345" in mistake for mistake in mistakes_of(text))
    config = config_of(VRRP + 'vrid = 51\nversion = 2\nauth_type = "ah"\nauth_pass = "hidden"')
    assert "hidden" not in repr(config)


def test_flags_are_for_the_only_vip() -> None:
    flags = Flags(
        backend="vrrp",
        vips=("web=192.0.2.10@eth0",),
        vrid="7",
        vrrp_version="2",
        advert_interval="3",
        unicast_peers=("10.0.0.2", "10.0.0.3,10.0.0.4"),
    )
    vrrp = config_of(None, flags).vip["web"].vrrp
    assert (vrrp.vrid, vrrp.version, vrrp.advert_interval_s) == (7, 2, 3.0)
    assert vrrp.unicast_peers == ("10.0.0.2", "10.0.0.3", "10.0.0.4")


def test_peers_may_be_named() -> None:
    assert mistakes_of(VRRP + 'vrid = 51\nunicast_peers = ["node-b", "c.example.org", "10.0.0.3"]') == []


def test_flags_name_the_vip_of_the_file() -> None:
    assert config_of(VRRP, Flags(vrid="9")).vip["web"].vrrp.vrid == 9
    assert mistakes_of(VRRP, Flags(vrid="900"))[0].startswith("--vrid: vip.web.vrrp.vrid: expected")


def test_flags_that_could_mean_several_vips_are_refused() -> None:
    two = Flags(backend="vrrp", vips=("a=192.0.2.1@eth0", "b=192.0.2.2@eth0"), vrid="7")
    assert "--vrid: is for one VIP, and there are 2" in mistakes_of(None, two)[0]
    none = Flags(backend="vrrp", unicast_peers=("10.0.0.2",))
    assert "--unicast-peer: is for one VIP, and there are 0; add --vip" in mistakes_of(None, none)[0]


def test_the_summary_says_how_long_clients_wait() -> None:
    (line,) = failover_summary(config_of(VRRP + "vrid = 51\nadvert_interval = 0.1"))
    assert "VRID 51, multicast, every 0.1 s; a master that dies is replaced within 0.3 to 0.4 s" in line
