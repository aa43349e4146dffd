"""Agents whose VIPs are on several interfaces and bring routes: what is there, what leaves, what is left.

Rules of this file: `ip` says what is there. The host has eth0 on the LAN and store0 beside it.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.interop.configured_agent import PATIENCE_S, ConfiguredAgent, configured_agent
from tests.interop.segment import VIP4, VIP6, Segment
from tests.kernel_segment.kernel_events import removed_addresses, removed_routing
from vipkeeper.kernel.route_messages import OUR_ROUTES
from vipkeeper.lab.namespaces import Namespace
from vipkeeper.lab.network import vip_ipv4

pytestmark = [pytest.mark.root, pytest.mark.timeout(180)]

MAIL = vip_ipv4(1)
BESIDE, EXCLUDED = "10.88.4.1", "10.77.4.77"
WEB = f"""\
[vip.web]
interface = "eth0"
addresses = ["{VIP4}/16 brd + label eth0:web", "{BESIDE} dev store0"]
excluded_addresses = ["{EXCLUDED}", "{VIP6}"]
virtual_routes = ["198.18.1.0/24 via 10.77.2.1 src {VIP4}", "198.18.2.0/24 via 10.88.2.1 table 77"]
virtual_rules = ["from {VIP4} table 77 priority 777"]
[vip.web.vrrp]
vrid = 51
advert_interval = 0.2
"""
OTHER = f"""\
[vip.mail]
interface = "eth0"
addresses = ["{MAIL} label eth0:mail"]
virtual_routes = ["198.18.3.0/24 via 10.77.2.1"]
[vip.mail.vrrp]
vrid = 52
advert_interval = 0.2
"""
STATIC = """\
static_ipaddress = ["198.51.100.7/24 dev store0"]
static_routes = ["198.18.9.0/24 via 198.51.100.1"]
static_rules = ["from 198.51.100.7 table 99 priority 99"]
"""
EVERYTHING = {
    *(f"{VIP4}/16 eth0", f"{BESIDE}/32 store0", f"{EXCLUDED}/32 eth0", f"{VIP6}/128 eth0"),
    *("route 198.18.1.0/24", "route 198.18.2.0/24", "rule 777"),
}
ALWAYS = {"198.51.100.7/24 store0", "route 198.18.9.0/24", "rule 99"}


def seen(namespace: Namespace) -> set[str]:
    """What there is beside the host's own."""
    routes = _json(namespace, "route", "show", "table", "all", "proto", str(OUR_ROUTES))
    rules = [rule for rule in _json(namespace, "rule", "show") if rule.get("protocol") == str(OUR_ROUTES)]
    own = {"10.77.1.1", "10.88.1.1", "fd77::1:1"}
    addresses = {
        f"{entry['local']}/{entry['prefixlen']} {link['ifname']}"
        for link in _json(namespace, "address", "show")
        for entry in link.get("addr_info", ())
        if entry["local"] not in own and entry["scope"] == "global" and link["ifname"] != "lo"
    }
    named = {f"rule {rule['priority']}" for rule in rules}
    return addresses | named | {f"route {route['dst']}" for route in routes}


def _json(namespace: Namespace, *words: str) -> list[Any]:
    found: list[Any] = json.loads(namespace.run("ip", "-j", *words))
    return found


def begin(agent: ConfiguredAgent, text: str) -> None:
    agent.rewrite(text)
    agent.start()


def wait_for(agent: ConfiguredAgent, wanted: set[str]) -> None:
    agent.wait(
        lambda: seen(agent.host.namespace) == wanted,
        f"there is {sorted(seen(agent.host.namespace))} instead of {sorted(wanted)}",
    )


@pytest.fixture
def agent(segment: Segment) -> Iterator[ConfiguredAgent]:
    segment.forget()
    with configured_agent(segment.network.hosts[0], segment.directory, WEB) as made:
        yield made
    assert seen(made.host.namespace) == set()


def test_all_of_a_vip_comes_and_goes(agent: ConfiguredAgent) -> None:
    begin(agent, STATIC + WEB)
    wait_for(agent, EVERYTHING | ALWAYS)
    (labelled,) = [
        entry
        for link in _json(agent.host.namespace, "address", "show", "dev", "eth0")
        for entry in link.get("addr_info", ())
        if entry["local"] == VIP4
    ]
    assert (labelled["label"], labelled["broadcast"]) == ("eth0:web", "10.77.255.255")
    (listed,) = agent.listed()
    assert set(listed["addresses"]) == {VIP4, BESIDE, EXCLUDED, VIP6}
    agent.stop()
    assert seen(agent.host.namespace) == set()


def test_a_restart_takes_nothing_away(agent: ConfiguredAgent) -> None:
    slow = WEB.replace("advert_interval = 0.2", "advert_interval = 3.0")
    begin(agent, STATIC + slow)
    wait_for(agent, EVERYTHING | ALWAYS)
    with removed_addresses(agent.host.namespace) as removed, removed_routing(agent.host.namespace) as gone:
        agent.process.send(signal.SIGUSR2)
        assert agent.process.wait(PATIENCE_S) == 0
        assert seen(agent.host.namespace) == EVERYTHING | ALWAYS
        agent.start()
        agent.wait_for("adopted")
        assert seen(agent.host.namespace) == EVERYTHING | ALWAYS
        assert (removed(), gone()) == ([], 0)


