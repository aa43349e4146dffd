"""Virtual servers of a keepalived.conf as our configuration has them."""

from __future__ import annotations

import pytest

from tests.config.keepalived.kept_files import config_of, mistakes_of, read, remarks_of
from tests.config.keepalived.written_files import VIP
from vipkeeper.config.balancing_schema import RealServer, VirtualServer
from vipkeeper.config.notify_schema import NotifyScript

USUAL = "protocol TCP\nlvs_sched rr\nlvs_method NAT\n"
SERVER = "real_server 10.0.0.1 80 {\n}\n"
MAIL = "notification_email {\nops@example.com\n}\nsmtp_server 127.0.0.1\n"


def service(lines: str = USUAL + SERVER, which: str = "192.0.2.1 80", before: str = "") -> str:
    return f"{before}virtual_server {which} {{\n{lines}}}\n{VIP}"


def with_check(check: str) -> str:
    return service(USUAL + SERVER.replace("}", f"{check}}}"))


def server_of(text: str) -> RealServer:
    (server,) = service_of(text).real_server.values()
    return server


def service_of(text: str) -> VirtualServer:
    (found,) = config_of(text).virtual_server.values()
    return found


@pytest.mark.parametrize(
    ("which", "before", "name"),
    [
        ("192.0.2.1 80", "", "192.0.2.1-80-tcp"),
        ("2001:db8::1 80", "", "2001_db8_1-80-tcp"),
        ("fwmark 3", "", "fwmark-3"),
        ("group web", "virtual_server_group web {\n192.0.2.8/30 80\nfwmark 7\n}\n", "group-web-tcp"),
    ],
)
def test_names(which: str, before: str, name: str) -> None:
    lines = USUAL.replace("protocol TCP\n", "" if which.startswith("fwmark") else "protocol TCP\n")
    address = "2001:db8::9" if ":" in which else "10.0.0.1"
    config = config_of(service(lines + SERVER.replace("10.0.0.1", address), which, before))
    assert list(config.virtual_server) == [name]


def test_a_firewall_mark_may_be_there_once_for_each_ip_version() -> None:
    lines = "lvs_sched rr\nlvs_method NAT\n"
    other = f"virtual_server fwmark 3 {{\n{lines}real_server 2001:db8::9 80 {{\n}}\n}}\n"
    text = service(lines + SERVER, "fwmark 3", before=other)
    servers = {
        name: [real.address for real in virtual.real_server.values()]
        for name, virtual in config_of(text).virtual_server.items()
    }
    assert servers == {"fwmark-3-inet6": ["2001:db8::9"], "fwmark-3": ["10.0.0.1"]}
    assert any("already" in remark for remark in remarks_of(service(lines + SERVER, "fwmark 3", before=text)))


def test_a_group() -> None:
    before = "virtual_server_group web {\n192.0.2.80-85 80\n192.0.2.8/29 443\n192.0.2.8/29 443\nfwmark 7\n}\n"
    text = service(which="group web", before=before)
    group = config_of(text).virtual_server_group["web"]
    assert group.addresses == ("192.0.2.80-192.0.2.85 80", "192.0.2.8-192.0.2.15 443")
    assert group.fwmarks == (7,)
    assert any("it is in this group already" in remark for remark in remarks_of(text))


def test_a_group_of_marks_says_their_ip_version() -> None:
    before = "virtual_server_group web {\nfwmark 7 inet6\n}\n"
    lines = "lvs_sched rr\nlvs_method TUN\n" + SERVER
    assert service_of(service(lines, "group web", before)).ip_family == "inet6"
    mixed = before.replace("}", "fwmark 8 inet\n}")
    assert "of different IP versions" in mistakes_of(service(lines, "group web", mixed))[0]


@pytest.mark.parametrize(
    ("global_words", "service_words", "server_words", "mailed"),
    [
        ("", "", "", (False, True)),
        ("", "", "smtp_alert off\n", (False, False)),
        ("", "smtp_alert\n", "", (True, True)),
        ("smtp_alert\n", "", "", (True, True)),
        ("smtp_alert off\n", "", "", (False, False)),
        ("smtp_alert\nsmtp_alert_checker off\n", "", "", (False, False)),
        ("smtp_alert_checker off\n", "smtp_alert\n", "", (True, False)),
    ],
)
def test_who_is_mailed(
    global_words: str, service_words: str, server_words: str, mailed: tuple[bool, bool]
) -> None:
    server = SERVER.replace("}", f"{server_words}}}")
    text = service(USUAL + service_words + server, before=f"global_defs {{\n{MAIL}{global_words}}}\n")
    config = config_of(text)
    virtual = service_of(text)
    quorum = config.mail.smtp_alert_checker if virtual.smtp_alert is None else virtual.smtp_alert
    own = server_of(text).smtp_alert
    assert (quorum, quorum if own is None else own) == mailed


