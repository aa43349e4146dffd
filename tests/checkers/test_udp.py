"""UDP_CHECK against real sockets."""

from __future__ import annotations

import asyncio

import pytest

from tests.checkers.servers import LONG_S, SHORT_S, TURN, Datagrams, datagram_server
from vipkeeper.health.checkers.results import Failed
from vipkeeper.health.checkers.udp_check import check, why_wrong
from vipkeeper.model.balancing import Reach, UdpAsk


def ask(plan: UdpAsk, *, answer: bytes | None, timeout_s: float = LONG_S) -> tuple[str, Datagrams]:
    """What it finds, and the server that it asked."""

    async def story() -> tuple[str, Datagrams]:
        async with datagram_server() as server:
            server.automatic = answer
            found = await check(plan, server.reach, timeout_s=timeout_s, turn=TURN)
            return found.detail, server

    return asyncio.run(story())


def test_silence_is_well_unless_an_answer_is_wanted() -> None:
    found, server = ask(UdpAsk(""), answer=None, timeout_s=SHORT_S)
    assert found == "no ICMP error within 0.2 s"
    assert len(server.heard) == 1
    with pytest.raises(Failed, match=r"no answer from 127.0.0.1:\d+ within 0.2 s"):
        ask(UdpAsk("", require_reply=True), answer=None, timeout_s=SHORT_S)
    with pytest.raises(Failed, match="no answer"):
        ask(UdpAsk("", reply="0a"), answer=None, timeout_s=SHORT_S)


def test_an_answer_ends_it_at_once() -> None:
    assert ask(UdpAsk(""), answer=b"pong")[0] == "an answer of 4 bytes"


def test_the_payload_is_what_is_sent() -> None:
    assert ask(UdpAsk("0A0b0c"), answer=b"x")[1].heard == [b"\x0a\x0b\x0c"]


def test_a_closed_port_fails_at_once() -> None:
    async def story() -> None:
        async with datagram_server() as server:
            reach = server.reach
        await check(UdpAsk(""), Reach(reach.address, reach.port), timeout_s=LONG_S, turn=TURN)

    with pytest.raises(Failed, match="connection refused by 127"):
        asyncio.run(story())


def test_an_answer_that_is_wrong_fails() -> None:
    with pytest.raises(Failed, match="the answer begins with ff and not with 0a"):
        ask(UdpAsk("", reply="0a"), answer=b"\xff")


@pytest.mark.parametrize(
    ("plan", "answer", "why"),
    [
        (UdpAsk("", reply="0AxX0c"), b"\x0a\x77\x0c", ""),
        (UdpAsk("", reply="0axx0c"), b"\x0a\x77\x0cmore", ""),
        (UdpAsk("", reply="0ax1"), b"\x0a\x71", ""),
        (UdpAsk("", reply="0ax1"), b"\x0a\x72", "the answer begins with 0a72 and not with 0ax1"),
        (UdpAsk("", reply="0a0b"), b"\x0a", "the answer begins with 0a and not with 0a0b"),
        (UdpAsk("", reply="0a"), b"", "the answer begins with nothing and not with 0a"),
        (UdpAsk("", min_reply_length=3), b"12", "the answer has 2 bytes and not at least 3"),
        (UdpAsk("", min_reply_length=2, max_reply_length=2), b"12", ""),
        (UdpAsk("", max_reply_length=2), b"123", "the answer has more than 2 bytes"),
    ],
)
def test_which_answer_is_the_right_one(plan: UdpAsk, answer: bytes, why: str) -> None:
    assert why_wrong(plan, answer) == why


def test_a_long_answer_is_not_taken_for_a_short_one() -> None:
    with pytest.raises(Failed, match="more than 2 bytes"):
        ask(UdpAsk("", require_reply=True, max_reply_length=2), answer=b"123456789")
