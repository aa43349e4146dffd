"""Routes, rules and static addresses: the same words given to `ip` make the same; others' stay theirs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.kernel_segment.segment import INTERFACE, Segment, run_inside, run_loop_inside, until_so
from vipkeeper.changes.routing_plan import plan_routing
from vipkeeper.config.address_words import read_address
from vipkeeper.config.route_words import read_route
from vipkeeper.config.rule_words import read_rule
from vipkeeper.kernel.host_routing import HostRouting
from vipkeeper.kernel.memory_routing import MemoryRouting
from vipkeeper.kernel.netlink_routing import NetlinkRouting
from vipkeeper.kernel.route_messages import OUR_ROUTES
from vipkeeper.model.routing import Routing, StaticAddress

ROUTES = (
    "198.51.100.0/24 via 10.9.0.2 dev eth0",
    "198.51.101.0/24 via 10.9.0.2",
    "198.51.102.0/24 dev eth0",
    "198.51.102.0/24 via 10.9.0.2 dev eth0 metric 100 src 10.9.0.1 mtu lock 1400 rtt 400ms advmss 1300",
    "198.51.102.0/24 via 10.9.0.2 dev eth0 metric 101 initcwnd 10 initrwnd 10 rto_min 300ms quickack 1",
    "blackhole 198.51.103.0/24",
    "unreachable 198.51.104.0/24 metric 5",
    "prohibit 198.51.105.0/24 table 1000",
    "throw 198.51.106.0/24 table 10",
    "198.51.108.0/24 nexthop via 10.9.0.2 dev eth0 weight 3 nexthop dev eth0",
    "198.51.109.0/24 via 203.0.113.1 dev eth0 onlink",
    "198.51.110.0/24 via inet6 fe80::1 dev eth0",
    "198.51.111.0/24 dev eth0 scope global tos 0x10",
    "default via 10.9.0.2 table 77",
    "local 198.51.112.1 dev eth0",
    "198.51.113.7 via 10.9.0.2 dev eth0",
    "fd10::/64 via fd09::2 dev eth0",
    "fd11::/64 via fd09::2",
    "fd12::/64 dev eth0 metric 5 src fd09::1",
    "blackhole fd13::/64",
    "fd14::/64 nexthop via fd09::2 dev eth0 nexthop via fd09::3 dev eth0 weight 2",
    "fd15::/64 via fd09::2 dev eth0 mtu 1400 hoplimit 5 pref high",
    "fd16::/64 from fd17::/64 via fd09::2 dev eth0",
    "default via fe80::1 dev eth0 table 50",
    "unreachable fd18::/64 table 50",
)
RULES = (
    "from 192.0.2.10 table 100 priority 100",
    "not from 10.0.0.0/8 fwmark 0x10/0xff lookup main priority 101",
    "from all iif eth0 ipproto tcp sport 100-200 blackhole priority 102",
    "from 192.0.2.11 table 1000 priority 103 suppress_prefixlength 0",
    "fwmark 3 table 5 oif eth0 priority 104",
    "from all uidrange 0-99 table 9 tos 0x10 priority 105",
    "from all suppress_ifgroup 4 table 12 priority 106",
    "from all goto 40000 priority 107",
    "from all to 192.0.2.0/24 prohibit priority 108",
    "from all dport 53 ipproto udp unreachable priority 109",
    "from all tun_id 77 table 9 priority 110",
    "from all l3mdev priority 111",
)
RULES6 = (
    "to fd00::/8 ipproto tcp dport 80-90 table 6 priority 200",
    "from fd09::1 table 1000 priority 201",
    "from all iif eth0 prohibit priority 202",
)
STATIC = (
    "10.66.0.1/24 dev eth0",
    "10.67.0.1/24 dev eth0 brd + label eth0:x scope link",
    "fd66::1/64 dev eth0 nodad",
    "10.68.0.1 peer 10.68.0.2 dev eth0 noprefixroute",
)
OURS = str(OUR_ROUTES)


def routes_shown(segment: Segment) -> list[Any]:
    """All of our number, as `ip` shows them; without the numbers that it gives its answers."""
    shown = [
        entry
        for family in ("-4", "-6")
        for entry in json.loads(
            segment.ours.run("ip", family, "-j", "-d", "route", "show", "table", "all", "proto", OURS)
        )
    ]
    return sorted(shown, key=json.dumps)


def rules_shown(segment: Segment, family: str) -> list[Any]:
    shown = json.loads(segment.ours.run("ip", family, "-j", "-d", "rule", "show"))
    return [entry for entry in shown if entry.get("protocol") == OURS]


def inside(segment: Segment, work: Callable[[NetlinkRouting], None]) -> None:
    def there() -> None:
        host = NetlinkRouting()
        try:
            work(host)
        finally:
            host.close()

    run_inside(segment.ours, there)


@pytest.mark.root
@pytest.mark.parametrize("text", ROUTES)
def test_the_same_words_make_the_same_route_as_with_ip(segment: Segment, text: str) -> None:
    routing = Routing(routes=(read_route(text).route,))
    made: list[list[Any]] = []

    def story(host: NetlinkRouting) -> None:
        assert host.add(routing) == {}
        made.append(routes_shown(segment))
        assert plan_routing(routing, host.read()) == (Routing(), Routing())
        assert host.remove(host.read()) == {}
        assert routes_shown(segment) == []

    inside(segment, story)
    family = "-6" if routing.routes[0].version == 6 else "-4"
    head, _, ways = text.partition(" nexthop ")
    words = [*head.split(), "proto", OURS, *(f"nexthop {ways}".split() if ways else ())]
    segment.ours.run("ip", family, "route", "add", *words)
    assert made == [routes_shown(segment)]


@pytest.mark.root
@pytest.mark.parametrize("text", [*RULES, *RULES6])
def test_the_same_words_make_the_same_rule_as_with_ip(segment: Segment, text: str) -> None:
    family = "-6" if text in RULES6 else "-4"
    said = f"inet6 {text}" if family == "-6" else text
    routing = Routing(rules=(read_rule(said).rule,))
    made: list[list[Any]] = []

    def story(host: NetlinkRouting) -> None:
        assert host.add(routing) == {}
        made.append(rules_shown(segment, family))
        assert plan_routing(routing, host.read()) == (Routing(), Routing())
        assert host.remove(host.read()) == {}
        assert rules_shown(segment, family) == []

    inside(segment, story)
    segment.ours.run("ip", family, "rule", "add", *text.split(), "protocol", OURS)
    assert made == [rules_shown(segment, family)]


@pytest.mark.root
@pytest.mark.parametrize("text", STATIC)
def test_the_same_words_make_the_same_static_address_as_with_ip(segment: Segment, text: str) -> None:
    made: list[Any] = []
    routing = Routing(addresses=(static(text),))

    def story(host: NetlinkRouting) -> None:
        assert host.add(routing) == {}
        made.append(address_shown(segment, text))
        assert plan_routing(routing, host.read()) == (Routing(), Routing())
        assert host.remove(host.read()) == {}
        assert host.read() == Routing()

    inside(segment, story)
    segment.ours.run("ip", "address", "add", *text.split())
    assert made == [address_shown(segment, text)]


def static(text: str) -> StaticAddress:
    written = read_address(text, "")
    return StaticAddress(written.vip, written.options, written.flags, written.preferred_s)


def address_shown(segment: Segment, text: str) -> Any:
    (link,) = json.loads(segment.ours.run("ip", "-j", "-d", "address", "show", "dev", INTERFACE))
    local = text.partition(" ")[0].partition("/")[0]
    (entry,) = [entry for entry in link["addr_info"] if entry["local"] == local]
    return {key: value for key, value in entry.items() if key not in {"protocol", "tentative"}}


@pytest.mark.root
def test_rules_without_a_priority_come_one_before_the_other_as_with_ip(segment: Segment) -> None:
    routing = Routing(rules=tuple(read_rule(f"from 192.0.2.{n} table 100").rule for n in (1, 2, 3)))

    def story(host: NetlinkRouting) -> None:
        assert host.add(routing) == {}
        shown = [(entry["priority"], entry["src"]) for entry in rules_shown(segment, "-4")]
        assert shown == [(32763, "192.0.2.3"), (32764, "192.0.2.2"), (32765, "192.0.2.1")]
        assert plan_routing(routing, host.read()) == (Routing(), Routing())

    inside(segment, story)


@pytest.mark.root
def test_a_route_of_somebody_else_to_the_same_place_stays(segment: Segment) -> None:
    segment.ours.configure(
        "route add 198.51.100.0/24 via 10.9.0.2 dev eth0", "route add 198.51.101.0/24 via 10.9.0.9 dev eth0"
    )
    texts = ("198.51.100.0/24 via 10.9.0.2 dev eth0", "198.51.101.0/24 via 10.9.0.2 dev eth0")
    routing = Routing(routes=tuple(read_route(text).route for text in texts))

    def story(host: NetlinkRouting) -> None:
        assert host.add(routing) == {}
        assert "via 10.9.0.2" in segment.ours.run("ip", "route", "get", "198.51.101.7"), "ours goes first"
        assert host.remove(host.read()) == {}
        assert "via 10.9.0.9" in segment.ours.run("ip", "route", "get", "198.51.101.7")
        assert "via 10.9.0.2" in segment.ours.run("ip", "route", "get", "198.51.100.7")
        assert host.remove(routing) == {}, "not even when asked to remove an equal one"
        assert "via 10.9.0.2" in segment.ours.run("ip", "route", "get", "198.51.100.7")

    inside(segment, story)


@pytest.mark.root
def test_an_ipv6_route_of_somebody_else_to_the_same_place_is_left_and_told(segment: Segment) -> None:
    segment.ours.configure("route add fd10::/64 via fd09::2 dev eth0")
    routing = Routing(routes=(read_route("fd10::/64 via fd09::3 dev eth0").route,))

    def story(host: NetlinkRouting) -> None:
        refused = host.add(routing)
        assert refused.keys() == {*routing.routes}
        assert all("not put there by vipkeeper" in why for why in refused.values())
        assert host.read() == Routing()
        assert host.remove(routing) == {}

    inside(segment, story)
    assert "via fd09::2" in segment.ours.run("ip", "-6", "route", "show", "fd10::/64")


@pytest.mark.root
def test_an_equal_rule_of_somebody_else_stays(segment: Segment) -> None:
    segment.ours.configure("rule add from 192.0.2.1 table 9 pref 9")
    routing = Routing(rules=(read_rule("from 192.0.2.1 table 9 pref 9").rule,))

    def story(host: NetlinkRouting) -> None:
        assert host.read() == Routing()
        assert host.add(routing) == {}
        assert host.read() == routing
        for _ in range(2):
            assert host.remove(routing) == {}
            assert host.read() == Routing()
            assert "from 192.0.2.1 lookup 9" in segment.ours.run("ip", "rule", "show")

    inside(segment, story)


@pytest.mark.root
def test_a_refusal_keeps_no_other_back(segment: Segment) -> None:
    texts = (
        "198.51.100.0/24 via 192.0.2.77 dev eth0",
        "198.51.101.0/24 dev eth9",
        "198.51.102.0/24 dev eth0",
    )
    routes = tuple(read_route(text).route for text in texts)

    def story(host: NetlinkRouting) -> None:
        refused = host.add(Routing(routes=routes))
        assert set(refused) == {*routes[:2]}
        assert "invalid gateway" in refused[routes[0]]
        assert refused[routes[1]] == "interface eth9 does not exist"
        assert [route.destination for route in host.read().routes] == ["198.51.102.0/24"]

    inside(segment, story)


@pytest.mark.root
def test_a_route_from_an_address_goes_with_the_address(segment: Segment) -> None:
    """What bounds the harm after a kill: the kernel removes it when the lifetime of the VIP ends."""
    segment.ours.configure("address add 10.9.1.1/32 dev eth0")
    routing = Routing(routes=(read_route("198.51.100.0/24 via 10.9.0.2 src 10.9.1.1").route,))

    def story(host: NetlinkRouting) -> None:
        assert host.add(routing) == {}
        segment.ours.configure("address del 10.9.1.1/32 dev eth0")
        assert host.read() == Routing()

    inside(segment, story)


@pytest.fixture(params=["memory", pytest.param("netlink", marks=pytest.mark.root)])
def routing_host(
    request: pytest.FixtureRequest,
) -> Iterator[tuple[HostRouting, Callable[[Callable[[], None]], None]]]:
    """A host, and what runs something where that host is."""
    if request.param == "memory":
        yield MemoryRouting(), lambda work: work()
        return
    segment: Segment = request.getfixturevalue("segment")
    host = run_inside(segment.ours, NetlinkRouting)
    yield host, lambda work: run_inside(segment.ours, work)
    host.close()


SEVERAL = Routing(
    (static(STATIC[0]), static(STATIC[1])),
    tuple(read_route(text).route for text in (ROUTES[0], ROUTES[2], "blackhole fd13::/64")),
    tuple(read_rule(text).rule for text in RULES[:2]),
)


def test_what_is_added_is_read_and_what_is_removed_is_gone(
    routing_host: tuple[HostRouting, Callable[[Callable[[], None]], None]],
) -> None:
    host, there = routing_host

    def story() -> None:
        assert host.read() == Routing()
        assert host.add(SEVERAL) == {}
        assert plan_routing(SEVERAL, host.read()) == (Routing(), Routing())
        found = host.read()
        fewer = Routing(SEVERAL.addresses[:1], SEVERAL.routes[1:], SEVERAL.rules[1:])
        unwanted, missing = plan_routing(fewer, found)
        assert missing == Routing()
        assert host.remove(unwanted) == {}
        assert plan_routing(fewer, host.read()) == (Routing(), Routing())
        assert host.remove(unwanted) == {}, "what is gone is not refused"
        assert host.remove(host.read()) == {}
        assert host.read() == Routing()

    there(story)


@pytest.mark.root
def test_only_what_happens_to_ours_is_told(segment: Segment) -> None:
    segment.ours.configure("route add 198.51.200.0/24 dev eth0", "rule add from 192.0.2.1 table 9")

    async def story() -> None:
        host = NetlinkRouting()
        assert host.add(SEVERAL) == {}
        heard: list[str] = []
        host.listen(lambda: heard.append("something"))
        for loss in ("route del 198.51.200.0/24", "rule del from 192.0.2.1"):
            segment.ours.configure(loss)
            for _ in range(3):  # the kernel tells before `ip` ends; the loop looks once in each turn
                await asyncio.sleep(0)
            assert heard == []
        for theft in (
            "rule del priority 100",
            "route del 198.51.102.0/24",
            "address del 10.66.0.1/24 dev eth0",
        ):
            heard.clear()
            segment.ours.configure(theft)
            await until_so(lambda: bool(heard))
        host.close()

    run_loop_inside(segment.ours, story)
