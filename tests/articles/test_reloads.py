"""A keepalived.conf read again and again: what did not change is not touched."""

from __future__ import annotations

import time

import pytest

from tests.articles.stage import BACKENDS, VIPS, Node, Stage, replaced, write_script
from vipkeeper.lab.observer import now_ns

pytestmark = [pytest.mark.root, pytest.mark.long, pytest.mark.timeout(300)]

STEADY, CHANGING = VIPS
# More often than anything here is done by a clock: what a reload would begin anew never came to its end.
TIMES = 60
PAUSE_S = 0.25

CONF = f"""
global_defs {{
    router_id one
    vrrp_garp_master_refresh 60
}}
vrrp_script chk {{
    script "{{home}}/check.sh"
    interval 1
    weight -5
}}
vrrp_instance STEADY {{
    state MASTER
    interface eth0
    virtual_router_id 71
    priority 150
    advert_int 1
    virtual_ipaddress {{
        {STEADY}/16
    }}
    track_script {{
        chk
    }}
}}
vrrp_instance CHANGING {{
    state MASTER
    interface eth0
    virtual_router_id 72
    priority 150
    advert_int 1
    garp_master_repeat 3
    virtual_ipaddress {{
        {CHANGING}/16
    }}
    track_script {{
        chk
    }}
}}
"""

# Each is changed alone, and stays changed. The script and the global words concern the steady VIP too.
CHANGES = (
    ("priority 150\n    advert_int 1\n    garp", "priority 140\n    advert_int 1\n    garp"),
    ("advert_int 1\n    garp_master_repeat 3", "advert_int 2\n    garp_master_repeat 3"),
    ("virtual_router_id 72", "virtual_router_id 73"),
    ("garp_master_repeat 3", "garp_master_repeat 5"),
    (f"{CHANGING}/16", f"{CHANGING}/24 label eth0:9"),
    ("router_id one", "router_id another"),
    ("vrrp_garp_master_refresh 60", "vrrp_garp_master_refresh 30"),
    ("weight -5", "weight -6"),
    ("interval 1\n", "interval 2\n"),
    ("vrrp_instance CHANGING {", 'vrrp_instance CHANGING {\n    notify_backup "/bin/true"'),
)


def prepare(node: Node) -> None:
    write_script(node.directory / "check.sh", "exit 0")


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_unchanged_file_read_again_and_again(stage: Stage, backend: str) -> None:
    other = CONF.replace("priority 150", "priority 100")
    with stage.running(backend, (CONF, other), prepare=prepare) as (first, _):
        for vip in VIPS:
            stage.served_by(vip, first)
        stage.forget()
        since_ns = now_ns()
        for done in range(1, TIMES + 1):
            first.agent.read_again(done)
            time.sleep(PAUSE_S)
        assert [stage.lost(vip, since_ns) for vip in VIPS] == [0, 0]
        stage.one_owner(backend, since_ns)


@pytest.mark.parametrize("backend", BACKENDS)
def test_ten_words_changed_in_turn(stage: Stage, backend: str) -> None:
    other = CONF.replace("priority 150", "priority 100")
    with stage.running(backend, (CONF, other), prepare=prepare) as (first, _):
        for vip in VIPS:
            stage.served_by(vip, first)
        stage.forget()
        since_ns = now_ns()
        text = CONF
        for done, (old, new) in enumerate(CHANGES, start=1):
            text = replaced(text, {old: new})
            first.agent.rewrite(text.replace("{home}", str(first.directory)))
            first.agent.read_again(done)
            time.sleep(1)
        assert stage.lost(STEADY, since_ns) == 0
        stage.one_owner(backend, since_ns)
        stage.served_by(CHANGING, first)
