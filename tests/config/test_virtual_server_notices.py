"""What works with virtual servers but may surprise, and the line that each has in the summary."""

from __future__ import annotations

import pytest

from tests.config.balanced import MARK, SERVICE, group, put, real, service
from tests.config.sources import config_of
from vipkeeper.config.balancing_notices import balancing_summary
from vipkeeper.config.mistakes import dotted
from vipkeeper.config.rules import HostFacts, host_notices, named_files, notices

TCP = "[virtual_server.web.tcp_check.x]\n"


def told(text: str) -> list[str]:
    return [f"{dotted(found.path)}: {found.wrong}; {found.fix}" for found in notices(config_of(text))]


@pytest.mark.parametrize(
    ("text", "notice"),
    [
        (
            SERVICE.replace('address = "192.0.2.80"', 'address = "192.0.2.81"'),
            "virtual_server.web: no VIP has its address, so it does not move with one; fine if",
        ),
        (group("192.0.2.70-79 80"), "virtual_server.web: no VIP has its address"),
        (put(MARK, "virtual_server.web", 'protocol = "tcp"'), "web.protocol: has no effect: a firewall mark"),
        (service('ip_family = "inet"'), "web.ip_family: has no effect: it is for firewall marks"),
        (
            put(MARK, "virtual_server.web", "port = 80"),
            "web.port: has no effect: it is for an address; leave",
        ),
        (
            put(group("192.0.2.80 80"), "virtual_server.web", "port = 80"),
            "web.port: has no effect: it is for an address; write ports beside the addresses of the group",
        ),
        (
            service('persistence_granularity = "255.255.255.0"'),
            "web.persistence_granularity: has no effect: clients are not kept at one real server; add",
        ),
        (service('persistence_engine = "sip"'), "web.persistence_engine: has no effect"),
        (
            service("persistence_timeout = 60", 'persistence_engine = "sip"'),
            "web.persistence_engine: IPVS knows calls in UDP alone",
        ),
        (
            service('sched_flags = ["flag-1"]'),
            "web.sched_flags[0]: flag-1 means nothing to wlc in any kernel",
        ),
        (
            service('lvs_sched = "sh"', 'sched_flags = ["flag-1", "flag-3"]'),
            "web.sched_flags[1]: flag-3 means nothing to sh",
        ),
        (service("weight = 0"), "web.real_server: every real server has weight 0, so none gets a connection"),
        (
            service("quorum = 3"),
            "web.quorum: all real servers together weigh 2, so the quorum is lowered to that; write",
        ),
        (
            service("quorum = 2", "hysteresis = 1"),
            "web.hysteresis: with all real servers well the weight is 2, so it is lowered to 0; else",
        ),
        (
            real("port = 8080", text=service('lvs_method = "DR"')),
            "real_server.a.port: packets come to port 80 there: DR does not change the port; it counts for",
        ),
        (
            f"{service('delay_loop = 2.0')}{TCP}",
            "web.real_server.a: tcp_check x of a waits up to 5 s for an answer (connect_timeout), ",
        ),
        (
            f"{SERVICE}[virtual_server.web.sorry_server]\naddress = '10.0.0.12'",
            "web.sorry_server: it is also virtual_server.web.real_server.b, so it serves although its checks",
        ),
        (
            f"{SERVICE}[virtual_server_group.g]\nfwmarks = [1]",
            "virtual_server_group.g: no virtual server uses it; name it in the group of a virtual server",
        ),
        (
            f"{SERVICE}[virtual_server.web.http_get.x.url.u]\ntls_compliant = true",
            "http_get.x.url.u.tls_compliant: has no effect: this check speaks no TLS; write ssl_get",
        ),
        (
            f"{SERVICE}[virtual_server.web.udp_check.x]\nmax_reply_length = 9",
            "udp_check.x.max_reply_length: has no effect: no answer is waited for; add require_reply",
        ),
        (
            f"{SERVICE}[virtual_server.web.udp_check.x]\nreply = '0a0b0c'\nmax_reply_length = 2",
            "udp_check.x.reply: no answer of at most 2 bytes (max_reply_length) begins with 3; raise",
        ),
        (f"{SERVICE}[ssl]\nca = '/ca.pem'", "ssl: no check speaks TLS; add an ssl_get, or delete it"),
        (f'{SERVICE}[track_file.down]\nfile = "/run/down"', "track_file.down: no VIP and no group tracks it"),
    ],
)
def test_one_notice(text: str, notice: str) -> None:
    (found,) = told(text)
    assert notice in found


