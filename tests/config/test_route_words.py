"""Routes and rules with the words of `ip` and keepalived: what they mean, and what is wrong with them."""

from __future__ import annotations

import pytest

from tests.config.sources import config_of, mistakes_of
from vipkeeper.config.mistakes import Finding
from vipkeeper.config.route_words import read_route
from vipkeeper.config.routing_entries import routing_entries
from vipkeeper.config.rule_words import read_rule
from vipkeeper.config.rules import notices
from vipkeeper.config.words import WordError
from vipkeeper.model.routing import NextHop, Route, Rule

WAY = (NextHop("192.0.2.1", "eth0"),)
NET = "198.51.100.0/24"


@pytest.mark.parametrize(
    ("text", "route"),
    [
        (f"{NET} via 192.0.2.1 dev eth0", Route(NET, 4, hops=WAY)),
        (f"to {NET} gw 192.0.2.1 dev eth0", Route(NET, 4, hops=WAY)),
        (f"src 192.0.2.9 to {NET} via 192.0.2.1 dev eth0", Route(NET, 4, source="192.0.2.9", hops=WAY)),
        (f"{NET} dev eth0", Route(NET, 4, hops=(NextHop("", "eth0"),))),
        ("198.51.100.7 via 192.0.2.1 dev eth0", Route("198.51.100.7/32", 4, hops=WAY)),
        ("default via 192.0.2.1 dev eth0 table 100", Route("0.0.0.0/0", 4, table=100, hops=WAY)),
        ("0.0.0.0/0 via 192.0.2.1 dev eth0", Route("0.0.0.0/0", 4, hops=WAY)),
        ("default via fd00::1", Route("::/0", 6, hops=(NextHop("fd00::1"),))),
        ("default dev eth0", Route("0.0.0.0/0", 4, hops=(NextHop("", "eth0"),))),
        ("inet6 default dev eth0", Route("::/0", 6, hops=(NextHop("", "eth0"),))),
        (f"blackhole {NET}", Route(NET, 4, "blackhole")),
        (f"unreachable {NET} metric 7", Route(NET, 4, "unreachable", metric=7)),
        ("local 192.0.2.7 dev lo", Route("192.0.2.7/32", 4, "local", 255, hops=(NextHop("", "lo"),))),
        (
            f"{NET} via 192.0.2.1 or 192.0.2.2 dev eth0",
            Route(NET, 4, hops=(NextHop("192.0.2.1", "eth0"), NextHop("192.0.2.2", "eth0"))),
        ),
        (
            f"{NET} nexthop via 192.0.2.1 weight 3 nexthop dev eth1 onlink",
            Route(NET, 4, hops=(NextHop("192.0.2.1", "", 3), NextHop("", "eth1", 1, onlink=True))),
        ),
        (
            f"{NET} via inet6 fe80::1 dev eth0",
            Route(NET, 4, hops=(NextHop("fe80::1", "eth0"),)),
        ),
        (
            f"{NET} via 192.0.2.1 dev eth0 mtu lock 1400 rtt 100ms rto_min 0.2s advmss 1360",
            Route(
                NET,
                4,
                hops=WAY,
                limits=(("advmss", 1360), ("lock", 4), ("mtu", 1400), ("rto_min", 200), ("rtt", 800)),
            ),
        ),
        (
            f"{NET} via 192.0.2.1 dev eth0 tos 0x10 scope global metric 5",
            Route(NET, 4, metric=5, tos=16, scope=0, hops=WAY),
        ),
        (
            "fd01::/64 from fd02::/64 via fd00::1 dev eth0 pref high",
            Route("fd01::/64", 6, from_="fd02::/64", hops=(NextHop("fd00::1", "eth0"),), preference=1),
        ),
    ],
)
def test_what_a_route_means(text: str, route: Route) -> None:
    assert read_route(text).route == route


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("from 192.0.2.10 table 100", Rule(4, table=100, from_="192.0.2.10/32")),
        ("from 192.0.2.0/24 lookup main", Rule(4, table=254, from_="192.0.2.0/24")),
        ("from 192.0.2.10", Rule(4, table=254, from_="192.0.2.10/32")),
        ("to fd00::/8 table 9 preference 5", Rule(6, table=9, to="fd00::/8", priority=5)),
        ("not from all to 192.0.2.1 table 9", Rule(4, table=9, to="192.0.2.1/32", inverted=True)),
        ("fwmark 0x10/0xff table 9", Rule(4, table=9, fwmark=16, fwmask=255)),
        ("iif eth0 oif eth1 blackhole", Rule(4, "blackhole", iif="eth0", oif="eth1")),
        ("inet6 from all prohibit order 8", Rule(6, "prohibit", priority=8)),
        ("from all goto 500 pref 7", Rule(4, "goto", goto=500, priority=7)),
        ("from all l3mdev", Rule(4, l3mdev=True)),
        ("from all table main suppress_prefixlength 0", Rule(4, table=254, suppress_length=0)),
        ("from all suppress_ifgroup 3 table 7", Rule(4, table=7, suppress_group=3)),
        (
            "ipproto tcp sport 1000-2000 dport 80 uidrange 0-99 tos 8 table 7",
            Rule(
                4,
                table=7,
                ip_protocol=6,
                source_ports=(1000, 2000),
                target_ports=(80, 80),
                uids=(0, 99),
                tos=8,
            ),
        ),
    ],
)
def test_what_a_rule_means(text: str, rule: Rule) -> None:
    assert read_rule(text).rule == rule