def test_nothing_is_said_of_mails_that_nobody_gets() -> None:
    assert server_of(service()).smtp_alert is None


@pytest.mark.parametrize(
    ("words", "fifo", "of_servers"),
    [
        ("notify_fifo /run/all\n", "/run/all", (True, None)),
        ("lvs_notify_fifo /run/lvs\n", None, (True, "/run/lvs")),
        ("notify_fifo /run/all\nlvs_notify_fifo /run/lvs\n", "/run/all", (True, "/run/lvs")),
        ("vrrp_notify_fifo /run/vrrp\n", "/run/vrrp", (False, None)),
    ],
)
def test_fifos(words: str, fifo: str | None, of_servers: tuple[bool, str | None]) -> None:
    config = config_of(service(before=f"global_defs {{\n{words}}}\n"))
    assert config.scripts.fifo == fifo
    assert (config.scripts.fifo_servers, config.ipvs.fifo) == of_servers


def test_a_fifo_for_all_is_none_of_virtual_servers_without_any() -> None:
    assert config_of(f"global_defs {{\nnotify_fifo /run/all\n}}\n{VIP}").ipvs.fifo is None


def test_the_whole_host() -> None:
    words = "lvs_sync_daemon eth0 VI id 7 ttl 3\nlvs_timeouts tcp 900 udp 0\nlvs_flush\nrs_init_notifies\n"
    ipvs = config_of(service(before=f"global_defs {{\n{words}checker_log_all_failures\n}}\n")).ipvs
    sync = ipvs.sync_daemon
    assert (sync.interface, sync.vip, sync.syncid, sync.ttl) == ("eth0", "VI", 7, 3)
    assert (ipvs.timeouts.tcp_s, ipvs.timeouts.udp_s) == (900, None)
    assert (ipvs.flush, ipvs.init_notifies, ipvs.log_all_failures) == (True, True, True)


def test_a_sync_daemon_of_an_instance() -> None:
    old = VIP.replace("interface eth0", "interface eth0\nlvs_sync_daemon_interface eth1")
    sync = config_of(old).ipvs.sync_daemon
    assert (sync.interface, sync.vip) == ("eth1", "VI")
    new = f"global_defs {{\nlvs_sync_daemon eth0 VI\n}}\n{old}"
    assert config_of(new).ipvs.sync_daemon.interface == "eth0"


def test_a_sync_daemon_of_no_instance_does_both() -> None:
    sync = config_of(f"global_defs {{\nlvs_sync_daemon eth0\n}}\n{VIP}").ipvs.sync_daemon
    assert (sync.interface, sync.vip) == ("eth0", None)


def test_a_sync_daemon_of_nobody_is_left_out() -> None:
    text = f"global_defs {{\nlvs_sync_daemon eth0 other\n}}\n{VIP}"
    assert config_of(text).ipvs.sync_daemon.interface is None
    assert any("there is no vrrp_instance other" in remark for remark in remarks_of(text))


def test_ssl() -> None:
    words = "password secret\nca /ca.pem\ncertificate /own.pem\nkey /own.key\n"
    ssl = config_of(f"SSL {{\n{words}}}\n{VIP}").ssl
    assert (ssl.password, ssl.ca, ssl.certificate, ssl.key) == ("secret", "/ca.pem", "/own.pem", "/own.key")
    bare = f"SSL {{\n{words}}}\n{VIP}".replace("certificate /own.pem\n", "")
    assert config_of(bare).ssl.password is None
    assert sum("no certificate that it belongs to" in remark for remark in remarks_of(bare)) == 2


def test_programs() -> None:
    text = service(
        USUAL + 'quorum_up "/bin/up a b" nobody\n' + SERVER.replace("}", "notify_down /bin/down\n}")
    )
    assert service_of(text).quorum_up == NotifyScript("/bin/up a b", "nobody")
    assert server_of(text).notify_down == NotifyScript("/bin/down")


@pytest.mark.parametrize(("words", "weight"), [("", 3), ("weight 5\n", 5), ("weight -2 reverse\n", -2)])
def test_a_file_lends_its_weight(words: str, weight: int) -> None:
    check = f"FILE_CHECK {{\ntrack_file down\n{words}}}\n"
    text = "track_file down {\nfile /run/down\nweight 3\n}\n" + with_check(check)
    found = server_of(text).file_check["1"]
    assert (found.track_file, found.weight, found.reverse) == ("down", weight, "reverse" in words)


def test_hosts_of_a_mail_server_are_checks_of_their_own() -> None:
    hosts = "host {\nconnect_ip 10.0.0.3\n}\nhost {\nconnect_port 26\n}\n"
    checks = server_of(with_check(f"SMTP_CHECK {{\nhelo_name lb1\n{hosts}}}\n")).smtp_check
    found = [(check.connect_ip, check.connect_port, check.helo_name) for check in checks.values()]
    assert found == [("10.0.0.3", None, "lb1"), (None, 26, "lb1")]