@pytest.mark.parametrize(
    "text",
    [
        SERVICE,
        MARK,
        group("192.0.2.70-89 80", more="fwmarks = [1]"),
        group(more="fwmarks = [1]").replace('protocol = "tcp"', 'ip_family = "inet"'),
        SERVICE.replace('address = "192.0.2.80"', 'address = "192.0.2.81"\nvip = "web"'),
        service('lvs_sched = "mh"', 'sched_flags = ["flag-2"]'),
        service("weight = 2", "quorum = 3", "hysteresis = 1"),
        real("weight = 0"),
        real("port = 8080"),
        real("port = 80", text=service('lvs_method = "DR"')),
        f"{service('delay_loop = 2.0', 'connect_timeout = 2.0')}{TCP}",
        f"{service('delay_loop = 2.0')}[virtual_server.web.misc_check.x]\nmisc_path = '/bin/true'",
        f"{SERVICE}[virtual_server.web.file_check.x]\ntrack_file = 'down'\n[track_file.down]\nfile = '/d'",
    ],
)
def test_nothing_to_say(text: str) -> None:
    assert told(text) == []


def test_what_a_thousand_servers_have_alike_is_said_once() -> None:
    servers = "".join(f'[virtual_server.web.real_server.s{i}]\naddress = "10.1.0.{i}"\n' for i in range(9))
    assert len(told(f"{service('delay_loop = 2.0')}{servers}{TCP}")) == 1


def test_interfaces_and_files_that_this_host_has_not() -> None:
    text = f"""{SERVICE}[ipvs.sync_daemon]
interface = "eth8"
vip = "web"
[ssl]
ca = "/ca.pem"
[virtual_server.web.ssl_get.x]
bind_if = "eth9"
url.u = {{}}
"""
    facts = HostFacts(frozenset({"eth0"}), frozenset({"/ca.pem"}))
    later = "it is tried again until there is; there are: eth0"
    found = [
        f"{dotted(each.path)}: {each.wrong}; {each.fix}" for each in host_notices(config_of(text), facts)
    ]
    assert found == [
        "ssl.ca: this host has no readable file /ca.pem; no SSL check is made without it",
        f'ipvs.sync_daemon.interface: this host has no interface "eth8"; {later}',
        f'virtual_server.web.ssl_get.x.bind_if: this host has no interface "eth9"; {later}',
    ]


def test_files_of_tls_are_looked_for_when_a_check_needs_them() -> None:
    text = f'{SERVICE}[ssl]\nca = "/ca.pem"\ncertificate = "/c.pem"\n'
    assert named_files(config_of(text)) == ()
    with_check = f"{text}[virtual_server.web.real_server.a.ssl_get.x.url.u]\n"
    assert named_files(config_of(with_check)) == (
        (("ssl", "ca"), "/ca.pem"),
        (("ssl", "certificate"), "/c.pem"),
    )


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        (SERVICE, "virtual server web: tcp 192.0.2.80:80, wlc over 2 real servers by NAT, never checked"),
        (
            real("lvs_method = 'DR'", text=service("present = 'owner'", "lvs_sched = 'rr'"))
            + f"[virtual_server.web.real_server.a.ping_check.x]\n{TCP}",
            "virtual server web: tcp 192.0.2.80:80, rr over 2 real servers by NAT/DR, 1 ping_check, "
            "1 tcp_check, on the node with web",
        ),
        (
            group("192.0.2.1-9 80", more="fwmarks = [4]"),
            "virtual server web: tcp 192.0.2.1:80, tcp 192.0.2.2:80, tcp 192.0.2.3:80 and 7 more, wlc over 2 "
            "real servers by NAT, never checked",
        ),
    ],
)
def test_the_summary(text: str, summary: str) -> None:
    assert list(balancing_summary(config_of(text))) == [summary]
