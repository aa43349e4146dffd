"""What a host lacks, loses and gets back: interfaces, the address it speaks from, peers that are names."""

from __future__ import annotations

from pathlib import Path

from tests.agent.vrrp_bench import ADDRESSES, HIGHER, LOWER, VIP, Bench, config, packed, pair, play, toml
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.states import State

BY_NAME = 'unicast_peers = ["b.example"]'


def test_a_pulled_cable(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench)
        higher.pull_cable()
        await bench.passes(0.1)
        assert (higher.report().state, higher.report().reason) == ("Fault", "interface-down")
        assert higher.kernel.addresses() == {}
        await bench.until(lower.answers, 5.0)
        higher.plug_cable()
        await bench.until(higher.answers, 8.0)
        assert not lower.answers()
        assert len(higher.ports.ports) == 1

    play(tmp_path, story)


def test_an_interface_that_is_another_one_when_it_is_back(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench)
        (before,) = higher.ports.ports
        higher.remove_interface()
        await bench.passes(0.1)
        assert (higher.report().state, higher.report().reason) == ("Fault", "interface-missing")
        await bench.until(lower.answers, 5.0)
        higher.add_interface()
        await bench.until(higher.answers, 8.0)
        (after,) = higher.ports.ports
        assert after is not before
        assert not after.is_stale()

    play(tmp_path, story)


def test_an_interface_that_is_replaced_between_two_looks(tmp_path: Path) -> None:
    """Its port hears nothing any more, and nobody saw the interface go."""

    async def story(bench: Bench) -> None:
        _, lower = await pair(bench)
        lower.remove_interface()
        lower.add_interface()
        await bench.passes(10.0)
        assert lower.router().became_master == 0
        assert not lower.ports.ports[0].is_stale()

    play(tmp_path, story)


def test_a_start_without_the_interface(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        node = bench.node("a", ADDRESSES[0], config(toml()))
        node.remove_interface()
        node.start()
        await bench.passes(5.0)
        assert (node.report().state, node.report().reason) == ("Fault", "interface-missing")
        node.add_interface()
        await bench.until(node.answers, 6.0)

    play(tmp_path, story)


def test_a_router_without_an_address_to_speak_from(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench)
        own, higher.sources[4] = higher.sources[4], None
        start_s = bench.loop.time()
        higher.replan()
        await bench.passes(0.1)
        assert (higher.report().state, higher.report().reason) == ("Fault", "no-source-address")
        assert "add one, or set source_address" in higher.report().detail
        assert higher.kernel.addresses() == {}
        assert bench.by(higher, since_s=start_s) == []  # from which address?
        await bench.until(lower.answers, 5.0)
        higher.sources[4] = own
        higher.replan()
        await bench.until(higher.answers, 8.0)

    play(tmp_path, story)


def test_another_address_to_speak_from(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench)
        higher.sources[4] = packed("192.0.2.99")
        higher.replan()
        start_s = bench.loop.time()
        await bench.passes(5.0)
        assert higher.answers()
        assert {said.datagram.source for said in bench.by(higher, since_s=start_s)} == {packed("192.0.2.99")}
        assert lower.report().master == "192.0.2.99"

    play(tmp_path, story)


def test_a_peer_whose_name_is_known_later_and_changes(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.segment.join("peer", addresses=frozenset({packed("192.0.2.50"), packed("192.0.2.51")}))
        node = bench.node("a", ADDRESSES[0], config(toml(vrrp=BY_NAME))).start()
        await bench.passes(5.0)
        assert (node.report().state, node.report().reason) == ("Fault", "no-peer-known")
        assert "b.example" in node.report().detail
        node.names["b.example", 4] = packed("192.0.2.50")
        node.replan()
        await bench.until(node.answers, 6.0)
        assert {said.datagram.destination for said in bench.by(node)} == {packed("192.0.2.50")}
        start_s = bench.loop.time()
        node.names["b.example", 4] = packed("192.0.2.51")
        node.replan()
        await bench.passes(3.0)
        assert node.answers()
        after = bench.by(node, since_s=start_s)
        assert {said.datagram.destination for said in after} == {packed("192.0.2.51")}
        assert node.router().plan.expected.sources == {packed("192.0.2.51")}

    play(tmp_path, story)


def test_a_stop_in_a_fault_ends_at_once(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        node = bench.node("a", ADDRESSES[0], config(toml(), toml(52, "192.0.2.200", name="mail")))
        node.remove_interface()
        node.start()
        await bench.passes(1.0)
        start_s = bench.loop.time()
        await node.stop()
        assert bench.loop.time() - start_s < 0.1
        assert bench.said == []

    play(tmp_path, story)


def test_the_kernel_refuses_the_address(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher = bench.node("a", ADDRESSES[0], config(toml(), priority=HIGHER))
        (vip,) = higher.units()[0].addresses
        higher.kernel.refusals[vip] = "no room"
        lower = bench.node("b", ADDRESSES[1], config(toml(), priority=LOWER)).start()
        higher.start()
        await bench.until(lower.answers, 8.0)
        assert (higher.report().reason, higher.report().detail) == ("kernel-refused", "no room")
        assert any(said.priority == 0 for said in bench.by(higher))
        higher.kernel.refusals.clear()
        await bench.until(higher.answers, 20.0)

    play(tmp_path, story)


def test_addresses_that_nobody_adopts_go_at_the_start(tmp_path: Path) -> None:
    """A killed agent left them, and this one cannot serve them now."""

    async def story(bench: Bench) -> None:
        node = bench.node("a", ADDRESSES[0], config(toml())).start()
        await bench.until(node.answers, 5.0)
        node.kill()
        own, node.sources[4] = node.sources[4], None
        node.start()
        await bench.passes(0.05)
        assert node.report().reason == "no-source-address"
        assert node.kernel.addresses() == {}
        node.sources[4] = own

    play(tmp_path, story)


SILENT = toml(vrrp="accept = false")


def test_an_address_that_takes_no_packets_is_silent_before_it_is_there(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench, SILENT)
        assert (higher.silence.now, lower.silence.now) == (frozenset({VIP}), frozenset[str]())
        assert not any(each.talked for each in (higher.silence, lower.silence))
        higher.reload(config(toml(), priority=HIGHER))
        assert higher.silence.now == frozenset()
        higher.reload(config(SILENT, priority=HIGHER))
        assert higher.silence.now == {VIP}
        higher.silence.talked = False  # it did until now, as it was told
        other = "192.0.2.150"
        higher.reload(config(toml(address=other, vrrp="accept = false"), priority=HIGHER))
        assert higher.silence.now == {other}
        await higher.stop()
        assert higher.silence.now == frozenset()
        assert not higher.silence.talked

    play(tmp_path, story)


def test_what_the_kernel_does_not_give_up_stays_silent(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        higher, lower = await pair(bench, SILENT)
        higher.kernel.stuck = dict.fromkeys(higher.kernel.addresses(), "it does not go")
        lower.reload(config(SILENT, priority=200))
        await bench.until(lower.answers, 5.0)
        assert higher.silence.now == {VIP}
        higher.kernel.stuck = {}
        await bench.until(lambda: not higher.silence.now, 10.0)

    play(tmp_path, story)


def test_the_owner_of_the_addresses_takes_packets(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        node = bench.node("a", ADDRESSES[0], config(SILENT, priority=255)).start()
        assert node.router().last_state is State.MASTER
        assert node.shell.decisions[State.MASTER, RouterReason.ADDRESS_OWNER] == 1
        await bench.passes(3.0)
        assert node.answers()
        assert node.silence.now == frozenset()

    play(tmp_path, story)
