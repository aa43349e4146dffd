"""Agents that speak VRRP, with real kernels between them: restarts, reloads, freezes, what is left.

Rules of this file: the observer says who answers; a hold of 9 s leaves time to start a process
on a machine that takes 3 s for it.
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.interop import scenarios
from tests.interop.configured_agent import ConfiguredAgent, configured_agent
from tests.interop.segment import VIP4, VIP6, Segment
from tests.peers.vipkeeper import Vipkeeper
from tests.peers.virtual_router import VirtualRouter, wait_until_master
from vipkeeper.lab.namespaces import Namespace
from vipkeeper.lab.network import vip_ipv4
from vipkeeper.lab.observer import now_ns

pytestmark = [pytest.mark.root, pytest.mark.long, pytest.mark.timeout(180)]

SLOW = VirtualRouter((VIP4,), interval_ms=3000)
PAIR = ("vipkeeper", "vipkeeper")
MAIL = vip_ipv4(1)
HOLD_S = 9.0


def vip(name: str = "web", address: str = VIP4, vrid: int = 51, *, more: str = "", vrrp: str = "") -> str:
    return (
        f'[vip.{name}]\naddresses = ["{address}"]\ninterface = "eth0"\n{more}\n'
        f"[vip.{name}.vrrp]\nvrid = {vrid}\n{vrrp}\n"
    )


WEB = vip()
QUICK = "advert_interval = 0.2"


@pytest.fixture
def web(segment: Segment) -> Iterator[ConfiguredAgent]:
    """Alone on the segment, and master."""
    segment.forget()
    with configured_agent(segment.network.hosts[0], segment.directory, WEB) as agent:
        agent.start()
        segment.observer.wait_until_answered(VIP4, by=agent.host.name)
        yield agent


def lost(segment: Segment, since_ns: int) -> int:
    time.sleep(0.4)  # probes on their way
    return segment.outage(VIP4, since_ns).lost


@pytest.mark.parametrize("planned", [True, False], ids=["vipkeeper-restart", "sigkill"])
def test_a_restart_loses_no_probe(segment: Segment, planned: bool) -> None:
    with segment.routers(PAIR, SLOW) as (higher, lower):
        scenarios.elect(segment, higher, lower)
        assert isinstance(higher, Vipkeeper)
        segment.adverts.wait_for(since_ns=now_ns(), host=higher.host.name)
        since_ns = now_ns()
        if planned:
            higher.host.namespace.run(
                *(higher.process.arguments[0], "-m", "vipkeeper", "restart"),
                *("--run-dir", str(higher.run_directory)),
            )
            higher.process.wait(5)
        else:
            higher.kill()
        higher.start()
        time.sleep(HOLD_S)
        assert lost(segment, since_ns) == 0
        assert "reason=adopted" in higher.log_end()
        assert not segment.adverts.heard(since_ns=since_ns, host=lower.host.name)
        assert segment.doubles(since_ns).count == 0


def test_a_restart_after_the_hold_is_a_backup(segment: Segment) -> None:
    """Its addresses still stand behind the closed fence, which is no reason to be master."""
    with segment.routers(PAIR, replace(SLOW, preempt=False, interval_ms=1000)) as (higher, lower):
        scenarios.elect(segment, higher, lower)
        assert isinstance(higher, Vipkeeper)
        since_ns = now_ns()
        higher.kill()
        last = segment.adverts.heard(host=higher.host.name)[-1]
        # The hold is over three seconds after it; the address stands for two seconds more.
        while now_ns() < last.received_ns + 3_100_000_000:
            time.sleep(0.01)
        assert higher.holds(VIP4)
        higher.start()
        wait_until_master(lower)
        time.sleep(3)
        assert (higher.is_master(), lower.is_master()) == (False, True)
        assert "reason=adopted" not in higher.log_end()
        assert not segment.adverts.heard(since_ns=since_ns, host=higher.host.name)
        assert segment.doubles(since_ns).count == 0


def test_frozen_beyond_the_hold_and_thawed(segment: Segment) -> None:
    """What waits in its socket tells it who serves now, and with `preempt` off it stays a backup."""
    with segment.routers(PAIR, replace(SLOW, interval_ms=1000, preempt=False)) as (higher, lower):
        scenarios.elect(segment, higher, lower)
        since_ns = now_ns()
        higher.freeze()
        segment.answered_by(VIP4, lower)
        time.sleep(1.0)
        thawed_ns = now_ns()
        higher.thaw()
        time.sleep(4.0)
        assert (higher.is_master(), lower.is_master()) == (False, True), higher.log_end()
        assert " backup " in higher.log_end().splitlines()[-1]
        assert not segment.adverts.heard(since_ns=thawed_ns, host=higher.host.name)
        assert segment.doubles(since_ns).count == 0


RELOADS = {
    "nothing": WEB,
    "log": 'log.level = "warning"\n' + WEB.replace("[vip", "\n[vip", 1),
    "priority": "priority = 90\n" + WEB,
    "preempt": vip(more="preempt = false\npreempt_delay = 3"),
    "interval": vip(vrrp=QUICK),
    "source": vip(vrrp='source_address = "10.77.1.1"'),
    "addresses-of-peers": vip(vrrp='allowed_sources = ["10.77.1.2", "10.77.1.3"]'),
    "a-peer-by-name": vip(vrrp='unicast_peers = ["localhost"]'),
    "another-vip": WEB + vip("mail", MAIL, 52, vrrp=QUICK),
    "the-other-vip-changes": WEB + vip("mail", MAIL, 53, vrrp=f"{QUICK}\naccept = false"),
    "the-other-vip-goes": WEB,
}


def test_reloads_lose_no_probe(segment: Segment, web: ConfiguredAgent) -> None:
    since_ns = now_ns()
    for name, text in RELOADS.items():
        if name == "log":
            continue  # it would silence what the next reload is known by
        web.reload(text)
        time.sleep(0.8)
        assert lost(segment, since_ns) == 0, name
        if name == "another-vip":
            web.wait_until("Master", "mail")
        if name == "the-other-vip-changes":
            web.wait_until("Master", "mail")
            assert VIP4 not in web.host.namespace.run("nft", "list", "ruleset")
            assert MAIL in web.host.namespace.run("nft", "list", "table", "inet", "vipkeeper")
    assert "mail" not in {one["vip"] for one in web.listed()}
    assert "inet vipkeeper" not in web.host.namespace.run("nft", "list", "ruleset")


def test_a_peer_that_is_not_there_keeps_nobody_from_serving(segment: Segment) -> None:
    """Nobody answers ARP for it: that is how a dead peer looks."""
    text = vip(vrrp=f'{QUICK}\nunicast_peers = ["10.77.1.99", "10.77.1.2"]')
    segment.forget()
    with configured_agent(segment.network.hosts[0], segment.directory, text) as agent:
        agent.start()
        segment.observer.wait_until_answered(VIP4, by=agent.host.name)
        since_ns = now_ns()
        time.sleep(5)  # the kernel has given up on its neighbour by then
        assert lost(segment, since_ns) == 0
        assert "lease-lapsed" not in agent.log()


def test_an_interface_that_comes_and_goes(segment: Segment) -> None:
    host = segment.network.hosts[0]
    add = ("link add eth9 type veth peer name eth9p", "addr add 10.99.0.1/24 dev eth9")
    up = ("link set eth9p up", "link set eth9 up")
    text = vip(address="10.99.0.100", vrrp=QUICK).replace("eth0", "eth9")
    with configured_agent(host, segment.directory, text) as agent:
        agent.start()
        agent.wait_until("Fault")
        assert agent.listed()[0]["reason"] == "interface-missing"
        for _ in range(2):
            host.namespace.configure(*add, *up)
            agent.wait_until("Master")
            host.namespace.configure("addr del 10.99.0.1/24 dev eth9")
            agent.wait_until("Fault")
            assert agent.listed()[0]["reason"] == "no-source-address"
            host.namespace.configure("addr add 10.99.0.2/24 dev eth9")
            agent.wait_until("Master")
            host.namespace.configure("link set eth9p down")
            agent.wait_until("Fault")
            host.namespace.configure("link set eth9p up")
            agent.wait_until("Master")
            host.namespace.configure("link del eth9")
            agent.wait_until("Fault")


def answers(host: Namespace, address: str) -> bool:
    """Whether a connection to a port that nobody listens at is refused: packets arrive and are answered."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET

    def is_refused() -> bool:
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(1.0)
            return connection.connect_ex((address, 1)) == errno.ECONNREFUSED

    return host.call(is_refused)


