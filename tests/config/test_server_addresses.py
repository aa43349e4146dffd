"""Addresses of servers: the quick way to read one finds what `ipaddress` finds."""

from __future__ import annotations

import ipaddress

import pytest

from vipkeeper.config.server_addresses import read_address, read_server


@pytest.mark.parametrize("first", [0, 1, 9, 10, 99, 100, 127, 199, 200, 223, 224, 239, 240, 255, 256])
@pytest.mark.parametrize(
    "last", ["0", "9", "10", "99", "100", "199", "249", "250", "255", "256", "01", "1\n", ""]
)
def test_ipv4(first: int, last: str) -> None:
    text = f"{first}.0.25.{last}"
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        assert (read_address(text), read_server(text).why_not) == (None, f'"{text}" is no address')
        return
    assert read_address(text) == read_server(text).text == str(address)
    assert bool(read_server(text).why_not) == (address.is_multicast or address.is_unspecified)


@pytest.mark.parametrize(
    ("text", "canonical", "why_not"),
    [
        ("2001:DB8::0:1", "2001:db8::1", ""),
        ("fe80::1%eth0", "fe80::1%eth0", "fe80::1%eth0 names an interface, which IPVS does not take"),
        ("::ffff:10.0.0.1", "::ffff:a00:1", "::ffff:10.0.0.1 is 10.0.0.1 in IPv6 form"),
        ("0.0.0.0", "0.0.0.0", "0.0.0.0 is no address of one host"),  # noqa: S104 - nobody binds to it
        ("::", "::", ":: is no address of one host"),
        ("ff02::1", "ff02::1", "ff02::1 is no address of one host"),
        ("10.0.0.1/32", "10.0.0.1/32", '"10.0.0.1/32" is no address'),
        ("１0.0.0.1", "１0.0.0.1", '"１0.0.0.1" is no address'),  # noqa: RUF001 - a digit of another script
    ],
)
def test_what_a_server_can_have(text: str, canonical: str, why_not: str) -> None:
    found = read_server(text)
    assert (found.text, found.why_not) == (canonical, why_not)
