"""TCP: what the server answers is a failure, what this node lacks is not."""

from __future__ import annotations

import asyncio
import resource
import socket
from pathlib import Path

import msgspec
import pytest

from tests.checkers.servers import LONG_S, SHORT_S, TURN, closed_port, listening, overloaded
from vipkeeper.health.checkers.results import CannotCheck, Failed
from vipkeeper.health.checkers.sockets import connected
from vipkeeper.health.checkers.tcp_check import check
from vipkeeper.model.balancing import Reach, TcpAsk

TIME_WAIT = "06"  # /proc/net/tcp


def ask(reach: Reach, *, timeout_s: float = LONG_S) -> str:
    """What one TCP check finds."""
    return asyncio.run(check(TcpAsk(), reach, timeout_s=timeout_s, turn=TURN)).detail


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def with_(reach: Reach, **changes: object) -> Reach:
    return msgspec.structs.replace(reach, **changes)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_server_that_listens_is_well(address: str) -> None:
    with listening(address) as (_, reach):
        assert ask(reach) == "connected"


@pytest.mark.parametrize(("address", "shown"), [("127.0.0.1", "127.0.0.1:"), ("::1", "[::1]:")])
def test_a_closed_port_is_named(address: str, shown: str) -> None:
    reach = closed_port(address)
    with pytest.raises(Failed) as failed:
        ask(reach)
    assert str(failed.value) == f"connection refused by {shown}{reach.port}"


def test_a_server_that_does_not_answer_fails_when_its_time_is_over() -> None:
    with overloaded() as reach, pytest.raises(Failed) as failed:
        ask(reach, timeout_s=SHORT_S)
    assert str(failed.value) == f"no answer from 127.0.0.1:{reach.port} within 0.2 s"


def test_it_goes_out_from_the_address_and_port_that_are_wanted() -> None:
    port = closed_port().port
    with listening() as (server, reach):
        ask(with_(reach, bindto="127.0.0.9", bind_port=port))
        accepted, source = server.accept()
        accepted.close()
    assert source == ("127.0.0.9", port)


def test_a_fixed_port_is_free_again_at_the_next_turn() -> None:
    async def twice(reach: Reach) -> None:
        """As a check does that has a conversation: closed by us first, which would leave TIME_WAIT."""
        for _ in range(3):
            sock = await connected(reach, timeout_s=LONG_S)
            sock.close()

    port = closed_port().port
    with listening() as (_, reach):
        asyncio.run(twice(with_(reach, bind_port=port)))


def test_a_connection_to_itself_is_none() -> None:
    """The kernel may choose the very port that is checked, and an end that calls itself is connected."""
    reach = closed_port()
    with pytest.raises(Failed, match="connection refused"):
        ask(with_(reach, bindto=reach.address, bind_port=reach.port))


def test_a_tcp_check_leaves_no_connection_behind() -> None:
    with listening() as (server, reach):
        for _ in range(5):
            ask(reach)
            server.accept()[0].close()
        remote = f"0100007F:{reach.port:04X}"
        lines = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()]
    assert [line for line in lines if line[2] == remote and line[3] == TIME_WAIT] == []


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"bindto": "203.0.113.77"}, "no interface has that address"),
        ({"bind_if": "no-such-if"}, "there is no interface no-such-if"),
    ],
)
def test_what_this_node_lacks_says_nothing_of_the_server(changes: dict[str, str], remedy: str) -> None:
    with listening() as (_, reach), pytest.raises(CannotCheck, match=remedy):
        ask(with_(reach, **changes))


def test_a_port_that_somebody_has_here_says_nothing_of_the_server() -> None:
    with listening() as (_, reach), listening() as (_, taken), pytest.raises(CannotCheck, match="bind_port"):
        ask(with_(reach, bindto="127.0.0.1", bind_port=taken.port))


def test_too_many_open_files_say_nothing_of_the_server() -> None:
    async def without_files(reach: Reach) -> None:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
        try:
            await connected(reach, timeout_s=LONG_S)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)

    with listening() as (_, reach), pytest.raises(CannotCheck, match="raise LimitNOFILE"):
        asyncio.run(without_files(reach))


def test_a_check_that_is_cancelled_leaves_no_socket_open() -> None:
    async def story(reach: Reach) -> None:
        before = open_files()
        task = asyncio.create_task(connected(reach, timeout_s=LONG_S))
        await asyncio.sleep(0)
        assert open_files() == before + 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert open_files() == before

    with overloaded() as reach:
        asyncio.run(story(reach))


def test_a_connection_is_ready_to_be_spoken_on() -> None:
    async def story(reach: Reach, server: socket.socket) -> bytes:
        sock = await connected(reach, timeout_s=LONG_S)
        other, _ = server.accept()
        with sock, other:
            await asyncio.get_running_loop().sock_sendall(sock, b"hello")
            return other.recv(100)

    with listening() as (server, reach):
        assert asyncio.run(story(reach, server)) == b"hello"
