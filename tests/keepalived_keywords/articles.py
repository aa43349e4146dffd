"""Files with the features of what people copy from articles: old words, contradictions, and mistakes."""

from __future__ import annotations

_TEMPLATE_HEAD = """\
! Configuration File for keepalived
global_defs {
    notification_email {
        root@localhost
    }
    notification_email_from keepalived@localhost
    smtp_server 127.0.0.1
    smtp_connect_timeout 30
    router_id k1
    vrrp_skip_check_adv_addr
    vrrp_strict
    vrrp_garp_interval 0
    vrrp_iptables
    vrrp_gna_interval 0
    vrrp_mcast_group4 224.0.45.1
}
"""


def _instance(name: str, vrid: int, head: str, tail: str = "", address: str = "192.0.2.200") -> str:
    return f"""\
vrrp_instance {name} {{
    {head}
    interface eth0
    virtual_router_id {vrid}
    advert_int 1
    virtual_ipaddress {{
        {address}
    }}
{tail}
}}
"""


_AUTH = "    authentication {\n        auth_type PASS\n        auth_pass %s\n    }"
_NOTIFY = "\n".join(
    f'    notify_{state} "/etc/keepalived/notify.sh {state}"' for state in ("master", "backup", "fault")
)
_HTTP = """\
    real_server 192.0.2.%d 80 {
        weight 1
        HTTP_GET {
            url {
                path /
                status_code 200
            }
            connect_timeout 1
            nb_get_retry 3
            delay_before_retry 1
        }
    }
"""
_TCP = """\
    real_server 192.0.2.%d 80 {
        weight 1
        TCP_CHECK {
            connect_timeout 3
            retry 3
            delay_before_retry 2
        }
    }
"""
_LABELLED = "192.0.2.200/16 brd 192.0.255.255 dev eth0 label eth0:0"

ARTICLES = {
    "two routers, each master of one, with a word that was never one": (
        'vrrp_script check-nginx\n{\n    script "/home/check.sh"\n    interval 2\n    weight -20\n}\n'
        + _instance(
            "VI_1",
            100,
            "state MASTER  # the other node has the other word\n    master_src_ip 192.0.2.5\n    nopreempt\n"
            "    priority 100",
            "    track_script {\n        check-nginx\n    }",
        )
        + _instance("VI_2", 200, "state BACKUP\n    nopreempt\n    priority 90", address="192.0.2.201")
    ),
    "a password, and a weight": (
        'vrrp_script check_script {\n    script "/etc/keepalived/check.sh"\n    interval 1\n    weight -5\n'
        "    fall 2\n    rise 1\n}\n"
        + _instance("VI_1", 50, "state MASTER\n    priority 150", _AUTH % "1111")
    ),
    "a template of old": _TEMPLATE_HEAD
    + _instance("VI_1", 55, "state MASTER\n    priority 100", _AUTH % "1212", _LABELLED),
    "programs that are told": _TEMPLATE_HEAD
    + _instance("VI_1", 55, "state BACKUP\n    priority 98", _NOTIFY, _LABELLED),
    "virtual servers": _instance("VI_1", 55, "state BACKUP\n    priority 98")
    + "virtual_server 192.0.2.200 80 {\n    delay_loop 2\n    lb_algo wrr\n    lb_kind DR\n    protocol TCP\n"
    "    sorry_server 127.0.0.1 80\n" + _HTTP % 131 + _TCP % 132 + "}\n",
    "a file that is there while somebody works": (
        'vrrp_script ngxchk {\n    script "/usr/bin/env true"\n    interval 1\n    fall 3\n    rise 2\n'
        "    weight -5\n    timeout 1\n}\n"
        "vrrp_script maint {\n"
        "    script \"/bin/bash -c '[[ -e /etc/keepalived/down ]]' && exit 1 || exit 0\"\n"
        "    interval 1\n    weight -5\n}\n"
        + _instance(
            "VI_1",
            55,
            "state MASTER\n    priority 100",
            "    track_script {\n        maint\n        ngxchk\n    }",
        )
    ),
    "two addresses that stay together": (
        "vrrp_sync_group VG_1 {\n    group {\n        VI_1   # outside\n        VI_2   # inside\n    }\n}\n"
        + _instance("VI_1", 61, "state MASTER\n    priority 100", address="192.0.2.80/16")
        + _instance("VI_2", 62, "state MASTER\n    priority 100", address="198.51.100.1/24")
    ),
    "firewall marks, and the own interface": (
        _instance("VI_1", 6, "state MASTER\n    priority 100", "    track_interface {\n        eth0\n    }")
        + "virtual_server fwmark 3 {\n    delay_loop 2\n    lb_algo rr\n    lb_kind DR\n"
        "    nat_mask 255.255.0.0\n    protocol TCP\n" + _HTTP % 11 + "}\n"
    ),
    "a password that is too long": _instance(
        "VI_1", 50, "state MASTER\n    priority 100", _AUTH % "IDDf1j+yfw=="
    ),
    "equal priorities, and a comment behind a number": _instance(
        "VI_1",
        121,
        "state BACKUP # both nodes\n    mcast_src_ip 192.0.2.141\n    priority 100\n    nopreempt",
    ),
}
