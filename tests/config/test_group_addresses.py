"""Entries of virtual server groups: what they spread out to, and what is refused."""

from __future__ import annotations

import pytest

from vipkeeper.config.group_addresses import MOST_ADDRESSES, read_group_entry
from vipkeeper.config.words import WordError


@pytest.mark.parametrize(
    ("text", "port", "addresses"),
    [
        ("192.0.2.80 80", 80, ["192.0.2.80"]),
        ("192.0.2.80", 0, ["192.0.2.80"]),
        ("192.0.2.9-11 80", 80, ["192.0.2.9", "192.0.2.10", "192.0.2.11"]),
        ("192.0.2.254-192.0.3.1 80", 80, ["192.0.2.254", "192.0.2.255", "192.0.3.0", "192.0.3.1"]),
        # All of it, also what a network on a link would keep for itself: as keepalived 2.2.7 programs it.
        ("192.0.2.8/30 80", 80, ["192.0.2.8", "192.0.2.9", "192.0.2.10", "192.0.2.11"]),
        ("2001:DB8::9-b 80", 80, ["2001:db8::9", "2001:db8::a", "2001:db8::b"]),
        ("2001:db8::8/127 80", 80, ["2001:db8::8", "2001:db8::9"]),
        ("2001:db8::ffff-2001:db8::1:0 80", 80, ["2001:db8::ffff", "2001:db8::1:0"]),
    ],
)
def test_an_entry_spreads_out(text: str, port: int, addresses: list[str]) -> None:
    entry = read_group_entry(text)
    assert (entry.port, list(entry.addresses())) == (port, addresses)


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", '"" is no address and port; write ADDRESS PORT'),
        ("192.0.2.80 80 tcp", "is no address and port; write ADDRESS PORT"),
        ("fe80::1%eth0 80", "fe80::1%eth0 names an interface, which IPVS does not take"),
        ("fe80::%eth0/127 80", "fe80::%eth0/127 names an interface, which IPVS does not take"),
        ("192.0.2.80:80", '"192.0.2.80:80" is no address'),
        ("192.0.2.80 http", '"http" is no port'),
        ("192.0.2.80 65536", '"65536" is no port'),
        ("192.0.2.80 -1", '"-1" is no port'),
        ("192.0.2.11-9 80", "192.0.2.9 comes before 192.0.2.11; write the lower address first"),
        ("192.0.2.11-256 80", '"256" cannot end a range'),
        ("192.0.2.11-1f 80", '"1f" cannot end a range'),
        ("192.0.2.11- 80", '"" cannot end a range'),
        ("2001:db8::1-1_0 80", '"1_0" cannot end a range'),
        ("2001:db8::1-192.0.2.9 80", '"192.0.2.9" cannot end a range'),
        ("192.0.2.1-::192.0.2.9 80", "192.0.2.1 and ::c000:209 are not of one IP version; make two entries"),
        ("192.0.2.9/30 80", "192.0.2.9/30 has bits set after its network; write 192.0.2.8/30"),
        ("192.0.2.9/33 80", '"192.0.2.9/33" is no network'),
        ("10.0.0.0/15 80", "holds 131072 addresses, and each would be a virtual server"),
        ("2001:db8::/64 80", "mark the packets and write a firewall mark"),
    ],
)
def test_what_is_no_entry(text: str, mistake: str) -> None:
    with pytest.raises(WordError) as caught:
        read_group_entry(text)
    assert mistake in str(caught.value)


def test_the_largest_entry_is_not_spread_out_to_be_judged() -> None:
    assert read_group_entry("10.0.0.0/16 80").count == MOST_ADDRESSES