def test_pages() -> None:
    page = 'path /a\ndigest 9b3a0c85a887a256d6939da88aabd8cd\nregex "a b"\nregex_max_offset 9\n'
    check = (
        f"HTTP_GET {{\nurl {{\n{page}}}\nurl {{\npath /b\nstatus_code 200 301-304\n}}\nnb_get_retry 2\n}}\n"
    )
    http = server_of(with_check(check)).http_get["1"]
    first, second = http.url.values()
    assert (first.path, first.status_code, first.regex, first.regex_max_offset) == (
        "/a",
        "200-299",
        "a b",
        10,
    )
    assert (second.path, second.status_code, http.retry) == ("/b", "200 301-304", 2)


def test_bytes_of_a_datagram() -> None:
    check = with_check("UDP_CHECK {\npayload 0A0b c\nrequire_reply 0axX\n}\n")
    udp = server_of(check).udp_check["1"]
    assert (udp.payload, udp.require_reply, udp.reply) == ("0a0b0c", True, "0axx")
    wrong = server_of(check.replace("0axX", "zz"))
    assert (wrong.udp_check["1"].require_reply, wrong.udp_check["1"].reply) == (True, None)


def test_bfd_is_refused_wherever_it_stands() -> None:
    (mistake,) = mistakes_of(with_check("BFD_CHECK {\nname b\n}\n"))
    assert "BFD_CHECK: it is not done here" in mistake


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            service() + f"virtual_server 192.0.2.1 80 {{\n{USUAL}{SERVER}}}\n",
            "of that address, port and protocol",
        ),
        (service(USUAL + SERVER.replace("}", "lthreshold 5\n}")), "the kernel takes no such server"),
        (service(USUAL + "ha_suspend\n" + SERVER, "192.0.2.77 80"), "no vrrp_instance has its address"),
        (
            service(USUAL.replace("NAT", "DR") + SERVER + SERVER.replace("80", "8080")),
            "the same to the kernel as 10.0.0.1 above",
        ),
        (service(USUAL + "delay_loop 100000\n" + SERVER), "the most that is possible here is 86400"),
        (with_check("HTTP_GET {\nurl {\npath /\nregex_no_match\n}\n}\n"), "there is no expression"),
        (
            with_check(f"HTTP_GET {{\nhttp_protocol 1.1\nurl {{\npath /\ndigest {'0a' * 16}\n}}\n}}\n"),
            "keepalived hashes their framing too",
        ),
    ],
)
def test_what_is_left_out_is_said(text: str, said: str) -> None:
    assert any(said in remark for remark in remarks_of(text)), remarks_of(text)
    assert mistakes_of(text) == []


def test_the_port_that_is_written_is_checked() -> None:
    lines = USUAL.replace("NAT", "DR").replace("protocol TCP\n", "")
    text = service(lines + SERVER.replace("}", "TCP_CHECK {\n}\n}"), "fwmark 3")
    server = server_of(text)
    assert (server.port, server.tcp_check["1"].connect_port) == (None, 80)


def test_suspension_where_an_instance_has_the_address() -> None:
    assert service_of(service(USUAL + "ha_suspend\n" + SERVER)).ha_suspend is True
    before = "virtual_server_group web {\n192.0.2.0-9 80\n}\n"
    assert service_of(service(USUAL + "ha_suspend\n" + SERVER, "group web", before)).ha_suspend is True


def test_every_line_counts_or_is_left_over() -> None:
    text = with_check("HTTP_GET {\nenable_sni\nurl {\npath /\nregex_stack 1 2\n}\n}\nsnmp_name a\n")
    left = {leftover.statement.keyword.text for leftover in read(text).translation.leftovers}
    assert left == {"enable_sni", "regex_stack", "snmp_name"}


@pytest.mark.parametrize(
    ("words", "tunnel"),
    [("TUN", ("ipip", None, None)), ("TUN type gre", ("gre", None, "nocsum")), ("NAT", (None, None, None))],
)
def test_a_server_has_no_tunnel_of_its_virtual_server_beside_a_method_of_its_own(
    words: str, tunnel: tuple[object, ...]
) -> None:
    around = USUAL.replace("NAT", "TUN type gue port 5555 csum") + SERVER.replace("10.0.0.1", "10.0.0.2")
    text = service(around + SERVER.replace("}", f"lvs_method {words}\n}}"))
    assert service_of(text).tunnel == "gue"
    real = service_of(text).real_server["10.0.0.1-80"]
    assert (real.tunnel, real.tunnel_port, real.tunnel_checksum) == tunnel
