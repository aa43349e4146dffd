"""What is refused of virtual servers: each mistake at its key, with what to write instead."""

from __future__ import annotations

import pytest

from tests.config.balanced import GROUP, MARK, SERVICE, group, put, real, service
from tests.config.sources import mistakes_of

CHECK = "virtual_server.web.real_server.a"


def check(kind: str, *lines: str) -> str:
    """SERVICE with one check of its first real server."""
    return f"{SERVICE}[{CHECK}.{kind}.x]\n" + "\n".join(lines)


def page(*lines: str) -> str:
    return check("http_get", "[virtual_server.web.real_server.a.http_get.x.url.u]", *lines)


def addressed(address: str) -> str:
    """SERVICE with another virtual address."""
    return SERVICE.replace('address = "192.0.2.80"', f'address = "{address}"')


SERVICES = [
    (
        MARK.replace("fwmark = 3\n", ""),
        "x.toml:5: virtual_server.web: does not say which packets it takes; add address (with port",
    ),
    (service("fwmark = 3"), "web.fwmark: address and fwmark both say which packets it takes; keep one"),
    (
        f"{GROUP}[virtual_server_group.gg]\nfwmarks = [1]",
        'web.group: there is no group "g"; did you mean "gg"?',
    ),
    (f"{SERVICE}[virtual_server_group.g]", "virtual_server_group.g: names neither addresses nor firewall"),
    (group("192.0.2.80 80", "192.0.2 80"), 'g.addresses[1]: "192.0.2" is no address; write ADDRESS PORT'),
    (group("224.0.0.1 80"), "g.addresses[0]: 224.0.0.1 is no address of one host"),
    (group("223.255.255.254-224.0.0.1 80"), "g.addresses[0]: 224.0.0.1 is no address of one host"),
    (group(more="fwmarks = [1, 0]"), "g.fwmarks[1]: 0 is no firewall mark; write a number from 1"),
    (
        addressed("web.example.com"),
        'web.address: "web.example.com"',
    ),
    (addressed("224.0.0.1"), "224.0.0.1 is no address of one host"),
    (
        addressed("::ffff:192.0.2.80"),
        "is 192.0.2.80 in IPv6 form",
    ),
    (
        SERVICE.replace('protocol = "tcp"\n', ""),
        'web.protocol: is missing: an address alone does not say what is spoken there; add protocol = "tcp"',
    ),
    (
        group("192.0.2.80 80").replace('protocol = "tcp"\n', ""),
        "virtual_server.web.protocol: is missing: an address alone",
    ),
    (
        SERVICE.replace("port = 80\n", ""),
        "web.port: port 0 takes every port, which IPVS",
    ),
    (group("192.0.2.80"), "g.addresses[0]: port 0 takes every port"),
    (service("ops = true"), "web.ops: a datagram alone is no TCP connection; leave it out"),
    (
        service('sched_flags = ["flag-1", "mh-port"]', 'lvs_sched = "sh"'),
        'web.sched_flags[1]: mh-port is a switch of mh, and lvs_sched is sh; write lvs_sched = "mh", or',
    ),
    (
        service("persistence_timeout = 60", 'persistence_granularity = "255.0.255.0"'),
        '"255.0.255.0" says nothing of an IPv4 client; write for example 255.255.255.0',
    ),
    (service("persistence_timeout = 60", 'persistence_granularity = "24"'), "says nothing of an IPv4 client"),
    (
        service("persistence_timeout = 60", 'persistence_granularity = "255.255.255.0"')
        .replace('"192.0.2.80"\nport', '"2001:db8::80"\nport')
        .replace("10.0.0.1", "2001:db8::1"),
        "says nothing of an IPv6 client; write a prefix length from 1 to 128",
    ),
    (
        put(
            group("192.0.2.80 80", "2001:db8::80 80"), "virtual_server.web", "persistence_timeout = 60"
        ).replace("[virtual_server.web]", '[virtual_server.web]\nlvs_method = "TUN"'),
        "persistence_timeout: what counts as one client is written differently for IPv4 and IPv6",
    ),
    (
        service("quorum = 2", "hysteresis = 2"),
        "hysteresis: 2 is not below quorum, which is 2; write at most 1",
    ),
    (service('vip = "wep"'), 'virtual_server.web.vip: there is no VIP "wep"; did you mean "web"?'),
    (
        put(MARK, "virtual_server.web", 'present = "owner"'),
        "present: a firewall mark belongs to no VIP",
    ),
    (
        put(MARK, "virtual_server.web", "ha_suspend = true"),
        "ha_suspend: a firewall mark belongs to no VIP",
    ),
    (
        put(group("192.0.2.70-79 80"), "virtual_server.web", 'present = "owner"'),
        "present: no VIP has its address, so no node would ever have it; add vip",
    ),
    (
        SERVICE
        + SERVICE.partition("[virtual_server.web]")[2]
        .join(["[virtual_server.again]", ""])
        .replace("server.web", "server.again"),
        "x.toml:14: virtual_server.again.address: the same packets are taken by virtual_server.web.address",
    ),
    (
        group("192.0.2.79-81 80", "192.0.2.60 80", "192.0.2.80 80"),
        "g.addresses[2]: the same packets are taken by virtual_server_group.g.addresses[0]; keep it in one",
    ),
    (
        # The tenth comes after the second, also as text.
        group(*(f"192.0.2.{number} 80" for number in range(1, 11)), "192.0.2.3 80"),
        "g.addresses[10]: the same packets are taken by virtual_server_group.g.addresses[2]; keep it in one",
    ),
    (
        group("192.0.2.79-81 80").replace(
            "[virtual_server_group.g]", "[virtual_server_group.g]\nfwmarks = [3, 3]"
        ),
        "g.fwmarks[1]: the same packets are taken by virtual_server_group.g.fwmarks[0]",
    ),
    (
        SERVICE.replace("server.web", 'server."web 1"'),
        'virtual_server."web 1": "web 1" cannot be used as a name',
    ),
    (check("tcp_check").replace("tcp_check.x", 'tcp_check."x y"'), '"x y" cannot be used as a name'),
    (
        group("192.0.2.80 80")
        + group("192.0.2.80 80")
        .partition("[virtual_server.web]")[2]
        .partition("[virtual_server_group")[0]
        .join(["[virtual_server.again]", ""])
        .replace("server.web", "server.again"),
        "virtual_server.again.group: the same packets are taken by virtual_server_group.g.addresses[0], "
        "which virtual_server.web has",
    ),
    (SERVICE.replace("real_server.b", 'real_server."a/b"'), '"a/b" cannot be used as a name'),
]
SERVERS = [
    (
        SERVICE.partition("[virtual_server.web.real")[0],
        "web: has no real servers, so nobody would",
    ),
    (SERVICE.replace("10.0.0.11", "10.0.0.1.1"), 'real_server.a.address: "10.0.0.1.1" is no address'),
    (
        SERVICE.replace("10.0.0.11", "fe80::1%eth0"),
        "fe80::1%eth0 names an interface",
    ),
    (
        SERVICE.replace("10.0.0.11", "2001:db8::11"),
        "a.address: an IPv4 packet cannot get to an IPv6 server; write its IPv4 address, or",
    ),
    (
        real('lvs_method = "TUN"').replace("10.0.0.11", "2001:db8::11")
        + '[ipvs.sync_daemon]\ninterface = "eth0"\nvip = "web"',
        "a.address: IPVS sends no IPv4 packet to an IPv6 server while its sync daemon runs",
    ),
    (real("lthreshold = 8", "uthreshold = 7"), "a.lthreshold: 8 is above uthreshold, which is 7; write a"),
    (real("lthreshold = 8"), "a.lthreshold: without uthreshold a server is never full; add uthreshold"),
    (
        SERVICE.replace("10.0.0.12", "10.0.0.11"),
        "b.address: 10.0.0.11 is also virtual_server.web.real_server.a",
    ),
    (
        real("port = 81")
        .replace("10.0.0.12", "10.0.0.11")
        .replace("[virtual_server.web]", '[virtual_server.web]\nlvs_method = "DR"'),
        "b.address: 10.0.0.11 is also virtual_server.web.real_server.a; keep one of them",
    ),
    (real('tunnel = "gre"'), 'a.tunnel: packets get there by NAT, not by a tunnel; write lvs_method = "TUN"'),
    (service('tunnel = "gre"'), "virtual_server.web.tunnel: no real server is reached by a tunnel; write"),
    (
        real('lvs_method = "TUN"', 'tunnel = "gue"'),
        "a.tunnel: a GUE tunnel needs the UDP port that the real server listens on; add for example",
    ),
    (
        service('lvs_method = "TUN"', 'tunnel = "gue"'),
        "virtual_server.web.tunnel: a GUE tunnel needs the UDP port that the real server listens on",
    ),
    (
        service('lvs_method = "TUN"', 'tunnel = "gre"', 'tunnel_checksum = "remcsum"'),
        "virtual_server.web.tunnel_checksum: GRE has no remote checksum offload",
    ),
    (real('lvs_method = "TUN"', "tunnel_port = 80"), "a.tunnel_port: ipip has no port; write tunnel ="),
    (
        real('lvs_method = "TUN"', 'tunnel_checksum = "csum"'),
        "a.tunnel_checksum: ipip has no checksum",
    ),
    (
        real('lvs_method = "TUN"', 'tunnel = "gre"', 'tunnel_checksum = "remcsum"'),
        "a.tunnel_checksum: GRE has no remote checksum offload",
    ),
    (
        service('lvs_method = "TUN"', "tunnel_port = 80"),
        "web.tunnel_port: no tunnel is GUE, and no other has a port",
    ),
    (service('lvs_method = "TUN"', 'tunnel_checksum = "csum"'), "web.tunnel_checksum: ipip has no checksum"),
    (f"{SERVICE}[virtual_server.web.sorry_server]\naddress = 'x'", 'sorry_server.address: "x" is no address'),
    (
        f"{SERVICE}[virtual_server.web.sorry_server]\naddress = '::1'",
        "sorry_server.address: an IPv4 packet cannot get to an IPv6 server",
    ),
    (
        f"{SERVICE}[virtual_server.web.sorry_server]\naddress = '10.0.0.11'\ninhibit = true",
        "sorry_server.inhibit: 10.0.0.11 is also virtual_server.web.real_server.a, which would have weight 0",
    ),
]
CHECKS = [
    (check("http_get"), "http_get.x: asks for no page; add for example url.health.path"),
    (page('path = "health"'), 'x.url.u.path: "health" cannot be asked for; begin it with a slash'),
    (page('path = "/a b"'), '"/a b" cannot be asked for'),
    (page('path = "/ö"'), '"/ö" cannot be asked for'),
    (page('status_code = "2xx"'), 'u.status_code: "2xx" is no status code; write codes and ranges'),
    (page('status_code = "299-200"'), '"299-200" ends before it begins; write 200-299'),
    (page('status_code = "200 600"'), "there is no status code 600; they go from 100 to 599"),
    (page('status_code = " "'), '" " names no status code'),
    (page(f'digest = "{"g" * 32}"'), "u.digest: it is no MD5, which has 32 hexadecimal digits"),
    (page('digest = "12ab"'), "u.digest: it is no MD5, which has 32 hexadecimal digits"),
    (page('regex = ""'), "u.regex: expected text in quotes that is not empty"),
    (page('regex_options = ["caseless"]'), "u.regex_options: there is no regex; add regex, or leave it out"),
    (
        page('regex = "ok"', "regex_min_offset = 9", "regex_max_offset = 9"),
        "u.regex_max_offset: 9 is not above regex_min_offset",
    ),
    (page('regex = "(a"'), 'u.regex: "(a" is no regular expression of PCRE2: '),
    (page('regex = "a"', 'regex_options = ["casless"]'), 'u.regex_options: "casless" is no option of a'),
    (page('virtualhost = "a\\r\\nX: y"'), "u.virtualhost:"),
    (page().replace("x]\n", "x]\nvirtualhost = 'a b'\n"), 'http_get.x.virtualhost: "a b" cannot be the name'),
    (service('virtualhost = "a b"'), 'virtual_server.web.virtualhost: "a b" cannot be the name of a host'),
    (check("tcp_check", 'connect_ip = "x"'), 'tcp_check.x.connect_ip: "x" is no address'),
    (check("tcp_check", 'connect_ip = "x"', 'bindto = "::1"'), 'tcp_check.x.connect_ip: "x" is no address'),
    (
        check("tcp_check", 'connect_ip = "10.0.0.1%eth0"'),
        '"10.0.0.1%eth0" is no address; write the address of',
    ),
    (check("tcp_check", 'connect_ip = "fe80::1%"'), 'tcp_check.x.connect_ip: "fe80::1%" is no address'),
    (check("tcp_check", 'bindto = "x"'), 'tcp_check.x.bindto: "x" is no address; write an address of this'),
    (check("tcp_check", 'bindto = "::1"'), "a.address: tcp_check x cannot go from ::1 to 10.0.0.11"),
    (check("tcp_check", 'bind_if = "a/b"'), '"a/b" cannot be the name of an interface; at most 15'),
    (
        check("tcp_check").replace('address = "192.0.2.80"\nport = 80\nprotocol = "tcp"', "fwmark = 3"),
        "real_server.a.port: tcp_check x has no port to go to; add it, or connect_port in the check",
    ),
    (check("smtp_check", 'helo_name = "a b"'), "smtp_check.x.helo_name: it has a blank in it"),
    (
        check("ssl_get", 'sni_name = "a b"', "url.u.path = '/'"),
        'ssl_get.x.sni_name: "a b" cannot be the name of a host; write it without blanks',
    ),
    (
        check("ssl_get", 'sni_name = ".example.com"', "url.u.path = '/'"),
        "ssl_get.x.sni_name: .example.com is no domain name: each label has 1 to 63 characters; write",
    ),
    (
        check("ssl_get", f'sni_name = "{"a" * 64}.org"', "url.u.path = '/'"),
        ".org is no domain name: each label has 1 to 63 characters",
    ),
    (check("dns_check", 'name = "a..b"'), "dns_check.x.name: a..b is no domain name: each label"),
    (
        check("dns_check", f'name = "{"a" * 64}.org"'),
        "is no domain name: each label has 1 to 63 characters; write for example",
    ),
    (check("udp_check", 'payload = "0ag0"'), '"0ag0" is not hexadecimal; write two digits for each byte'),
    (check("udp_check", 'payload = "0a0"'), '"0a0" is not hexadecimal'),
    (check("udp_check", 'payload = "a"'), '"a" is not hexadecimal; write two digits for each byte'),
    (check("udp_check", 'reply = "0a0y"'), '"0a0y" is no pattern of bytes; write two hexadecimal digits'),
    (check("udp_check", "min_reply_length = 300"), "300 is above max_reply_length, which is 255"),
    (check("misc_check"), "misc_check.x.misc_path: is missing; add for example misc_path ="),
    (check("misc_check", 'misc_path = "/bin/a \'b"'), "misc_path: it cannot be split into words"),
    (real('notify_up.script = "\'"'), "a.notify_up.script: it cannot be split into words"),
    (
        check("file_check", 'track_file = "down"') + '\n[track_file.downs]\nfile = "/run/down"',
        "file_check.x.track_file: there is no [track_file.down]; did you mean downs?",
    ),
]
HOST = [
    ('[ipvs.sync_daemon]\nvip = "web"', "ipvs.sync_daemon.vip: connections are told nowhere; add"),
    ('[ipvs.sync_daemon]\ninterface = "eth 0"\nvip = "web"', '"eth 0" cannot be the name of an interface'),
    ('[ipvs.sync_daemon]\ninterface = "eth0"\nvip = "wep"', 'there is no VIP "wep"; did you mean "web"?'),
    (
        '[ipvs.sync_daemon]\ninterface = "eth0"\nvip = "web"\ngroup = "10.0.0.1"',
        'sync_daemon.group: "10.0.0.1" is no multicast address; write for example 224.0.0.81',
    ),
    (
        '[ipvs.sync_daemon]\ninterface = "eth0"\nvip = "web"\ngroup = "ff02::81%eth0"',
        'sync_daemon.group: "ff02::81%eth0" is no multicast address',
    ),
    ('[ipvs]\nfifo = "fifo"', 'ipvs.fifo: "fifo" is not an absolute path; write for example /run'),
    ('[ssl]\nkey = "/k"', "ssl.key: there is no certificate that it belongs to; add ssl.certificate"),
    ('[ssl]\npassword = "x"', "ssl.password: there is no certificate with a key"),
    (
        '[ssl]\ncertificate = "/c"\npassword = "x"\npassword_file = "/p"',
        "ssl.password: password and password_file are both set; keep one of them",
    ),
    ('[ssl]\npassword_file = "/k"', "ssl.password_file: there is no certificate with a key"),
]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [*SERVICES, *SERVERS, *CHECKS, *((f"{SERVICE}{text}", mistake) for text, mistake in HOST)],
)
def test_one_mistake(text: str, mistake: str) -> None:
    found = mistakes_of(text)
    assert len(found) == 1, found
    assert mistake in found[0]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (service("weigth = 1"), "x.toml:6: virtual_server.web.weigth: unknown key; did you mean weight?"),
        (
            real("prot = 80"),
            "x.toml:10: virtual_server.web.real_server.a.prot: unknown key; did you mean port?",
        ),
        (page("paht = '/'"), "x.url.u.paht: unknown key; did you mean path?"),
        (f"{SERVICE}[ipvs.timeouts]\ntpc = 1", "ipvs.timeouts.tpc: unknown key; did you mean tcp?"),
        (
            service("quorum = 0"),
            "web.quorum: expected a whole number from 1 up to 2147483647",
        ),
        (
            f"{SERVICE}[virtual_server.web.real_server.c]",
            "web.real_server.c.address: is missing; add for example",
        ),
        (service("tcp_check.x = 1"), "virtual_server.web.tcp_check.x: expected a table, found the number 1"),
    ],
)
def test_shapes_are_judged_at_every_depth(text: str, mistake: str) -> None:
    found = mistakes_of(text)
    assert any(mistake in each for each in found), found


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (service(f"quorum = {'9' * 5000}"), "x.toml: a number has thousands of digits; write a smaller one"),
        (page(f'status_code = "{"9" * 5000}"'), "is no status code"),
        (group(f"192.0.2.80 {'9' * 5000}"), "is no port"),
        (
            put(
                MARK,
                "virtual_server.web",
                "persistence_timeout = 60",
                f'persistence_granularity = "{"9" * 5000}"',
            ).replace("10.0.0.", "2001:db8::"),
            "says nothing of an IPv6 client",
        ),
    ],
)
def test_a_number_with_thousands_of_digits_is_a_mistake_like_others(text: str, mistake: str) -> None:
    (found,) = mistakes_of(text)
    assert mistake in found


