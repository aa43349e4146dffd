"""One VIP, a password, and a weight that does not bridge the difference of the priorities."""

from __future__ import annotations

import pytest

from tests.articles.stage import BACKENDS, VIPS, Node, Stage, write_script
from vipkeeper.lab.observer import now_ns

pytestmark = [pytest.mark.root, pytest.mark.timeout(240)]

VIP = VIPS[0]


def conf(state: str, priority: int, weight: int) -> str:
    return f"""
global_defs {{
    router_id {state.lower()}          # identification
    notification_email {{
        ops@example.com
    }}
}}

vrrp_script check_script {{
    script "{{home}}/check.sh"
    interval 1
    weight {weight}
    fall 2
    rise 1
}}

vrrp_instance VI_1 {{
    state {state}
    interface eth0
    virtual_router_id 50
    priority {priority}
    advert_int 1
    authentication {{
        auth_type PASS
        auth_pass 4711
    }}
    virtual_ipaddress {{
        {VIP}
    }}
    track_script {{
        check_script
    }}
}}
"""


def prepare(node: Node) -> None:
    write_script(node.directory / "check.sh", f"test ! -e {node.directory}/sick")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("weight", [-5, -60])
def test_whether_the_weight_moves_the_vip(stage: Stage, backend: str, weight: int) -> None:
    texts = (conf("MASTER", 150, weight), conf("BACKUP", 100, weight))
    with stage.running(backend, texts, prepare=prepare) as (master, backup):
        stage.served_by(VIP, master)
        checked = master.agent.check_file()
        assert ("weight" in checked) is (weight == -5), checked
        stage.forget()
        since_ns = now_ns()
        (master.directory / "sick").touch()
        master.agent.wait_for_log("check_script")
        if weight == -5:
            stage.stays_with(VIP, master, 5.0)
            assert stage.lost(VIP, since_ns) == 0
        else:
            stage.served_by(VIP, backup)
            (master.directory / "sick").unlink()
            stage.served_by(VIP, master)
        stage.one_owner(backend, since_ns)
