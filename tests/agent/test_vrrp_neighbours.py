"""Packets that are not for us: counted, told seldom, and who uses our VRID is named."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.agent.vrrp_bench import ADDRESSES, HIGHER, Bench, Node, config, packed, pair, play, toml
from vipkeeper.agent.vrrp_neighbours import TOLD_EVERY_S
from vrrp_compat.wire.advertisement import GROUP_IPV4, Advertisement, Datagram
from vrrp_compat.wire.ipv4_datagram import IPV4_BYTES, write_ipv4
from vrrp_compat.wire.vrid_census import VridUse

STRANGER = packed("192.0.2.66")
FOREIGN = packed("192.0.2.166")


def of_stranger(vrid: int = 51, *, version: int = 3, address: bytes = FOREIGN, priority: int = 1) -> Datagram:
    advert = Advertisement(version, vrid, priority, 100, (address,))
    packet = write_ipv4(advert, STRANGER, GROUP_IPV4, identification=7)
    return Datagram(STRANGER, GROUP_IPV4, 255, 112, packet[IPV4_BYTES:], packet[:IPV4_BYTES])


async def hears(bench: Bench, *datagrams: Datagram) -> None:
    for datagram in datagrams:
        bench.segment.carry("stranger", datagram)
        await bench.passes(0.01)


def lines(log: pytest.LogCaptureFixture, text: str) -> list[str]:
    return [record.getMessage() for record in log.records if text in record.getMessage()]


async def master(bench: Bench, vip: str | None = None) -> Node:
    bench.segment.join("stranger")
    node = bench.node("a", ADDRESSES[0], config(vip or toml(), priority=HIGHER)).start()
    await bench.until(node.answers, 5.0)
    return node


def test_each_discard_is_counted_and_told_once_a_minute(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(bench: Bench) -> None:
        node = await master(bench)
        good = of_stranger(priority=254)
        broken = msgspec.structs.replace(good, payload=good.payload[:6] + b"\xba\xd0" + good.payload[8:])
        far = msgspec.structs.replace(good, ttl=254)
        before = node.report()
        for _ in range(50):
            await hears(bench, broken, far)
        report = node.report()
        assert report.discarded == {"checksum": 50, "ttl": 50}
        assert (report.state, report.received, report.master) == (before.state, 0, before.master)
        assert len(lines(caplog, "TTL is 255")) == 1
        bench.loop.pass_time(TOLD_EVERY_S)
        await hears(bench, far)
        assert len(lines(caplog, "TTL is 255")) == 2

    play(tmp_path, story)
    told = [record for record in caplog.records if "TTL is 255" in record.getMessage()]
    assert "49" in str(vars(told[1]))  # how often it happened in between


@pytest.mark.parametrize("version", [2, 3])
def test_a_group_of_others_with_our_number_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, version: int
) -> None:
    """Also one whose packets are discarded before anybody looks at its addresses."""

    async def story(bench: Bench) -> None:
        node = await master(bench)
        await hears(bench, of_stranger(52), of_stranger(version=version))
        warning = node.report().warning
        assert warning is not None
        assert "VRID 51" in warning
        assert "is used by 192.0.2.66 for 192.0.2.166" in warning
        assert "VRID 53 is free on this wire" in warning
        assert node.answers()

    play(tmp_path, story)
    assert len(lines(caplog, "VRID 53 is free on this wire")) == 1


def test_our_own_group_is_no_group_of_others(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench)
        await bench.passes(5.0)
        assert (higher.report().warning, lower.report().warning) == (None, None)
        assert not lower.router().discards

    play(tmp_path, story)


def test_what_a_listener_counted_is_told_to_those_whom_it_concerns(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(bench: Bench) -> None:
        node = await master(bench, toml() + toml(52, "192.0.2.200", name="mail"))
        use = VridUse(51, 4, ("192.0.2.166",), ("192.0.2.66",), (2,), 100, 3)
        ours = VridUse(52, 4, ("192.0.2.200",), ("192.0.2.67",), (3,), 100, 3)
        node.shell.tell_census("eth1", (use, ours))
        assert node.report().warning is None
        node.shell.tell_census("eth0", (use, ours))
        assert "VRID 53 is free" in str(node.report().warning)
        assert node.report("mail").warning is None
        bench.loop.pass_time(3601.0)
        assert node.report().warning is None  # nobody has heard it for an hour

    play(tmp_path, story)
    assert len(lines(caplog, "VRID 53 is free on this wire")) == 1


def test_nonsense_changes_nothing(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        node = await master(bench)
        for size in range(30):
            await hears(bench, Datagram(STRANGER, GROUP_IPV4, 255, 112, b"\x31\x33" + bytes(size)))
            await hears(bench, Datagram(STRANGER, GROUP_IPV4, 255, 112, b"\x31"[:size]))
        assert node.answers()
        assert node.report().state == "Master"

    play(tmp_path, story)
