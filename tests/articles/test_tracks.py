"""A maintenance file there and back, and nginx watched by its processes."""

from __future__ import annotations

import shutil

import pytest

from tests.articles.stage import BACKENDS, VIPS, Node, Stage, lines_of, wait, write_script
from vipkeeper.lab.observer import now_ns
from vipkeeper.lab.processes import LabProcess

pytestmark = [pytest.mark.root, pytest.mark.timeout(240)]

VIP = VIPS[0]


def conf(router_id: str, state: str, priority: int, program: str) -> str:
    return f"""! Configuration File for keepalived
global_defs {{
    router_id {router_id}
    vrrp_skip_check_adv_addr
    vrrp_strict
    vrrp_garp_interval 0
    vrrp_gna_interval 0
    vrrp_mcast_group4 224.0.45.9
}}

vrrp_script webchk {{
    script "killall -0 {program}"
    interval 1
    fall 3
    rise 2
    weight -5
    timeout 1
    user root
}}

vrrp_script maint {{
    script "/bin/bash -c '[[ -e {{home}}/down ]]' && exit 1 || exit 0"
    interval 1
    fall 3
    rise 2
    weight -5
    timeout 1
}}

vrrp_instance VI_1 {{
    state {state}
    interface eth0
    virtual_router_id 55
    priority {priority}
    advert_int 1
    authentication {{
        auth_type PASS
        auth_pass 7788
    }}
    virtual_ipaddress {{
        {VIP}/16 brd 10.77.255.255 dev eth0 label eth0:0
    }}
    track_script {{
        maint
        webchk
    }}
    notify_master "{{home}}/notify.sh master"
    notify_backup "{{home}}/notify.sh backup"
    notify_fault "{{home}}/notify.sh fault"
}}
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_there_and_back(stage: Stage, backend: str) -> None:
    webs: list[LabProcess] = []

    def prepare(node: Node) -> None:
        # A name of its own: killall sees the whole machine. 15 characters are all that the kernel keeps.
        name = f"web-{node.host.name}"
        program = node.directory / name
        shutil.copy("/bin/sleep", program)
        web = LabProcess(name, (str(program), "3600"), log=node.directory / "web.log")
        web.start()
        webs.append(web)
        write_script(node.directory / "notify.sh", f'echo "$1" >> {node.directory}/told')

    texts = (conf("k1", "MASTER", 100, "web-node1"), conf("k2", "BACKUP", 98, "web-node2"))
    try:
        with stage.running(backend, texts, prepare=prepare) as (first, second):
            stage.served_by(VIP, first)
            stage.forget()
            since_ns = now_ns()
            down = first.directory / "down"
            down.touch()
            stage.served_by(VIP, second)
            wait(lambda: "100 -5 maint" in str(first.ls("VI_1")), f"no reason in ls: {first.ls('VI_1')}")
            down.unlink()
            stage.served_by(VIP, first)
            webs[0].kill()
            stage.served_by(VIP, second)
            webs[0].start()
            stage.served_by(VIP, first)
            stage.one_owner(backend, since_ns)
            wait(lambda: lines_of(first.directory / "told")[-1:] == ["master"], "no script ran")
            told = lines_of(first.directory / "told")
            assert told[-5:] == ["master", "backup", "master", "backup", "master"], told
    finally:
        for web in webs:
            web.stop()