def test_after_a_kill_the_kernel_ends_what_it_can_and_the_next_agent_the_rest(agent: ConfiguredAgent) -> None:
    begin(agent, STATIC + WEB)
    wait_for(agent, EVERYTHING | ALWAYS)
    agent.kill()
    left = {"route 198.18.2.0/24", "rule 777", *ALWAYS}
    deadline = time.monotonic() + PATIENCE_S
    while seen(agent.host.namespace) != left:
        assert time.monotonic() < deadline, seen(agent.host.namespace)
        time.sleep(0.05)
    # The next one has another configuration, and is a backup at first.
    agent.rewrite(OTHER)
    agent.start()
    wait_for(agent, {f"{MAIL}/32 eth0", "route 198.18.3.0/24"})


def test_clear_leaves_nothing_of_a_killed_agent(agent: ConfiguredAgent) -> None:
    begin(agent, STATIC + WEB)
    wait_for(agent, EVERYTHING | ALWAYS)
    agent.kill()
    done = agent.command("clear", *agent.place)
    assert done.returncode == 0, done.stderr
    assert seen(agent.host.namespace) == set()


def test_what_somebody_removes_is_put_back(agent: ConfiguredAgent) -> None:
    begin(agent, STATIC + WEB)
    wait_for(agent, EVERYTHING | ALWAYS)
    agent.host.namespace.configure(
        "route del 198.18.2.0/24 table 77",
        "rule del priority 777",
        "rule del priority 99",
        "address del 198.51.100.7/24 dev store0",
    )
    agent.wait_for("routing-removed")
    wait_for(agent, EVERYTHING | ALWAYS)


def test_a_reload_of_one_vip_touches_nothing_of_another(agent: ConfiguredAgent) -> None:
    both = EVERYTHING | {f"{MAIL}/32 eth0", "route 198.18.3.0/24"}
    begin(agent, WEB + OTHER)
    wait_for(agent, both)
    with removed_addresses(agent.host.namespace) as removed, removed_routing(agent.host.namespace) as gone:
        agent.reload(WEB + OTHER)
        agent.reload(WEB.replace("label eth0:web", "label eth0:new") + OTHER)
        agent.wait(lambda: _label(agent.host.namespace, VIP4) == "eth0:new", "the label is not changed")
        assert removed() == [VIP4]
        wait_for(agent, both)
        assert gone() <= 1, "the route from that address goes with it"
        more = WEB.replace(f'"{BESIDE} dev store0"', f'"{BESIDE} dev store0", "10.77.4.99"')
        agent.reload(more + OTHER)
        wait_for(agent, both | {"10.77.4.99/32 eth0"})
        assert removed() == []
        agent.reload(WEB.replace("198.18.2.0/24", "198.18.7.0/24") + OTHER)
        wait_for(agent, both - {"route 198.18.2.0/24"} | {"route 198.18.7.0/24"})
        assert MAIL not in removed()
    assert _label(agent.host.namespace, MAIL) == "eth0:mail"


def _label(namespace: Namespace, address: str) -> str:
    (label,) = [
        entry["label"]
        for link in _json(namespace, "address", "show", "dev", "eth0")
        for entry in link.get("addr_info", ())
        if entry["local"] == address
    ]
    return str(label)


def test_secondaries_are_promoted_while_somebody_asks_for_it(agent: ConfiguredAgent) -> None:
    def promotes() -> str:
        path = "/proc/sys/net/ipv4/conf/store0/promote_secondaries"
        return agent.host.namespace.run("cat", path).strip()

    agent.host.namespace.run("sysctl", "--quiet", "net.ipv4.conf.store0.promote_secondaries=0")
    begin(agent, WEB.replace("[vip.web.vrrp]", "promote_secondaries = true\n[vip.web.vrrp]"))
    wait_for(agent, EVERYTHING)
    assert promotes() == "1"
    agent.reload(WEB)
    assert promotes() == "0"
    agent.reload(WEB.replace("[vip.web.vrrp]", "promote_secondaries = true\n[vip.web.vrrp]"))
    assert promotes() == "1"
    agent.stop()
    assert promotes() == "0"


def test_a_route_that_the_kernel_refuses_keeps_no_vip_back_and_is_told(agent: ConfiguredAgent) -> None:
    begin(agent, WEB.replace("via 10.88.2.1 table 77", "via 203.0.113.1 table 77"))
    wait_for(agent, EVERYTHING - {"route 198.18.2.0/24"})
    done = agent.command("ls", "--backend", "vrrp", *agent.place)
    assert "has no 198.18.2.0/24 via 203.0.113.1 table 77: " in done.stderr
    assert "it is tried again" in agent.log()
    agent.host.namespace.configure("route add 203.0.113.1 dev store0")
    try:
        wait_for(agent, EVERYTHING)
        assert agent.command("ls", "--backend", "vrrp", *agent.place).stderr == ""
    finally:
        agent.host.namespace.configure("route del 203.0.113.1 dev store0")
