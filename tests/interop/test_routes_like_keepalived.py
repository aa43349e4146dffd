"""The same words given to a real keepalived and to us make the same routes, rules and addresses.

Rules of this file: what differs is listed in docs/addresses-and-routes.md, and taken out of the comparison by
a line that says so.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.interop.configured_agent import PATIENCE_S, configured_agent
from tests.interop.segment import Segment
from tests.peers.process_tree import kill_all
from vipkeeper.kernel.route_messages import OUR_ROUTES
from vipkeeper.lab.namespaces import Namespace
from vipkeeper.lab.processes import LabProcess

pytestmark = [pytest.mark.root, pytest.mark.timeout(180)]

ADDRESSES = (
    "10.77.4.1/24 brd + label eth0:web",
    "10.77.4.2 brd + dev eth0",
    "10.77.4.3 peer 10.77.5.1",
    "10.77.6.1/30 brd +",
    "10.88.4.1/24 dev store0 brd - scope site",
    "10.88.4.2 dev store0 no_track",
)
EXCLUDED = ("fd77::4:1", "fd77::4:2 dev store0", "10.77.4.9")
ROUTES = (
    "198.51.100.0/24 via 10.77.2.1 dev eth0",
    "198.51.101.0/24 via 10.77.2.1",
    "198.51.102.0/24 dev eth0",
    "198.51.102.0/24 via 10.77.2.1 dev eth0 metric 100 src 10.77.1.1 mtu lock 1400 rtt 400ms",
    "src 10.77.4.1 to 198.51.103.0/24 via 10.77.2.1 dev eth0",
    "blackhole 198.51.104.0/24",
    "unreachable 198.51.105.0/24 metric 5",
    "prohibit 198.51.106.0/24 table 1000",
    "throw 198.51.107.0/24 table 10",
    "198.51.108.0/24 nexthop via 10.77.2.1 dev eth0 weight 3 nexthop via 10.88.2.1 dev store0",
    "198.51.109.0/24 via 203.0.113.1 dev eth0 onlink",
    "198.51.111.0/24 dev eth0 scope global tos 0x10",
    "default via 10.77.2.1 table 77",
    "198.51.113.1 via 10.77.2.1",
    "fd10::/64 via fd77::2:1 dev eth0",
    "fd12::/64 dev eth0 metric 5",
    "blackhole fd13::/64",
    "fd15::/64 via fd77::2:1 dev eth0 mtu 1400 hoplimit 5",
    "default via fe80::1 dev eth0 table 50",
)
RULES = (
    "from 10.77.4.1 table 100 priority 100",
    "not from 10.0.0.0/8 fwmark 0x10/0xff lookup main preference 101",
    "from all iif eth0 sport 100-200 ipproto tcp blackhole priority 102",
    "from 192.0.2.11 table 1000 priority 103 suppress_prefixlength 0",
    "fwmark 3 table 5 oif eth0 priority 104",
    "from all uidrange 0-99 table 9 tos 0x10 priority 105",
    "from 1.2.3.4 realms 3 table 8 priority 106",
    "from 1.1.1.1 nop priority 107",
    "from all suppress_ifgroup 4 table 12 priority 108",
    "to fd00::/8 table 9 priority 109",
)


def test_the_same_words_make_the_same_entries(segment: Segment, tmp_path: Path) -> None:
    host = segment.network.hosts[0]
    before = dump(host.namespace, "keepalived")
    keepalived = LabProcess(
        "keepalived",
        (
            *("keepalived", "--dont-fork", "--log-console", "--vrrp", "--use-file", str(tmp_path / "k.conf")),
            *("--pid", str(tmp_path / "k.pid"), "--vrrp_pid", str(tmp_path / "v.pid")),
        ),
        log=tmp_path / "keepalived.log",
        namespace=host.namespace,
    )
    (tmp_path / "k.conf").write_text(keepalived_conf())
    try:
        keepalived.start()
        theirs = settled(host.namespace, "keepalived")
        keepalived.stop(PATIENCE_S)
    finally:
        if keepalived.is_running():
            kill_all(keepalived)
    # keepalived 2.2.7 asks for the removal of an address without its peer, and leaves it.
    host.namespace.configure("address del 10.77.4.3 peer 10.77.5.1 dev eth0")
    assert dump(host.namespace, "keepalived") == before
    with configured_agent(host, tmp_path, toml()) as agent:
        agent.start()
        ours = settled(host.namespace, str(OUR_ROUTES))
        assert agent.log().count("routing-refused") == 0, agent.log()
    for kind, found in theirs.items():
        assert ours[kind] == found, kind


def keepalived_conf() -> str:
    blocks = (
        ("virtual_ipaddress", ADDRESSES),
        ("virtual_ipaddress_excluded", EXCLUDED),
        ("virtual_routes", ROUTES),
        ("virtual_rules", RULES),
    )
    body = "".join(f"{name} {{\n" + "".join(f"{line}\n" for line in lines) + "}\n" for name, lines in blocks)
    head = "state MASTER\ninterface eth0\nvirtual_router_id 51\npriority 255\nadvert_int 1\n"
    return f"vrrp_instance web {{\n{head}{body}}}\n"


def toml() -> str:
    keys = (
        ("addresses", ADDRESSES),
        ("excluded_addresses", EXCLUDED),
        ("virtual_routes", ROUTES),
        ("virtual_rules", RULES),
    )
    lines = "".join(f"{key} = {json.dumps(texts)}\n" for key, texts in keys)
    return f'[vip.web]\ninterface = "eth0"\npriority = 255\n{lines}[vip.web.vrrp]\nvrid = 51\nversion = 2\n'


def settled(namespace: Namespace, protocol: str) -> dict[str, list[str]]:
    """What there is once the last rule is there, which comes last."""
    deadline = time.monotonic() + PATIENCE_S
    while len(dump(namespace, protocol)["rules"]) < len(RULES):
        assert time.monotonic() < deadline, dump(namespace, protocol)
        time.sleep(0.05)
    return dump(namespace, protocol)


def dump(namespace: Namespace, protocol: str) -> dict[str, list[str]]:
    """Routes and rules of one protocol, and addresses; sorted, without what is listed as different."""
    return {
        "routes": sorted(
            json.dumps(comparable_route(route), sort_keys=True)
            for family in ("-4", "-6")
            for route in shown(namespace, family, "route", "show", "table", "all", "proto", protocol)
            if route["table"] != "local"
        ),
        "rules": sorted(
            json.dumps({key: rule[key] for key in rule if key != "protocol"}, sort_keys=True)
            for family in ("-4", "-6")
            for rule in shown(namespace, family, "rule", "show")
            if rule.get("protocol") == protocol
        ),
        "addresses": sorted(
            json.dumps({"dev": link["ifname"], **comparable_address(entry)}, sort_keys=True)
            for link in shown(namespace, "-4", "address", "show") + shown(namespace, "-6", "address", "show")
            for entry in link.get("addr_info", ())
        ),
    }


def shown(namespace: Namespace, family: str, *words: str) -> list[Any]:
    found: list[Any] = json.loads(namespace.run("ip", family, "-j", "-d", *words))
    return found


def comparable_route(route: dict[str, Any]) -> dict[str, Any]:
    # keepalived gives a route without a router the scope "global"; `ip route` and we give it "link".
    return {key: route[key] for key in route if key not in {"protocol", "scope"}}


def comparable_address(entry: dict[str, Any]) -> dict[str, Any]:
    # A virtual address of ours has a lifetime, makes no route of its prefix, and bears our mark; an IPv6 one
    # is never the source of connections.
    kept = ("family", "local", "address", "prefixlen", "broadcast", "scope", "label")
    return {key: entry[key] for key in kept if key in entry}
