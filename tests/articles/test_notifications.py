"""Notify scripts that write down what they were called for, and mail through a relay on the node."""

from __future__ import annotations

import pytest

from tests.articles.stage import BACKENDS, VIPS, Node, Stage, lines_of, wait, write_script

pytestmark = [pytest.mark.root, pytest.mark.timeout(240)]

VIP = VIPS[0]


def conf(router_id: str, state: str, priority: int) -> str:
    """As old templates have it, `vrrp_strict` and all."""
    return f"""! Configuration File for keepalived
global_defs {{
    notification_email {{
        root@localhost
    }}
    notification_email_from keeper@localhost
    smtp_server 127.0.0.1
    smtp_connect_timeout 30
    router_id {router_id}
    smtp_alert
    vrrp_skip_check_adv_addr
    vrrp_strict
    vrrp_garp_interval 0
    vrrp_iptables
    vrrp_gna_interval 0
    vrrp_mcast_group4 224.0.45.9
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
    notify_master "{{home}}/notify.sh master"
    notify_backup "{{home}}/notify.sh backup"
    notify_fault "{{home}}/notify.sh fault"
}}
"""


def prepare(node: Node) -> None:
    write_script(node.directory / "notify.sh", f'echo "$@" >> {node.directory}/told')


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_change_is_told_and_mailed(stage: Stage, backend: str) -> None:
    texts = (conf("k1", "MASTER", 100), conf("k2", "BACKUP", 98))
    with stage.running(backend, texts, prepare=prepare) as (first, second):
        stage.served_by(VIP, first)
        # In spite of vrrp_strict: the observer's client is served. The label is that of the file.
        shown = first.host.namespace.run("ip", "-4", "address", "show", "dev", "eth0")
        assert f"{VIP}/16 brd 10.77.255.255 scope global" in shown
        assert "eth0:0" in shown
        wait(lambda: lines_of(first.directory / "told")[-1:] == ["master"], "no script ran")
        wait(lambda: lines_of(second.directory / "told")[-1:] == ["backup"], "no script ran")
        before = lines_of(second.directory / "told")  # who starts first may be master for a moment
        first.mails.wait_for("[k1] VRRP Instance VI_1 - Entering MASTER state")
        first.agent.stop()
        stage.served_by(VIP, second)
        wait(lambda: lines_of(second.directory / "told") == [*before, "master"], "out of order")
        second.mails.wait_for("[k2] VRRP Instance VI_1 - Entering MASTER state")
        first.agent.start()
        stage.served_by(VIP, first)
        after = [*before, "master", "backup"]
        wait(lambda: lines_of(second.directory / "told") == after, "out of order")
        mail = second.mails.mails()[-1]
        assert "keeper@localhost" in str(mail["From"])
        assert "root@localhost" in str(mail["To"])
