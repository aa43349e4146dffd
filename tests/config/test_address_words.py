"""Addresses with the words of `ip address` and keepalived: what they mean, and what is wrong with them."""

from __future__ import annotations

import pytest

from tests.config.sources import config_of, mistakes_of
from vipkeeper.config.address_rules import MOST_ADDRESSES
from vipkeeper.config.address_words import WrittenAddress, read_address
from vipkeeper.config.consequences import build_units
from vipkeeper.config.rules import notices
from vipkeeper.config.vip_addresses import advertised_addresses
from vipkeeper.config.words import WordError
from vipkeeper.model.address_options import AddressOptions
from vipkeeper.model.vips import VipAddress


@pytest.mark.parametrize(
    ("text", "vip", "options"),
    [
        ("192.0.2.10", "192.0.2.10/32@eth0", AddressOptions()),
        ("192.0.2.10 dev eth1", "192.0.2.10/32@eth1", AddressOptions()),
        ("192.0.2.10/24 brd +", "192.0.2.10/24@eth0", AddressOptions(broadcast="192.0.2.255")),
        ("192.0.2.10/24 brd -", "192.0.2.10/24@eth0", AddressOptions(broadcast="192.0.2.0")),
        ("192.0.2.10/30 broadcast +", "192.0.2.10/30@eth0", AddressOptions(broadcast="192.0.2.11")),
        ("192.0.2.10 brd 192.0.2.99", "192.0.2.10/32@eth0", AddressOptions(broadcast="192.0.2.99")),
        ("192.0.2.10 brd +", "192.0.2.10/32@eth0", AddressOptions()),
        ("192.0.2.10/31 brd +", "192.0.2.10/31@eth0", AddressOptions()),
        ("192.0.2.10 label eth0:1", "192.0.2.10/32@eth0", AddressOptions(label="eth0:1")),
        ("192.0.2.10 label eth0", "192.0.2.10/32@eth0", AddressOptions()),
        ("192.0.2.10 label eth1 dev eth1", "192.0.2.10/32@eth1", AddressOptions()),
        ("192.0.2.10 scope link", "192.0.2.10/32@eth0", AddressOptions(scope=253)),
        ("192.0.2.10 scope 200", "192.0.2.10/32@eth0", AddressOptions(scope=200)),
        ("192.0.2.10 peer 192.0.2.9", "192.0.2.10/32@eth0", AddressOptions(peer="192.0.2.9")),
        ("192.0.2.10 peer 192.0.2.9/30", "192.0.2.10/30@eth0", AddressOptions(peer="192.0.2.9")),
        (
            "192.0.2.10/24 dev ens33 brd + label ens33:0 scope global",
            "192.0.2.10/24@ens33",
            AddressOptions(broadcast="192.0.2.255", label="ens33:0"),
        ),
        ("2001:DB8::10/64 dev eth1 scope link", "2001:db8::10/64@eth1", AddressOptions()),
    ],
)
def test_what_a_text_means(text: str, vip: str, options: AddressOptions) -> None:
    written = read_address(text, "eth0")
    assert (str(written.vip), written.options) == (vip, options)


@pytest.mark.parametrize("word", ["home", "-nodad", "mngtmpaddr", "noprefixroute", "autojoin", "no_track"])
def test_what_a_lease_decides_is_understood_and_told(word: str) -> None:
    config = config_of(f'[vip.web]\ninterface = "eth0"\naddresses = ["2001:db8::10 {word}"]')
    told = [str(notice.wrong) for notice in notices(config)]
    assert any(text.startswith(f"{word} has no effect: ") for text in told)
    assert build_units(config)[0].addresses == (VipAddress("2001:db8::10", 128, "eth0"),)


def test_a_preference_may_be_for_ever_or_seconds() -> None:
    assert read_address("2001:db8::10 preferred_lft forever", "eth0").preferred_s is None
    assert read_address("2001:db8::10 preferred_lft 0", "eth0").preferred_s == 0


