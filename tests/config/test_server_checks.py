"""Checks of real servers: what each inherits, its pace, where it goes and what it asks."""

from __future__ import annotations

import pytest

from tests.config.balanced import A, check_of, checked, put, real, server_a, service, web
from vipkeeper.model import balancing as plan


@pytest.mark.parametrize(
    ("kind", "retry", "again_s"),
    [
        ("tcp_check", 1, 1.0),
        ("udp_check", 1, 1.0),
        ("ping_check", 1, 1.0),
        ("smtp_check", 1, 1.0),
        ("dns_check", 3, 20.0),
        ("http_get", 1, 3.0),
        ("ssl_get", 1, 3.0),
        ("misc_check", 0, 1.0),
    ],
)
def test_each_kind_of_check_has_its_own_pace(kind: str, retry: int, again_s: float) -> None:
    needed = {"misc_check": "misc_path = '/bin/true'", "http_get": "url.u = {}", "ssl_get": "url.u = {}"}
    text = checked(kind, needed.get(kind, ""), text=service("delay_loop = 20.0"))
    assert check_of(text).pacing == plan.Pacing(20.0, 5.0, retry, again_s, 20.0, False, False)


def test_a_check_asks_itself_then_its_real_server_then_the_virtual_one() -> None:
    virtual = service(
        "delay_loop = 20.0",
        "connect_timeout = 2.0",
        "retry = 7",
        "delay_before_retry = 8.0",
        "warmup = 9.0",
        "alpha = true",
    )
    text = f"{virtual}[ipvs]\nlog_all_failures = true\n[{A}.tcp_check.x]\n"
    assert check_of(text).pacing == plan.Pacing(20.0, 2.0, 7, 8.0, 9.0, True, True)
    text = real("delay_loop = 21.0", "connect_timeout = 3.0", "retry = 0", "alpha = false", text=text)
    assert check_of(text).pacing == plan.Pacing(21.0, 3.0, 0, 8.0, 9.0, False, True)
    text += "retry = 2\ndelay_before_retry = 0.0\nwarmup = 0.0\nlog_all_failures = false"
    assert check_of(text).pacing == plan.Pacing(21.0, 3.0, 2, 0.0, 0.0, False, False)


def test_a_real_server_without_checks_has_those_of_the_virtual_one() -> None:
    shared = f"{service('delay_loop = 9.0')}[virtual_server.web.tcp_check.shared]\n"
    text = real("delay_loop = 4.0", text=shared)
    assert [(check.name, check.pacing.delay_loop_s) for check in server_a(text).checks] == [("shared", 4.0)]
    own = f"{text}[{A}.ping_check.own]\n"
    assert [check.name for check in server_a(own).checks] == ["own"]
    assert [check.name for check in web(own).real_servers[1].checks] == ["shared"]


@pytest.mark.parametrize(
    ("text", "reach"),
    [
        (checked("tcp_check"), plan.Reach("10.0.0.11", 80)),
        (checked("tcp_check", text=real("port = 8080")), plan.Reach("10.0.0.11", 8080)),
        # The table has 80; who writes another port beside DR can only mean the checks.
        (checked("tcp_check", text=real("port = 8080", 'lvs_method = "DR"')), plan.Reach("10.0.0.11", 8080)),
        (checked("ping_check"), plan.Reach("10.0.0.11", 0)),
        (
            checked(
                "tcp_check",
                "connect_ip = '10.0.0.99'",
                "connect_port = 81",
                "bindto = '10.0.0.1'",
                "bind_port = 82",
                "bind_if = 'eth1'",
                "fwmark = 7",
            ),
            plan.Reach("10.0.0.99", 81, "10.0.0.1", 82, "eth1", 7),
        ),
        (checked("misc_check", "misc_path = '/bin/true'"), None),
    ],
)
def test_where_a_check_goes(text: str, reach: plan.Reach | None) -> None:
    assert check_of(text).reach == reach


