"""Equal priorities, `nopreempt`, and the same source address in both files by mistake."""

from __future__ import annotations

import pytest

from tests.articles.stage import BACKENDS, VIPS, Node, Stage, write_script
from vipkeeper.lab.observer import now_ns

pytestmark = [pytest.mark.root, pytest.mark.timeout(240)]

VIP = VIPS[0]


def conf(state: str) -> str:
    return f"""! Configuration File for keepalived

vrrp_script chk_web {{
    script "{{home}}/web_check.sh" # starts the service again when it is down
    interval 2
    weight -20
}}
vrrp_instance VI_1 {{
    state {state}
    interface eth0
    virtual_router_id 121 # the same on both nodes
    mcast_src_ip 10.77.1.1
    priority 100
    nopreempt
    advert_int 1
    authentication {{
        auth_type PASS
        auth_pass 1111
    }}
    track_script {{
        chk_web
    }}

    virtual_ipaddress {{
        {VIP}
    }}
}}
"""


def prepare(node: Node) -> None:
    write_script(node.directory / "web_check.sh", f"test ! -e {node.directory}/sick")


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_copied_source_address_is_named_and_the_vip_moves(stage: Stage, backend: str) -> None:
    with stage.running(backend, (conf("MASTER"), conf("BACKUP")), prepare=prepare) as (first, second):
        owner = stage.observer.wait_until_answered(VIP, kinds=("client",), timeout_s=60)
        if backend == "vrrp":
            assert "this host has no address 10.77.1.1" in second.agent.check_file()
        assert "nopreempt" in first.agent.said()
        stage.forget()
        since_ns = now_ns()
        holder, other = (first, second) if owner == first.host.name else (second, first)
        (holder.directory / "sick").touch()
        holder.agent.stop()
        stage.served_by(VIP, other)
        stage.one_owner(backend, since_ns)