@pytest.mark.parametrize("address", [VIP4, VIP6], ids=["ipv4", "ipv6"])
def test_accept(segment: Segment, address: str) -> None:
    """ARP and neighbour discovery are answered, packets are not; a reload, a stop and `clear` undo it."""
    host, client = segment.network.hosts[0], segment.network.client.namespace
    text = vip(address=address, vrrp=f"{QUICK}\naccept = false")
    segment.forget()
    with configured_agent(host, segment.directory, text) as agent:
        agent.start()
        agent.wait_until("Master")
        assert not answers(client, address)
        neighbours = client.run("ip", "neigh", "show", address)
        assert host.mac in neighbours
        since_ns = now_ns()
        time.sleep(1)
        assert not [
            a
            for a in segment.observer.recording().answers_for(address, ("client",))
            if a.received_ns > since_ns
        ]
        assert answers(host.namespace, address)  # it may talk to itself
        agent.reload(text.replace("false", "true"))
        assert answers(client, address)
        agent.reload(text)
        assert not answers(client, address)
        agent.reload("priority = 255\n" + text)
        agent.wait_until("Master")
        assert answers(client, address)
        agent.reload(text)
        agent.stop()
        assert "vipkeeper" not in host.namespace.run("nft", "list", "ruleset")
        agent.start()
        agent.wait_until("Master")
        refused = agent.command("clear", *agent.place)
        assert refused.returncode == 75
        assert "an agent runs here; stop it" in refused.stderr
        assert not answers(client, address)
        agent.kill()
        assert "inet vipkeeper" in host.namespace.run("nft", "list", "ruleset")
        assert agent.command("clear", *agent.place).returncode == 0
        assert "vipkeeper" not in host.namespace.run("nft", "list", "ruleset")


