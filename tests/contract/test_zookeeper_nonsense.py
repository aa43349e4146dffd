"""A server that answers nonsense, or is too old: the outcome is Unknown, and no exception leaves us."""

from __future__ import annotations

import random
import struct

import pytest

from backends.store import Transaction, Unknown
from backends.zookeeper_settings import ZookeeperSettings
from tests.contract.bad_servers import babbling_server
from tests.contract.benches import zookeeper_client
from tests.contract.calls import PATIENCE_S, lost
from tests.contract.event_loop import on_loop
from tests.contract.scripted_zookeeper import GREETING, Script, framed, reply, scripted_zookeeper

GET_CHILDREN, MULTI, ADD_WATCH = 8, 14, 106
CHECKED = struct.pack(">iBi", 13, 0, -1) + struct.pack(">iBi", -1, 1, -1)

BABBLE = [
    b"",
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    b"\x15\x03\x03\x00\x02\x02\x46",  # a TLS alert
    struct.pack(">i", -1),
    struct.pack(">i", 2**31 - 1),
    framed(b""),
    framed(GREETING[:10]),
    framed(GREETING),
    framed(GREETING) + framed(b"\xff" * 7),
    framed(GREETING) + framed(reply(-1)),  # half an event
    framed(GREETING) + framed(reply(-4)),  # a login that nobody asked for
    framed(GREETING) + framed(reply(1)),
    framed(struct.pack(">iiq", 0, 0, 0) + struct.pack(">i", 16) + bytes(17)),  # no session
]

CREATED = struct.pack(">iBi", 1, 0, -1) + struct.pack(">i", 2) + b"/a"


def _multi_only(answer: Script) -> Script:
    """The keys are absent; the answer to a multi is as told."""
    others = {GET_CHILDREN: -101}
    return lambda xid, operation: (
        answer(xid, operation) if operation == MULTI else framed(reply(xid, error=others.get(operation, -1)))
    )


SCRIPTS: dict[str, Script] = {
    "fewer results than asked": _multi_only(lambda xid, _: framed(reply(xid, body=CHECKED))),
    "results of another kind": _multi_only(lambda xid, _: framed(reply(xid, body=CREATED * 2 + CHECKED))),
    "no results": _multi_only(lambda xid, _: framed(reply(xid, body=CHECKED[9:]))),
    "wrong xid": lambda xid, _: framed(reply(xid + 1, body=CHECKED)),
    "no body": lambda xid, _: framed(reply(xid)),
    "half a header": lambda xid, _: framed(reply(xid)[:9]),
    "unknown error": lambda xid, _: framed(reply(xid, error=-4711)),
    "unknown error inside": lambda xid, _: framed(
        reply(xid, body=struct.pack(">iBi", -1, 0, -4711) + struct.pack(">i", -4711) + CHECKED)
    ),
    "not text": lambda xid, _: framed(reply(xid, body=struct.pack(">iBi", 1, 0, 0) + b"\0\0\0\1\xff" * 9)),
    "more results than asked": lambda xid, _: framed(reply(xid, body=CHECKED[:9] * 3 + CHECKED)),
    "the answer twice": lambda xid, _: framed(reply(xid, body=CHECKED)) * 2,
    "silence": lambda _, __: b"",
    "session moved": lambda xid, _: framed(reply(xid, error=-118)),
}


def _settings(endpoint: str) -> ZookeeperSettings:
    return ZookeeperSettings((endpoint.removeprefix("http://"),))


@pytest.mark.parametrize("babble", BABBLE)
@on_loop
async def test_bytes_that_are_not_an_answer(babble: bytes) -> None:
    async with babbling_server(babble) as url:
        endpoint = url.removeprefix("http://")
        async with zookeeper_client(_settings(url)) as store:
            for answer in (
                await store.read("/", timeout_s=PATIENCE_S),
                await store.commit(Transaction(puts={"/a": b""}), timeout_s=PATIENCE_S),
                await store.commit(Transaction({"/a": 5}), timeout_s=PATIENCE_S),
            ):
                assert isinstance(answer, Unknown)
                assert endpoint in answer.why
            assert endpoint in (await lost(store.watch("/", after_revision=1, heartbeat_s=PATIENCE_S))).why


@pytest.mark.parametrize("name", SCRIPTS)
@on_loop
async def test_answers_that_are_not_zookeepers(name: str) -> None:
    async with (
        scripted_zookeeper(SCRIPTS[name]) as endpoint,
        zookeeper_client(_settings(endpoint)) as store,
    ):
        for answer in (
            await store.commit(Transaction(puts={"/a": b""}), timeout_s=0.5),
            await store.commit(Transaction({"/a": 5 << 31}, {"/a": b""}), timeout_s=0.5),
            await store.commit(Transaction({"/a": 5}, {"/b": b""}), timeout_s=0.5),
            await store.read("/", timeout_s=0.5),
        ):
            assert isinstance(answer, Unknown)
            assert endpoint in answer.why


@on_loop
async def test_random_bytes() -> None:
    dice = random.Random(2181)
    for _ in range(60):
        frames = framed(GREETING) if dice.random() < 0.8 else b""
        for _ in range(dice.randrange(4)):
            header = struct.pack(">iqi", dice.choice([1, 1, -1, -2, -4]), 5, dice.choice([0, 0, -101]))
            frames += framed(header + dice.randbytes(dice.randrange(40)))
        async with babbling_server(frames) as url, zookeeper_client(_settings(url)) as store:
            answer = await store.commit(Transaction(puts={"/a": b""}), timeout_s=PATIENCE_S)
            assert isinstance(answer, Unknown), frames.hex()


@on_loop
async def test_a_login_answered_with_random_bytes() -> None:
    dice = random.Random(102)

    def challenge(xid: int, _: int) -> bytes:
        parts = [b'nonce="', b'realm="', b"qop=", b"=,", b'"', dice.randbytes(3), b'qop="auth",', b"x"]
        body = b"".join(dice.choice(parts) for _ in range(dice.randrange(8)))
        return framed(reply(xid, body=struct.pack(">i", len(body)) + body))

    for _ in range(60):
        async with scripted_zookeeper(challenge) as endpoint:
            settings = ZookeeperSettings((endpoint,), auth="sasl", username="u", password="p" * 5)
            async with zookeeper_client(settings) as store:
                answer = await store.commit(Transaction(puts={"/a": b""}), timeout_s=PATIENCE_S)
                assert isinstance(answer, Unknown)
                assert endpoint in answer.why


@on_loop
async def test_a_server_that_is_too_old_is_named_with_what_to_do() -> None:
    """Before ZooKeeper 3.6 there are no recursive watches: such a server calls them unimplemented."""

    def old(xid: int, operation: int) -> bytes:
        if operation == ADD_WATCH:
            return framed(reply(xid, error=-6))
        return framed(reply(xid, body=CHECKED if operation == MULTI else b"\0\0\0\0"))

    async with scripted_zookeeper(old) as endpoint, zookeeper_client(_settings(endpoint)) as store:
        answer = await store.read("/", timeout_s=PATIENCE_S)
        assert isinstance(answer, Unknown)
        assert answer.actor == "operator"
        assert "upgrade this server to ZooKeeper 3.6" in answer.why
