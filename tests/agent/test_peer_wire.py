"""Datagrams between nodes: what is proven is understood, and nothing else is even decoded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipkeeper.agent.peer_wire import LONGEST, Malformed, pack, unpack
from vipkeeper.model.messages import Ask, Message, Ping, Pong, Promise, Refusal, RefusedBecause
from vipkeeper.model.records import SharedKey

KEY = SharedKey("0011223344556677", "ab" * 32)
OTHER = SharedKey("8899aabbccddeeff", "cd" * 32)

MESSAGES: tuple[Message, ...] = (
    Ask("a", "b", "n1", "i", "digest", 2005, 12, "p"),
    Promise("b", "a", "n1", "j", "i", "digest", 2005),
    Refusal("b", "a", "n1", RefusedBecause.STORE_ANSWERS, "p"),
    Ping("a", "b", "n2"),
    Pong("b", "a", "n2", "p"),
)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_every_message_comes_back_as_it_was(message: Message) -> None:
    assert unpack(pack(message, KEY), (OTHER, KEY)) == message


def test_the_longest_names_fit_into_a_datagram() -> None:
    long = "x" * 64
    incarnation = f"{'m' * 16}/{'b' * 36}/{'i' * 16}"
    ask = Ask(long, long, "p" * 12 + "-123456789", incarnation, "d" * 32, 10**7, 10**12, "p" * 12)
    assert len(pack(ask, KEY)) < LONGEST


def test_another_clusters_datagram_is_not_understood() -> None:
    assert unpack(pack(MESSAGES[0], OTHER), (KEY,)) is Malformed.UNKNOWN_KEY


def test_a_key_of_the_same_name_proves_nothing() -> None:
    assert unpack(pack(MESSAGES[0], SharedKey(KEY.id, OTHER.secret)), (KEY,)) is Malformed.FORGED


@given(st.data())
def test_no_changed_byte_is_accepted(data: st.DataObject) -> None:
    datagram = bytearray(pack(data.draw(st.sampled_from(MESSAGES)), KEY))
    at = data.draw(st.integers(0, len(datagram) - 1))
    datagram[at] ^= data.draw(st.integers(1, 255))
    assert isinstance(unpack(bytes(datagram), (KEY, OTHER)), Malformed)


@given(st.integers(0, 200))
def test_no_shortened_datagram_is_accepted(length: int) -> None:
    datagram = pack(MESSAGES[0], KEY)
    if length < len(datagram):
        assert isinstance(unpack(datagram[:length], (KEY,)), Malformed)


@given(st.binary(max_size=2000))
def test_noise_gives_a_reason(noise: bytes) -> None:
    assert isinstance(unpack(noise, (KEY,)), Malformed)
    assert isinstance(unpack(b"VKF1" + noise, (KEY,)), Malformed)


def test_a_proven_message_of_another_version_is_said_to_be_so() -> None:
    class Later(Ping, tag="later", frozen=True):
        pass

    assert unpack(pack(Later("a", "b", "n"), KEY), (KEY,)) is Malformed.UNREADABLE


def test_a_key_shows_no_secret() -> None:
    assert KEY.secret not in repr(KEY)
    assert KEY.secret not in repr((KEY, OTHER))
