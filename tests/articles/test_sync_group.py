"""Outside and inside address of a director (LVS-NAT): both always sit on one node."""

from __future__ import annotations

import socket
import time

import pytest

from tests.articles.stage import BACKENDS, VIPS, Node, Stage, wait
from vipkeeper.lab.network import LAN
from vipkeeper.lab.observer import now_ns
from vipkeeper.lab.verdicts import RETURN_NS

pytestmark = [pytest.mark.root, pytest.mark.timeout(240)]

OUTSIDE = VIPS[0]
INSIDE = "10.88.4.1"


def conf(state: str, priority: int) -> str:
    return f"""
vrrp_sync_group VG_1 {{
    group {{
        OUT   # outside address
        IN    # inside address: both must sit on one node
    }}
}}
vrrp_instance OUT {{
    state {state}
    interface eth0
    virtual_router_id 61
    priority {priority}
    advert_int 1
    virtual_ipaddress {{
        {OUTSIDE}/16
    }}
}}
vrrp_instance IN {{
    state {state}
    interface store0
    virtual_router_id 62
    priority {priority}
    advert_int 1
    virtual_ipaddress {{
        {INSIDE}/16
    }}
}}
"""


def inside_served_by(stage: Stage) -> str:
    """The node whose MAC answers for the inside address, asked by a machine of that network."""
    asker = stage.lab.network.store_servers[0].namespace
    asker.run("ip", "neigh", "flush", "to", INSIDE)
    with asker.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.sendto(b"?", (INSIDE, 9))
    time.sleep(0.1)
    shown = asker.run("ip", "neigh", "show", "to", INSIDE)
    for host in stage.lab.network.hosts:
        mac = host.namespace.run("cat", "/sys/class/net/store0/address").strip()
        if mac in shown:
            return host.name
    return ""


def both_with(stage: Stage, node: Node) -> None:
    stage.served_by(OUTSIDE, node)
    name = node.host.name
    wait(lambda: inside_served_by(stage) == name, f"the inside address is not with {name}")
    # The observer takes an owner that returns sooner for one that never went.
    time.sleep(1.5 * RETURN_NS / 1e9)


@pytest.mark.parametrize("backend", BACKENDS)
def test_both_move_as_one(stage: Stage, backend: str) -> None:
    with stage.running(backend, (conf("MASTER", 100), conf("BACKUP", 90))) as (first, second):
        both_with(stage, first)
        stage.forget()
        since_ns = now_ns()
        # The outside cable alone is pulled; the inside address must not stay behind.
        switch = stage.lab.network.switch
        switch.configure(f"link set {first.host.lan_port} down")
        both_with(stage, second)
        switch.configure(f"link set {first.host.lan_port} up", f"link set {first.host.lan_port} master {LAN}")
        both_with(stage, first)
        first.agent.stop()
        both_with(stage, second)
        first.agent.start()
        both_with(stage, first)
        stage.one_owner(backend, since_ns)
