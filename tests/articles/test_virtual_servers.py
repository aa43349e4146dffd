"""Virtual servers by address: web servers stop one by one, sorry is said, all comes back; a director goes."""

from __future__ import annotations

import pytest

from tests.articles.stage import BACKENDS, VIPS, Node, lines_of, running_nodes, write_script
from tests.articles.web_farm import WebFarm, table_of, wait_long

pytestmark = [pytest.mark.root, pytest.mark.ipvs, pytest.mark.long, pytest.mark.timeout(400)]

VIP = VIPS[0]

HTTP = """HTTP_GET {
            url {
                path /index.html
                status_code 200
            }
            connect_timeout 3
            nb_get_retry 3
            delay_before_retry 1
        }"""
STRICT = "    vrrp_strict\n    vrrp_skip_check_adv_addr\n    vrrp_iptables\n"
TCP = """TCP_CHECK {
            connect_timeout 3
            retry 3
            delay_before_retry 1
        }"""


def conf(farm: WebFarm, state: str, priority: int, *, second_check: str, strict: str = "") -> str:
    """Both nodes have the virtual server, one has the address. The password is cut at eight characters."""
    web1, web2 = farm.webs
    return f"""! Configuration File for keepalived
global_defs {{
    notification_email {{
        root@localhost
    }}
    notification_email_from keeper@localhost
    smtp_server 127.0.0.1
    smtp_connect_timeout 30
    router_id {state.lower()}
    vrrp_mcast_group4 224.1.100.9
{strict}}}
vrrp_instance VI_1 {{
    state {state}
    interface eth0
    virtual_router_id 50
    priority {priority}
    advert_int 1
    authentication {{
        auth_type PASS
        auth_pass KQp1j+zfw==
    }}
    virtual_ipaddress {{
        {VIP}/16 dev eth0 label eth0:0
    }}
    notify_master "{{home}}/notify.sh master"
    notify_backup "{{home}}/notify.sh backup"
    notify_fault "{{home}}/notify.sh fault"
}}
virtual_server {VIP} 80 {{
    delay_loop 1
    lb_algo wrr
    lb_kind DR
    protocol TCP
    sorry_server 127.0.0.1 80
    real_server {web1.address} 80 {{
        weight 1
        {HTTP}
    }}
    real_server {web2.address} 80 {{
        weight 1
        {second_check}
    }}
}}
"""


def prepare(node: Node) -> None:
    write_script(node.directory / "notify.sh", f'echo "$@" >> {node.directory}/told')


def lines(*addresses: str) -> list[str]:
    """What `ipvsadm -Sn` says of it."""
    return [f"-A -t {VIP}:80 -s wrr", *(f"-a -t {VIP}:80 -r {address}:80 -g -w 1" for address in addresses)]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("check", "strict"), [(HTTP, STRICT), (TCP, "")], ids=["pages", "page-and-port"])
def test_web_servers_go_and_come(farm: WebFarm, backend: str, check: str, strict: str) -> None:
    texts = (
        conf(farm, "MASTER", 100, second_check=check, strict=strict),
        conf(farm, "BACKUP", 98, second_check=check, strict=strict),
    )
    web1, web2 = farm.webs
    addresses = web1.address, web2.address
    with running_nodes(farm.lab, backend, texts, prepare=prepare) as nodes:
        first, second = nodes
        farm.wait_until_served_by(VIP, web1, web2, through=first)
        farm.wait_until_tables_are(nodes, lines(*addresses))
        assert farm.served(VIP, 4) == {"web1": 2, "web2": 2}
        web1.stop()
        farm.wait_until_tables_are(nodes, lines(web2.address))
        farm.wait_until_served_by(VIP, web2, through=first)
        web2.stop()
        farm.wait_until_tables_are(nodes, lines("127.0.0.1"))
        farm.wait_until_served_by(VIP, farm.sorry[0], through=first)
        web1.start()
        web2.start()
        farm.wait_until_tables_are(nodes, lines(*addresses))
        farm.wait_until_served_by(VIP, web1, web2, through=first)
        for node in nodes:
            for web, state in ((web1, "DOWN"), (web2, "DOWN"), (web1, "UP"), (web2, "UP")):
                node.mails.wait_for(
                    f"Realserver [{web.address}]:tcp:80 of virtual server [{VIP}]:tcp:80 - {state}"
                )
        first.agent.stop()
        assert table_of(first) == []
        farm.wait_until_served_by(VIP, web1, web2, through=second)
        assert table_of(second) == sorted(lines(*addresses))
        wait_long(lambda: lines_of(second.directory / "told")[-1:] == ["master"], "no script ran")
        first.agent.start()
        farm.wait_until_served_by(VIP, web1, web2, through=first)