def test_clear_takes_everything_away(segment: Segment) -> None:
    host = segment.network.hosts[0]
    look = (
        ("ip", "-o", "addr", "show"),
        ("tc", "filter", "show", "dev", "eth0", "ingress"),
        ("ip", "-o", "link"),
    )
    read = ("cat", "/proc/sys/net/ipv4/conf/eth0/arp_ignore", "/proc/sys/net/ipv4/conf/eth0/arp_filter")

    def kernel() -> list[str]:
        shown = [host.namespace.run(*words) for words in (*look, read)]
        return [without_lifetimes(text) for text in shown]

    before = kernel()
    text = vip(vrrp=f"{QUICK}\nvirtual_mac = true\naccept = false")
    with configured_agent(host, segment.directory, text) as agent:
        agent.start()
        agent.wait_until("Master")
        agent.kill()
        assert kernel() != before
        cleared = agent.command("clear", *agent.place)
        assert cleared.returncode == 0, cleared.stderr
        assert kernel() == before


def without_lifetimes(text: str) -> str:
    return "\n".join(line.partition("\\")[0] for line in text.splitlines())


def test_a_vrid_of_others_is_named(segment: Segment, tmp_path: Path) -> None:
    """At the start, in the log, by `ls` and by `check --wire`, whatever else they differ in."""
    # keepalived lets each packet that it rejects put off its own next one, so it has to be the quicker one.
    with segment.routers(("keepalived",), replace(SLOW, interval_ms=200)) as (theirs,):
        theirs.start()
        scenarios.serves(segment, theirs)
        text = vip(address=MAIL, vrrp="version = 2")
        with configured_agent(segment.network.hosts[1], segment.directory, text) as agent:
            checked = agent.command("check", str(agent.config), "--wire")
            assert checked.returncode == 2, checked
            said = f"VRID 51 (IPv4, version 3) is used by {theirs.host.ipv4} for {VIP4}"
            assert said in checked.stdout
            assert said in checked.stderr
            assert "VRID 52 is free on this wire" in checked.stderr
            agent.start()
            agent.wait_for(said)
            (listed,) = agent.listed()
            assert said in listed["warning"]
            assert "VRID 52 is free" in listed["warning"]
            free = agent.config.read_text().replace("vrid = 51", "vrid = 52")
            other = tmp_path / "free.toml"
            other.write_text(free)
            checked = agent.command("check", str(other), "--wire")
            assert (checked.returncode, "Traceback" in checked.stderr) == (0, False), checked
