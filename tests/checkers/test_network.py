"""TCP, UDP and ping over a network: firewalls that refuse, hosts that are off, marks and interfaces."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import pytest

from tests.checkers.segment import (
    DROPPED,
    NOBODY_IPV4,
    PORTLESS,
    PROHIBITED,
    RESET,
    SERVER_IPV4,
    SERVER_IPV6,
    SERVER_LINK_LOCAL,
    UNREACHABLE,
    Segment,
    make_segment,
)
from tests.checkers.servers import LONG_S, SHORT_S, TURN
from vipkeeper.health.checkers import ping_check, tcp_check, udp_check
from vipkeeper.health.checkers.results import CannotCheck, Failed
from vipkeeper.model.balancing import PingAsk, Reach, TcpAsk, UdpAsk

pytestmark = pytest.mark.root

PING_GROUPS = "net.ipv4.ping_group_range"


@pytest.fixture(scope="module")
def segment() -> Iterator[Segment]:
    with make_segment() as made:
        yield made


def tcp(segment: Segment, reach: Reach, timeout_s: float = LONG_S) -> str:
    return segment.ask(
        lambda: tcp_check.check(TcpAsk(), reach, timeout_s=timeout_s, turn=TURN),
    ).detail


def udp(segment: Segment, reach: Reach, timeout_s: float = LONG_S) -> str:
    """Without an answer that is required: silence is well, an ICMP error is not."""
    return segment.ask(lambda: udp_check.check(UdpAsk(""), reach, timeout_s=timeout_s, turn=TURN)).detail


def ping(segment: Segment, reach: Reach, timeout_s: float = LONG_S) -> str:
    return segment.ask(lambda: ping_check.check(PingAsk(), reach, timeout_s=timeout_s, turn=TURN)).detail


@pytest.mark.parametrize(
    ("reach", "why"),
    [
        (Reach(SERVER_IPV4, PORTLESS), "connection refused by 10.77.0.2:7000"),
        (Reach(SERVER_IPV4, RESET), "connection refused by 10.77.0.2:7001"),
        (Reach(SERVER_IPV4, UNREACHABLE), "10.77.0.2:7002 cannot be reached (no route to host)"),
        (Reach(SERVER_IPV4, PROHIBITED), "10.77.0.2:7003 cannot be reached (no route to host)"),
        (Reach(SERVER_IPV6, PROHIBITED), "a firewall on the way to [fd77::2]:7003 refuses it"),
        (Reach(NOBODY_IPV4, 80), "10.77.0.99:80 cannot be reached (no route to host)"),
        (Reach("203.0.113.5", 80), "there is no route to 203.0.113.5:80"),
    ],
)
def test_a_tcp_check_says_at_once_what_the_network_said(segment: Segment, reach: Reach, why: str) -> None:
    with pytest.raises(Failed) as failed:
        tcp(segment, reach)
    assert str(failed.value) == why


def test_what_is_dropped_fails_when_the_time_is_over(segment: Segment) -> None:
    with pytest.raises(Failed) as failed:
        tcp(segment, Reach(SERVER_IPV4, DROPPED), SHORT_S)
    assert str(failed.value) == "no answer from 10.77.0.2:7004 within 0.2 s"
    assert udp(segment, Reach(SERVER_IPV4, DROPPED), SHORT_S) == "no ICMP error within 0.2 s"


@pytest.mark.parametrize(
    ("reach", "why"),
    [
        (Reach(SERVER_IPV4, PORTLESS), "connection refused by 10.77.0.2:7000"),
        (Reach(SERVER_IPV6, PORTLESS), "connection refused by [fd77::2]:7000"),
        (Reach(SERVER_IPV4, UNREACHABLE), "10.77.0.2:7002 cannot be reached (no route to host)"),
        (Reach(SERVER_IPV6, UNREACHABLE), "[fd77::2]:7002 cannot be reached (no route to host)"),
        (Reach(SERVER_IPV6, PROHIBITED), "a firewall on the way to [fd77::2]:7003 refuses it"),
        (Reach(NOBODY_IPV4, 53), "10.77.0.99:53 cannot be reached (no route to host)"),
    ],
)
def test_a_udp_check_hears_every_icmp_error(segment: Segment, reach: Reach, why: str) -> None:
    with pytest.raises(Failed) as failed:
        udp(segment, reach)
    assert str(failed.value) == why


@pytest.mark.parametrize("groups", ["0 2147483647", "1 0"], ids=["ping socket", "raw socket"])
def test_a_host_that_is_on_answers_pings(segment: Segment, groups: str) -> None:
    segment.director.run("sysctl", "-qw", f"{PING_GROUPS}={groups}")
    for _ in range(2):
        assert ping(segment, Reach(SERVER_IPV4, 0)) == "answered"
        assert ping(segment, Reach(SERVER_IPV6, 0)) == "answered"
        assert ping(segment, Reach(SERVER_IPV4, 80, bindto="10.77.0.9")) == "answered"


@pytest.mark.parametrize("groups", ["0 2147483647", "1 0"], ids=["ping socket", "raw socket"])
def test_a_host_that_is_off_answers_no_pings(segment: Segment, groups: str) -> None:
    segment.director.run("sysctl", "-qw", f"{PING_GROUPS}={groups}")
    with pytest.raises(Failed, match="cannot be reached"):
        ping(segment, Reach(NOBODY_IPV4, 0))
    segment.server.run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1")
    try:
        with pytest.raises(Failed, match=r"no answer to a ping of 10\.77\.0\.2 within 0\.2 s"):
            ping(segment, Reach(SERVER_IPV4, 0), SHORT_S)
    finally:
        segment.server.run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=0")


def test_without_the_right_to_ping_nothing_is_known(segment: Segment) -> None:
    """The right is taken from a process of its own; what it says comes back by its output."""
    segment.director.run("sysctl", "-qw", f"{PING_GROUPS}=1 0")
    said = segment.director.run(
        *("setpriv", "--bounding-set=-net_raw", sys.executable, "-m", "tests.checkers.ping_once", SERVER_IPV4)
    )
    assert said.startswith("CannotCheck: this process may not send pings")


def test_a_prohibition_of_this_node_says_nothing_of_the_server(segment: Segment) -> None:
    for asked in (tcp, udp):
        with pytest.raises(CannotCheck, match="this node's own firewall or a route of type prohibit"):
            asked(segment, Reach("198.51.100.1", 80))


def test_a_firewall_of_this_node_says_nothing_of_the_server(segment: Segment) -> None:
    with pytest.raises(CannotCheck, match="this node's own firewall"):
        udp(segment, Reach(SERVER_IPV4, 7005))


def test_packets_carry_the_mark(segment: Segment) -> None:
    before = segment.marked_packets()
    with pytest.raises(Failed):
        tcp(segment, Reach(SERVER_IPV4, PORTLESS))
    assert segment.marked_packets() == before
    for asked in (tcp, udp):
        before = segment.marked_packets()
        with pytest.raises(Failed):
            asked(segment, Reach(SERVER_IPV4, PORTLESS, fwmark=7))
        assert segment.marked_packets() == before + 1
    before = segment.marked_packets()
    ping(segment, Reach(SERVER_IPV4, 0, fwmark=7))
    assert segment.marked_packets() == before + 1


def test_it_goes_out_by_the_interface_that_is_wanted(segment: Segment) -> None:
    assert ping(segment, Reach(SERVER_IPV4, 0, bind_if="eth0")) == "answered"
    with pytest.raises(Failed):
        ping(segment, Reach(SERVER_IPV4, 0, bind_if="other"), SHORT_S)


def test_a_link_local_address_is_reached_through_an_interface(segment: Segment) -> None:
    address = SERVER_LINK_LOCAL
    with segment.server.socket(socket.AF_INET6, socket.SOCK_STREAM) as server:
        server.bind(("::", 0))
        server.listen()
        port = server.getsockname()[1]
        assert tcp(segment, Reach(address, port, bind_if="eth0")) == "connected"
        assert tcp(segment, Reach(f"{address}%eth0", port)) == "connected"
        assert ping(segment, Reach(address, 0, bind_if="eth0")) == "answered"
        with pytest.raises(CannotCheck, match="write `bind_if`"):
            tcp(segment, Reach(address, port))