@pytest.mark.parametrize(
    ("text", "ask"),
    [
        (checked("tcp_check"), plan.TcpAsk()),
        (checked("ping_check"), plan.PingAsk()),
        (checked("smtp_check"), plan.SmtpAsk("smtpchecker.keepalived.org")),
        (checked("dns_check"), plan.DnsAsk("SOA", ".")),
        (checked("dns_check", "type = 'A'", "name = 'a.example'"), plan.DnsAsk("A", "a.example")),
        (checked("udp_check"), plan.UdpAsk("")),
        (
            checked(
                "udp_check", "payload = '0A'", "reply = 'AX'", "min_reply_length = 1", "max_reply_length = 2"
            ),
            plan.UdpAsk("0a", True, "ax", 1, 2),
        ),
        (
            checked("misc_check", "misc_path = '/c a'", text=service("delay_loop = 7.0")),
            plan.MiscAsk("/c a", 7.0),
        ),
        (
            checked(
                "misc_check",
                "misc_path = '/c'",
                "misc_timeout = 2.0",
                "misc_dynamic = true",
                "user = 'u'",
                "group = 'g'",
            ),
            plan.MiscAsk("/c", 2.0, True, "u", "g"),
        ),
        (
            checked(
                "file_check",
                "track_file = 'f'",
                "weight = 2",
                "reverse = true",
                "[track_file.f]",
                "file = '/f'",
            ),
            plan.FileAsk("f", 2, True),
        ),
        (checked("http_get", "url.u = {}"), plan.HttpAsk((plan.Page("/"),))),
        (
            checked(
                "ssl_get", "enable_sni = true", "sni_name = 's'", "tls_compliant = true", "url.u.path = '/p'"
            )
            + "\n[ssl]\nca = '/ca'\ncertificate = '/cert'\nkey = '/key'\npassword_file = '/pw'",
            plan.HttpAsk(
                (plan.Page("/p", tls_compliant=True),),
                tls=plan.Tls(True, "s", "/ca", "/cert", "/key", "/pw"),
            ),
        ),
    ],
)
def test_what_a_check_asks(text: str, ask: plan.Ask) -> None:
    assert check_of(text).ask == ask


def test_the_password_may_stand_in_the_file_itself() -> None:
    text = checked("ssl_get", "url.u = {}") + "\n[ssl]\ncertificate = '/c'\npassword = 'word'"
    ask = check_of(text).ask
    assert isinstance(ask, plan.HttpAsk)
    assert ask.tls == plan.Tls(certificate="/c", password="word")  # noqa: S106 - it opens nothing


def test_pages_in_their_order() -> None:
    digest = "9B3A0C85A887A256D6939DA88AABD8CD"
    text = checked(
        "http_get",
        "http_protocol = '1.1'",
        "fast_recovery = true",
        "url.z = {path = '/z', status_code = '200 301-304'}",
        f"url.a = {{path = '/a', digest = '{digest}'}}",
        "url.r = {path = '/r', regex = 'k', regex_no_match = true, regex_options = ['caseless'], "
        "regex_min_offset = 1, regex_max_offset = 9}",
        f"url.b = {{path = '/b', digest = '{digest}', status_code = '404'}}",
    )
    assert check_of(text).ask == plan.HttpAsk(
        pages=(
            plan.Page("/z", status=((200, 200), (301, 304))),
            plan.Page("/a", status=(), digest=digest.lower()),
            plan.Page("/r", "", (), "", "k", True, ("caseless",), 1, 9),
            plan.Page("/b", status=((404, 404),), digest=digest.lower()),
        ),
        protocol="1.1",
        fast_recovery=True,
    )


def test_the_nearest_virtual_host_counts() -> None:
    def host(text: str) -> str:
        ask = check_of(text).ask
        assert isinstance(ask, plan.HttpAsk)
        return ask.pages[0].host

    text = checked("http_get", "url.u = {}")
    assert host(text) == ""
    text = put(text, "virtual_server.web", "virtualhost = 'v'")
    assert host(text) == "v"
    text = put(text, A, "virtualhost = 'r'")
    assert host(text) == "r"
    text = put(text, f"{A}.http_get.x", "virtualhost = 'c'")
    assert host(text) == "c"
    assert host(text.replace("{}", "{virtualhost = 'p'}")) == "p"
