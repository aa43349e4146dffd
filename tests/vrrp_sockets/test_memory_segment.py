"""The faults that a test can give the segment in memory."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import pytest

from tests.vrrp_sockets.datagrams import GROUP, datagram
from tests.vrrp_sockets.segment_benches import INTERFACE, own_address
from vrrp_compat.sockets.memory_segment import MemoryHost, MemorySegment
from vrrp_compat.sockets.segment_port import PortSettings, PortUnavailable, SegmentPort
from vrrp_compat.wire.advertisement import GROUP_IPV4, Datagram


class Stage:
    """Hosts a, b, c with one port each, a clock that a test moves, and no event loop."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.segment = MemorySegment(lambda: self.now_s)
        self.hosts: dict[str, MemoryHost] = {}
        self.ports: dict[str, SegmentPort] = {}
        self.heard: dict[str, list[bytes]] = {}
        for name in "abc":
            self.hosts[name] = self.segment.join(name, addresses=frozenset({own_address(name, 4)}))
            self.heard[name] = []
            opened = self.hosts[name].open(
                PortSettings(4, INTERFACE, groups=frozenset({GROUP_IPV4})),
                partial(self._receive, name),
            )
            assert not isinstance(opened, PortUnavailable)
            self.ports[name] = opened

    def _receive(self, name: str, _: str, one: Datagram) -> None:
        self.heard[name].append(one.payload)

    def say(self, name: str, payload: bytes) -> None:
        sent = datagram(payload, source=own_address(name, 4), destination=GROUP[4])
        assert self.ports[name].send(sent) is None

    def at(self, now_s: float) -> None:
        self.now_s = now_s
        for port in self.ports.values():
            port.drain()


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_nothing_is_heard_before_it_is_drained(stage: Stage) -> None:
    stage.say("a", b"x")
    assert stage.heard == {"a": [], "b": [], "c": []}
    stage.at(0.0)
    assert stage.heard == {"a": [], "b": [b"x"], "c": [b"x"]}


def test_loss_delay_and_doubles_are_the_tests_own(stage: Stage) -> None:
    def fate(_: str, receiver: str, one: Datagram) -> Iterable[float]:
        return {"b": (), "c": (0.5, 0.1)}[receiver] if one.payload == b"odd" else (0.2,)

    stage.segment.fate = fate
    stage.say("a", b"odd")
    stage.say("a", b"even")
    assert stage.segment.next_arrival_s() == 0.1
    stage.at(0.3)
    assert stage.heard == {"a": [], "b": [b"even"], "c": [b"odd", b"even"]}
    stage.at(0.5)
    assert stage.heard["c"] == [b"odd", b"even", b"odd"]
    assert stage.segment.next_arrival_s() is None


def test_a_cut_goes_one_way(stage: Stage) -> None:
    stage.segment.cut("a", "b")
    stage.say("a", b"x")
    stage.say("b", b"y")
    stage.at(0.0)
    assert stage.heard == {"a": [b"y"], "b": [], "c": [b"x", b"y"]}


def test_parts_do_not_hear_each_other_until_they_heal(stage: Stage) -> None:
    stage.segment.part("a")
    stage.say("a", b"x")
    stage.say("b", b"y")
    stage.at(0.0)
    assert stage.heard == {"a": [], "b": [], "c": [b"y"]}
    stage.segment.heal()
    stage.say("a", b"z")
    stage.at(0.0)
    assert stage.heard == {"a": [], "b": [b"z"], "c": [b"y", b"z"]}


def test_what_was_under_way_arrives_although_the_cable_is_cut_meanwhile(stage: Stage) -> None:
    stage.segment.fate = lambda *_: (1.0,)
    stage.say("a", b"x")
    stage.segment.part("a")
    stage.at(1.0)
    assert stage.heard["b"] == [b"x"]
