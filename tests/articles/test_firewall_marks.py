"""Two directors serve each other's backup: one virtual server for a firewall mark, two addresses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.articles.stage import BACKENDS, VIPS, Node, running_nodes
from tests.articles.web_farm import WebFarm

pytestmark = [pytest.mark.root, pytest.mark.ipvs, pytest.mark.timeout(400)]

MARK = 3


def instance(number: int, state: str, priority: int) -> str:
    """One of the two."""
    vrid, vip = (6, 8)[number], VIPS[number]
    return f"""vrrp_instance VI_{number + 1} {{
    state {state}
    interface eth0
    virtual_router_id {vrid}
    priority {priority}
    advert_int 1
    authentication {{
        auth_type PASS
        auth_pass x{vrid}bf7fd
    }}
    virtual_ipaddress {{
        {vip}/16 dev eth0 label eth0:{number}
    }}
    track_interface {{
        eth0
    }}
}}
"""


def conf(farm: WebFarm, node: int) -> str:
    """As the article has it, `nat_mask` and all."""
    states = (("MASTER", 100), ("BACKUP", 98))
    (state1, priority1), (state2, priority2) = states if node == 1 else states[::-1]
    servers = "".join(
        f"""    real_server {web.address} 80 {{
        weight 1
        HTTP_GET {{
            url {{
                path /
                status_code 200
            }}
            connect_timeout 2
            nb_get_retry 3
            delay_before_retry 1
        }}
    }}
"""
        for web in farm.webs
    )
    return f"""global_defs {{
    router_id node{node}
    vrrp_mcast_group4 224.0.100.9
}}
{instance(0, state1, priority1)}
{instance(1, state2, priority2)}
virtual_server fwmark {MARK} {{
    delay_loop 1
    lb_algo rr
    lb_kind DR
    nat_mask 255.255.0.0
    protocol TCP
    sorry_server 127.0.0.1 80
{servers}}}
"""


def mark_packets(node: Node) -> None:
    """What the article's `iptables -t mangle` does, which the kernel that the tests bring along lacks."""
    filters = "; ".join(
        "tc filter add dev eth0 ingress pref 1 protocol ip flower "
        f"dst_ip {vip} ip_proto tcp dst_port 80 action skbedit mark {MARK} pipe"
        for vip in VIPS
    )
    node.host.namespace.run("sh", "-ec", f"tc qdisc replace dev eth0 clsact; {filters}")


@pytest.fixture
def unmarked(farm: WebFarm) -> Iterator[None]:
    """Afterwards."""
    yield
    for host in farm.lab.network.hosts[:2]:
        host.namespace.run("tc", "filter", "del", "dev", "eth0", "ingress", "pref", "1")


@pytest.mark.usefixtures("unmarked")
@pytest.mark.parametrize("backend", BACKENDS)
def test_one_service_behind_two_addresses(farm: WebFarm, backend: str) -> None:
    web1, web2 = farm.webs
    with running_nodes(farm.lab, backend, (conf(farm, 1), conf(farm, 2)), prepare=mark_packets) as nodes:
        first, second = nodes
        owners = tuple(zip(VIPS, nodes, strict=True))
        for vip, owner in owners:
            farm.wait_until_served_by(vip, web1, web2, through=owner)
        farm.wait_until_tables_are(
            nodes,
            # With direct routing nobody changes a packet's port, so the table has none.
            [f"-A -f {MARK} -s rr", *(f"-a -f {MARK} -r {web.address}:0 -g -w 1" for web in farm.webs)],
        )
        web1.stop()
        for vip, owner in owners:
            farm.wait_until_served_by(vip, web2, through=owner)
        web2.stop()
        for (vip, owner), sorry in zip(owners, farm.sorry, strict=True):
            farm.wait_until_served_by(vip, sorry, through=owner)
        web1.start()
        web2.start()
        for vip, owner in owners:
            farm.wait_until_served_by(vip, web1, web2, through=owner)
        first.agent.stop()
        for vip in VIPS:
            farm.wait_until_served_by(vip, web1, web2, through=second)
        first.agent.start()
        farm.wait_until_served_by(VIPS[0], web1, web2, through=first)