@pytest.mark.parametrize(
    ("text", "wrong", "fix"),
    [
        ("192.0.2.10 labl eth0:1", '"labl" is no word of an address', "did you mean label?"),
        ("192.0.2.10 dev", '"dev" is the last word', "write its value"),
        ("192.0.2.10 label eth0:too-long-for-one", "too long for a label", "at most 15"),
        ("192.0.2.10 scope lnik", '"lnik" after "scope" is not known', "did you mean link?"),
        ("192.0.2.10 scope 256", '"256" after "scope" cannot be', "from 0 to 255"),
        ("192.0.2.10 brd fd00::1", "is no IPv4 address", "one family"),
        ("192.0.2.10 brd eth0", "is no address", "write an IPv4"),
        ("192.0.2.10 peer fd00::1", "is no IPv4 address", "one family"),
        ("192.0.2.10 dev an-interface-name", "cannot be the name of an interface", "at most 15"),
        ("web", '"web" is not an IP address', "write ADDR"),
        ("fe80::1%eth0", "has a zone", "set `interface`"),
    ],
)
def test_a_mistake_names_the_word(text: str, wrong: str, fix: str) -> None:
    with pytest.raises(WordError) as caught:
        read_address(text, "eth0")
    assert wrong in caught.value.wrong
    assert fix in caught.value.fix


@pytest.mark.parametrize("key", ["addresses", "excluded_addresses"])
def test_a_mistake_is_found_wherever_addresses_stand(key: str) -> None:
    others = "" if key == "addresses" else 'addresses = ["192.0.2.1"]\n'
    text = f'[vip.web]\ninterface = "eth0"\n{others}{key} = ["192.0.2.10 dev eth1 labl x"]'
    (mistake,) = mistakes_of(text)
    assert f"vip.web.{key}[0]: " in mistake
    assert "did you mean label?" in mistake


def test_an_address_is_repeated_whatever_stands_after_it() -> None:
    text = """\
static_ipaddress = ["192.0.2.11/24 dev eth2"]
[vip.web]
interface = "eth0"
addresses = ["192.0.2.10/24 dev eth1 label eth1:0"]
excluded_addresses = ["192.0.2.10", "192.0.2.11 brd 192.0.2.255"]
"""
    first, second = mistakes_of(text)
    # A static address stands above the VIPs, and is told of where it repeats one.
    assert "192.0.2.11 is also vip.web.excluded_addresses[1]" in first
    assert "192.0.2.10 is also vip.web.addresses[0]" in second


def test_a_static_address_says_where_it_is() -> None:
    (mistake,) = mistakes_of(
        'static_ipaddress = ["198.51.100.7/24"]\n[vip.a]\ninterface="e"\naddresses=["192.0.2.1"]'
    )
    assert "static_ipaddress[0]" in mistake
    assert "write dev" in mistake


def many(count: int, *, excluded: int = 0, backend: str = "etcd", first: str = "192.0.2") -> str:
    texts = [f'"10.{number // 250}.0.{1 + number % 250}"' for number in range(count + excluded)]
    rest = f"excluded_addresses = [{', '.join(texts[count:])}]\n" if excluded else ""
    vrrp = "[vip.web.vrrp]\nvrid = 51\n" if backend == "vrrp" else ""
    return (
        f'backend = "{backend}"\n[vip.web]\ninterface = "eth0"\naddresses = [{", ".join(texts[:count])}]\n'
        f"{rest}{vrrp}"
    )


def test_a_store_hands_over_all_of_a_vip_in_one_transaction() -> None:
    assert mistakes_of(many(30, excluded=MOST_ADDRESSES - 30)) == []
    (mistake,) = mistakes_of(many(30, excluded=MOST_ADDRESSES - 29))
    assert f"{MOST_ADDRESSES + 1} addresses are more" in mistake


def test_vrrp_advertises_what_one_packet_holds() -> None:
    config = config_of(many(300, backend="vrrp"))
    assert len(advertised_addresses(config.vip["web"])) == 255
    assert len(build_units(config)[0].addresses) == 300
    (surplus,) = [each for each in notices(config) if "without being advertised" in each.wrong]
    assert surplus.path == ("vip", "web", "addresses", 255)


def test_excluded_addresses_go_along_unadvertised_whatever_their_family() -> None:
    text = many(2, excluded=1, backend="vrrp").replace(
        "excluded_addresses = [", 'excluded_addresses = ["fd00::1 dev eth1", '
    )
    config = config_of(text)
    assert [each.address for each in advertised_addresses(config.vip["web"])] == ["10.0.0.1", "10.0.0.2"]
    assert [str(each) for each in build_units(config)[0].addresses[2:]] == [
        "fd00::1/128@eth1",
        "10.0.0.3/32@eth0",
    ]


def test_plain_texts_are_plain() -> None:
    assert read_address("192.0.2.1", "eth0") == WrittenAddress(VipAddress("192.0.2.1", 32, "eth0"))