def test_all_mistakes_at_once() -> None:
    text = real("lthreshold = 8", 'tunnel = "gre"', text=service("ops = true", 'vip = "x"'))
    assert len(mistakes_of(text)) == 4


@pytest.mark.parametrize(
    "text",
    [
        SERVICE,
        MARK,
        group("192.0.2.80 80", "192.0.2.90-95 443", "192.0.2.80 81", more="fwmarks = [1, 2]"),
        SERVICE.replace("port = 80", "persistence_timeout = 60"),
        service('lvs_sched = "mh"', 'sched_flags = ["mh-port", "mh-fallback"]'),
        SERVICE.replace('"tcp"', '"udp"\nops = true'),
        service("persistence_timeout = 60", 'persistence_granularity = "255.255.255.255"'),
        real("lthreshold = 7", "uthreshold = 7"),
        real("port = 81").replace("10.0.0.12", "10.0.0.11"),
        service('lvs_method = "TUN"', 'tunnel = "gue"', "tunnel_port = 6080", 'tunnel_checksum = "remcsum"'),
        real('lvs_method = "TUN"').replace("10.0.0.11", "2001:db8::11"),
        put(MARK, "virtual_server.web", 'present = "owner"', "ha_suspend = true", 'vip = "web"'),
        put(group("192.0.2.70-89 80"), "virtual_server.web", 'present = "owner"'),
        # A check may go to a link-local address, and without a port if it is a ping.
        check("tcp_check", 'connect_ip = "fe80::1%eth0"'),
        f"{MARK}[{CHECK}.ping_check.x]",
        f"{MARK}[{CHECK}.tcp_check.x]\nconnect_port = 8080",
        check("udp_check", 'payload = "0A0b"', 'reply = "0Xx1"'),
        check("dns_check", 'name = "example.com."'),
        check("dns_check", 'name = "."'),
        check("ssl_get", 'sni_name = "bücher.example"', "url.u.path = '/'"),
        page('regex = "^(?i)ok$"', 'regex_options = ["multiline"]', "regex_max_offset = 1"),
        f"{SERVICE}[virtual_server.web.sorry_server]\naddress = '127.0.0.1'\ninhibit = true",
    ],
)
def test_what_is_fine(text: str) -> None:
    assert mistakes_of(text) == []


def test_the_same_packets_of_two_protocols_are_two_services() -> None:
    again = SERVICE.partition("[virtual_server.web]")[2].replace("server.web", "server.dns")
    udp = f"[virtual_server.dns]{again}".replace('"tcp"', '"udp"')
    assert mistakes_of(SERVICE + udp) == []
    assert len(mistakes_of(SERVICE + udp.replace('"udp"', '"tcp"'))) == 1
