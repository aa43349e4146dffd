"""Datagrams over real sockets of this machine: spoken, heard, written down before, and lost without harm."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from tests.contract.event_loop import on_loop
from vipkeeper.agent.peer_address import find_own_address
from vipkeeper.agent.peer_shell import PeerShell
from vipkeeper.agent.peer_wire import Malformed
from vipkeeper.config.peer_address import PeerAddress
from vipkeeper.election.effects import KeepPromises, Tell
from vipkeeper.election.events import Event, MessageHeard
from vipkeeper.election.shared_keys import SharedKeys
from vipkeeper.model.messages import GivenPromise, Ping, Promise
from vipkeeper.model.records import SharedKey

KEY = SharedKey("0011223344556677", "ab" * 32)
KEYS = SharedKeys(KEY, (KEY,))
PING = Ping("a", "b", "n")
PATIENCE_S = 10.0
KEPT = (GivenPromise("a", "i", "digest", 12.5),)


class Peer:
    """A shell with its socket, and what it heard and kept."""

    def __init__(self, address: str, keys: SharedKeys | None = KEYS) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
            self.own = PeerAddress(address, probe.getsockname()[1])
        self.heard: asyncio.Queue[Event] = asyncio.Queue()
        self.kept: list[tuple[GivenPromise, ...]] = []
        self.full = False
        self.shell = PeerShell(self.own, keys=lambda: keys, keep=self._keep, post=self.heard.put_nowait)

    def _keep(self, promises: tuple[GivenPromise, ...]) -> None:
        if self.full:
            raise OSError(28, "No space left on device", "promises")
        self.kept.append(promises)

    async def next_message(self) -> MessageHeard:
        async with asyncio.timeout(PATIENCE_S):
            event = await self.heard.get()
        assert isinstance(event, MessageHeard)
        return event


@asynccontextmanager
async def running(*peers: Peer) -> AsyncGenerator[None, None]:
    tasks = [asyncio.create_task(peer.shell.run()) for peer in peers]
    for peer in peers:
        async with asyncio.timeout(PATIENCE_S):
            await peer.shell.listening.wait()
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for peer in peers:
            peer.shell.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_what_one_says_the_other_hears_with_the_address_to_answer(address: str) -> None:
    @on_loop
    async def talk() -> None:
        first, second = Peer(address), Peer(address)
        async with running(first, second):
            first.shell.tell(Tell(str(second.own), PING))
            heard = await second.next_message()
            assert (heard.message, heard.address) == (PING, str(first.own))
            second.shell.tell(Tell(heard.address, Ping("b", "a", "m")))
            assert (await first.next_message()).message == Ping("b", "a", "m")

    talk()


@on_loop
async def test_a_promise_is_written_down_before_it_is_sent() -> None:
    first, second = Peer("127.0.0.1"), Peer("127.0.0.1")
    promise = Promise("a", "b", "n", "j", "i", "digest", 2000)
    async with running(first, second):
        first.full = True
        first.shell.promise(KeepPromises(KEPT, Tell(str(second.own), promise)))
        first.shell.tell(Tell(str(second.own), PING))
        assert (await second.next_message()).message == PING  # and no promise came before it
        first.full = False
        first.shell.promise(KeepPromises(KEPT, Tell(str(second.own), promise)))
        assert (await second.next_message()).message == promise
        assert first.kept == [KEPT]


@on_loop
async def test_what_proves_nothing_is_counted_and_reaches_nobody() -> None:
    stranger, peer, friend = Peer("127.0.0.1"), Peer("127.0.0.1"), Peer("127.0.0.1")
    other = SharedKey(KEY.id, "cd" * 32)
    stranger.shell = PeerShell(
        stranger.own, keys=lambda: SharedKeys(other, (other,)), keep=lambda _: None, post=lambda _: None
    )
    async with running(stranger, peer, friend):
        stranger.shell.tell(Tell(str(peer.own), PING))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noise:
            noise.sendto(b"", (peer.own.address, peer.own.port))
            noise.sendto(bytes(9000), (peer.own.address, peer.own.port))
        friend.shell.tell(Tell(str(peer.own), PING))
        assert (await peer.next_message()).address == str(friend.own)
    assert peer.shell.dropped == {Malformed.FORGED: 1, Malformed.NOT_OURS: 2}


@on_loop
async def test_without_a_key_nothing_is_said() -> None:
    mute, peer, friend = Peer("127.0.0.1", keys=None), Peer("127.0.0.1"), Peer("127.0.0.1")
    async with running(mute, peer, friend):
        mute.shell.tell(Tell(str(peer.own), PING))
        friend.shell.tell(Tell(str(peer.own), PING))
        assert (await peer.next_message()).address == str(friend.own)


@on_loop
async def test_an_address_in_use_fails_nothing() -> None:
    peer = Peer("127.0.0.1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((peer.own.address, peer.own.port))
        task = asyncio.create_task(peer.shell.run())
        await asyncio.sleep(0.05)
        assert not task.done()
        peer.shell.tell(Tell("127.0.0.1:9", PING))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert peer.heard.empty()


@on_loop
async def test_loopback_is_no_address_for_others() -> None:
    assert await find_own_address(["127.0.0.1", "::1", "localhost"], ()) is None


@on_loop
async def test_a_host_that_cannot_be_resolved_is_passed_over() -> None:
    assert await find_own_address(["no-such-host.invalid"], ()) is None


@on_loop
async def test_an_address_of_the_store_is_not_looked_up() -> None:
    await find_own_address(["192.0.2.1", "2001:db8::1", "::1"], ())
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("asyncio_")]
    await find_own_address(["localhost"], ())
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("asyncio_")]
