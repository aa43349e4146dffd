"""A server that answers nonsense: the outcome is Unknown, and no exception leaves the store."""

from __future__ import annotations

import random
import struct

import pytest
from h2.connection import H2Connection
from h2.errors import ErrorCodes

from backends.etcd_rpc.etcd_pb2 import RangeResponse, ResponseHeader, TxnResponse
from backends.etcd_settings import EtcdSettings
from backends.store import Transaction, Unknown
from tests.contract.bad_servers import GRPC_HEADERS, Answer, babbling_server, http2_server
from tests.contract.benches import etcd_client
from tests.contract.calls import PATIENCE_S, lost
from tests.contract.event_loop import on_loop

OK = [("grpc-status", "0")]
SETTINGS_FRAME = bytes.fromhex("000000040000000000")
HALF_A_HEADER = TxnResponse(header=ResponseHeader(revision=7), succeeded=True).SerializeToString()

BABBLE = [
    b"",
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    b"\x15\x03\x03\x00\x02\x02\x46",  # a TLS alert
    SETTINGS_FRAME,
    SETTINGS_FRAME + b"\xff" * 200,
    SETTINGS_FRAME + bytes.fromhex("000004010500000001") + b"\xff" * 4,  # headers that HPACK cannot read
    SETTINGS_FRAME + bytes.fromhex("000006010400000001") + b"\x88\x00\x01x\x01\xff",  # a header not in ASCII
    SETTINGS_FRAME + bytes.fromhex("000005000100000001") + b"\x00\x00\x00\x00\x05",  # data without headers
    SETTINGS_FRAME + bytes.fromhex("000002bb0000000000") + b"ab",  # a frame of an unknown kind
    SETTINGS_FRAME + bytes.fromhex("0000080600000000000102030405060708"),  # a ping
    SETTINGS_FRAME + bytes.fromhex("00000807000000000000000000000000"),  # half a GOAWAY
]


def _message(body: bytes, *, compressed: bool = False, claimed: int | None = None) -> bytes:
    return struct.pack(">?I", compressed, len(body) if claimed is None else claimed) + body


def _reply(*, data: bytes, trailers: list[tuple[str, str]] | None = None) -> Answer:
    def answer(connection: H2Connection, stream: int) -> None:
        connection.send_headers(stream, GRPC_HEADERS)
        connection.send_data(stream, data)
        connection.send_headers(stream, OK if trailers is None else trailers, end_stream=True)

    return answer


def _headers_only(*headers: tuple[str, str]) -> Answer:
    return lambda connection, stream: connection.send_headers(stream, list(headers), end_stream=True)


def _information_first(connection: H2Connection, stream: int) -> None:
    connection.send_headers(stream, [(":status", "103")])
    _reply(data=_message(b""))(connection, stream)


ANSWERS: dict[str, Answer] = {
    "not found": _headers_only((":status", "404"), ("content-type", "text/html")),
    "no status": _headers_only(("content-type", "application/grpc")),
    "no content type": _headers_only((":status", "200")),
    "web page": _headers_only((":status", "200"), ("content-type", "text/html")),
    "no grpc status": _headers_only(*GRPC_HEADERS),
    "strange grpc status": _headers_only(*GRPC_HEADERS, ("grpc-status", "many")),
    "unknown grpc status": _headers_only(*GRPC_HEADERS, ("grpc-status", "99")),
    "success without a message": _headers_only(*GRPC_HEADERS, *OK),
    "escapes that are none": _headers_only(*GRPC_HEADERS, ("grpc-status", "2"), ("grpc-message", "%zz%ff")),
    "unavailable": _headers_only(*GRPC_HEADERS, ("grpc-status", "14"), ("grpc-message", "try later")),
    "empty message": _reply(data=_message(b"")),
    "header without a cluster": _reply(data=_message(HALF_A_HEADER)),
    "no protobuf": _reply(data=_message(b"\xff" * 20)),
    "compressed": _reply(data=_message(b"x", compressed=True)),
    "shorter than it says": _reply(data=_message(b"x", claimed=100)),
    "half a length": _reply(data=b"\x00\x00"),
    "failure after the message": _reply(
        data=_message(RangeResponse(header=ResponseHeader(cluster_id=1)).SerializeToString()),
        trailers=[("grpc-status", "13"), ("grpc-message", "broken")],
    ),
    "reset": lambda connection, stream: connection.reset_stream(stream),
    "refused": lambda connection, stream: connection.reset_stream(stream, ErrorCodes.REFUSED_STREAM),
    "goodbye": lambda connection, _: connection.close_connection(),
    "early hints": _information_first,
}


async def _ask_everything(url: str) -> None:
    async with etcd_client(EtcdSettings((url,))) as store:
        for answer in (
            await store.read("/", timeout_s=PATIENCE_S),
            await store.commit(Transaction(puts={"/a": b""}), timeout_s=PATIENCE_S),
            await store.commit(Transaction(puts={"/a": b""}), timeout_s=PATIENCE_S),
        ):
            assert isinstance(answer, Unknown)
            assert url in answer.why
        assert url in (await lost(store.watch("/", after_revision=1, heartbeat_s=PATIENCE_S))).why


@pytest.mark.parametrize("babble", BABBLE)
@on_loop
async def test_bytes_that_are_not_an_answer(babble: bytes) -> None:
    async with babbling_server(babble) as url:
        await _ask_everything(url)


@pytest.mark.parametrize("name", ANSWERS)
@on_loop
async def test_answers_that_are_not_etcds(name: str) -> None:
    async with http2_server(ANSWERS[name]) as url, etcd_client(EtcdSettings((url,))) as store:
        for answer in (
            await store.read("/", timeout_s=0.5),
            await store.commit(Transaction(puts={"/a": b""}), timeout_s=0.5),
        ):
            assert isinstance(answer, Unknown)
            assert url in answer.why


@on_loop
async def test_random_bytes() -> None:
    dice = random.Random(2379)
    for _ in range(60):
        frames = SETTINGS_FRAME if dice.random() < 0.8 else b""
        for _ in range(dice.randrange(4)):
            body = dice.randbytes(dice.randrange(40))
            kind, flags, stream = dice.randrange(11), dice.randrange(256), dice.choice([0, 1, 1, 3, 2])
            frames += (
                struct.pack(">I", len(body))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + body
            )
        async with babbling_server(frames) as url, etcd_client(EtcdSettings((url,))) as store:
            answer = await store.commit(Transaction(puts={"/a": b""}), timeout_s=PATIENCE_S)
            assert isinstance(answer, Unknown), frames.hex()