ROUTES_WRONG = [
    (f"{NET} vai 192.0.2.1", '"vai" is no word of a route', "did you mean via?"),
    (f"{NET} metrik 5 via 192.0.2.1", '"metrik" is no word of a route', "did you mean metric?"),
    (f"{NET}", "does not say which way", "write via ADDR or dev INTERFACE"),
    ("via 192.0.2.1", "has no destination", "write ADDR/LEN or default"),
    (f"{NET} via fd00::1 src fd00::2 dev eth0", "addresses of both families", "use one"),
    (f"{NET} via eth0", '"eth0" after "via" is no address', "write an IPv4"),
    (f"{NET} 198.51.101.0/24 dev eth0", '"198.51.101.0/24" is no word of a route', "known are"),
    (f"blackhole {NET} via 192.0.2.1", "a blackhole route leads nowhere", "leave out via and dev"),
    (f"{NET} dev eth0 nexthop via 192.0.2.1", "before its first nexthop", "a nexthop of its own"),
    (f"{NET} nexthop weight 3", "neither via nor dev", "after it"),
    (f"{NET} dev eth0 weight 0", '"0" after "weight" cannot be', "from 1 to 256"),
    (f"{NET} dev eth0 metric -1", '"-1" after "metric" cannot be', "from 0 to"),
    (f"{NET} dev eth0 rtt soon", '"soon" after "rtt" is no time', "200ms"),
    (f"{NET} encap mpls 100 via 192.0.2.1", '"encap" cannot be said here', "tunnel interface"),
    ("300.0.0.0/8 dev eth0", "is no network", "write ADDR"),
    (f"from 192.0.2.0/24 to {NET} dev eth0", "from is for IPv6 routes alone", "write a rule"),
    (f"{NET} dev eth0 table", '"table" is the last word', "write its value"),
]
RULES_WRONG = [
    ("frm 192.0.2.1 table 9", '"frm" is no word of a rule', "did you mean from?"),
    ("not", "says nothing", "write for example"),
    ("from 192.0.2.1 to fd00::1 table 9", "addresses of both families", "write one rule for each"),
    ("from 192.0.2.1 table 0", '"0" after "table" cannot be', "from 1 to"),
    ("ipproto tpc table 9", '"tpc" after "ipproto" is not known', "did you mean tcp?"),
    ("sport 20-10 table 9", "ends before it begins", "write 10-20"),
    ("fwmark x table 9", '"x" after "fwmark" cannot be', "write a number"),
]


@pytest.mark.parametrize(("text", "wrong", "fix"), ROUTES_WRONG)
def test_a_mistake_in_a_route_names_the_word(text: str, wrong: str, fix: str) -> None:
    with pytest.raises(WordError) as caught:
        read_route(text)
    assert wrong in caught.value.wrong
    assert fix in caught.value.fix


@pytest.mark.parametrize(("text", "wrong", "fix"), RULES_WRONG)
def test_a_mistake_in_a_rule_names_the_word(text: str, wrong: str, fix: str) -> None:
    with pytest.raises(WordError) as caught:
        read_rule(text)
    assert wrong in caught.value.wrong
    assert fix in caught.value.fix


VIP = '[vip.web]\ninterface = "eth0"\naddresses = ["192.0.2.10"]\n'


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f'static_routes = ["{NET}"]\n{VIP}', "x.toml:1: static_routes[0]: "),
        (f'static_rules = ["table 9", "frm 1"]\n{VIP}', "x.toml:1: static_rules[1]: "),
        (f'{VIP}virtual_routes = [\n"{NET} dev eth0",\n"{NET}"]', "x.toml:6: vip.web.virtual_routes[1]: "),
        (f'{VIP}virtual_rules = ["frm 1"]', "x.toml:4: vip.web.virtual_rules[0]: "),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, place: str) -> None:
    (mistake,) = mistakes_of(text)
    assert mistake.startswith(place)


def remarks(text: str) -> list[Finding]:
    return [finding for finding in notices(config_of(text)) if "virtual_r" in str(finding.path)]


def test_what_keepalived_lets_pass_is_taken_for_what_it_must_mean() -> None:
    text = (
        f'{VIP}virtual_routes = ["198.51.100.7/24 dev eth0"]\nvirtual_rules = ["from 192.0.2.7/24 table 9"]'
    )
    wrong = [finding.wrong for finding in remarks(text)]
    assert wrong == [
        f"198.51.100.7/24 has bits beyond its length, and is taken for {NET}",
        "192.0.2.7/24 has bits beyond its length, and is taken for 192.0.2.0/24",
    ]


def test_a_protocol_and_tracking_have_no_meaning_and_are_told() -> None:
    text = f'{VIP}virtual_routes = ["{NET} dev eth0 proto static no_track"]'
    assert [finding.wrong.split(":")[0] for finding in remarks(text)] == [
        "proto has no effect",
        "no_track has no effect",
    ]


def test_names_of_tables_are_the_hosts() -> None:
    text = (
        f'{VIP}virtual_routes = ["{NET} dev eth0 table office"]\nvirtual_rules = ["from all table offices"]'
    )
    entries = routing_entries(config_of(text), {"office": 1000})
    addresses, routing = entries.vips["web"]
    assert addresses == {"192.0.2.10"}
    assert [route.table for route in routing.routes] == [1000]
    assert routing.rules == ()
    ((entry, why),) = entries.unknown
    assert entry == "from all table offices"
    assert 'knows no routing table "offices"; did you mean office?' in why
