"""Two directors serve each other's backup: one virtual server for a firewall mark, two addresses."""

from __future__ import annotations

import pytest

from tests.articles.stage import BACKENDS, VIPS, Node
from tests.articles.web_farm import WebFarm
from vipkeeper.lab.observer import now_ns

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
    """What the article's `iptables -t mangle` does."""
    node.host.namespace.run(
        "nft",
        "-f",
        "-",
        text_input="table ip marks {\n"
        "chain prerouting { type filter hook prerouting priority mangle;\n"
        f"ip daddr {{ {', '.join(VIPS)} }} tcp dport 80 meta mark set {MARK} }}\n}}\n",
    )


def unmark_packets(node: Node) -> None:
    node.host.namespace.run("nft", "delete", "table", "ip", "marks")


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_service_behind_two_addresses(farm: WebFarm, backend: str) -> None:
    stage, (web1, web2) = farm.stage, farm.webs
    texts = (conf(farm, 1), conf(farm, 2))
    with stage.running(backend, texts, prepare=mark_packets) as nodes:
        first, second = nodes
        stage.served_by(VIPS[0], first)
        stage.served_by(VIPS[1], second)
        farm.wait_until_tables_are(
            (first.host, second.host),
            [f"-A -f {MARK} -s rr", *(f"-a -f {MARK} -r {web.address}:80 -g -w 1" for web in farm.webs)],
        )
        for vip in VIPS:
            farm.wait_until_served_by(vip, web1, web2)
        web1.stop()
        for vip in VIPS:
            farm.wait_until_served_by(vip, web2)
        web2.stop()
        for vip, sorry in zip(VIPS, farm.sorry, strict=True):
            farm.wait_until_served_by(vip, sorry)
        web1.start()
        web2.start()
        for vip in VIPS:
            farm.wait_until_served_by(vip, web1, web2)
        since_ns = now_ns()
        first.agent.stop()
        stage.served_by(VIPS[0], second)
        for vip in VIPS:
            farm.wait_until_served_by(vip, web1, web2)
        first.agent.start()
        stage.served_by(VIPS[0], first)
        farm.wait_until_served_by(VIPS[0], web1, web2)
        stage.one_owner(backend, since_ns)
        for node in nodes:
            unmark_packets(node)
