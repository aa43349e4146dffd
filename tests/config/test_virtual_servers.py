"""From a Config to what a director keeps: inheritance, defaults of each kind of check, groups, ports."""

from __future__ import annotations

import msgspec
import pytest

from tests.config.balanced import MARK, SERVICE, group, put, real, service
from tests.config.sources import config_of
from vipkeeper.config.consequences import reload_obstacles
from vipkeeper.config.virtual_servers import balancing_plan
from vipkeeper.model import balancing as plan
from vipkeeper.model.balancing import BalancingPlan, CheckPlan, RealServerPlan, ServicePlan
from vipkeeper.model.ipvs import (
    AddressKey,
    Destination,
    DestinationKey,
    Forwarding,
    MarkKey,
    Persistence,
    SchedulerFlag,
    Service,
    SyncDaemon,
    Transport,
    Tunnel,
    TunnelChecksum,
    TunnelKind,
)

A = "virtual_server.web.real_server.a"


def plan_of(text: str) -> BalancingPlan:
    return balancing_plan(config_of(text))


def web(text: str) -> ServicePlan:
    (found,) = plan_of(text).services
    return found


def server_a(text: str) -> RealServerPlan:
    return next(real for real in web(text).real_servers if real.name == "a")


def check_of(text: str) -> CheckPlan:
    """The one check of its first real server."""
    (found,) = server_a(text).checks
    return found


def checked(kind: str, *lines: str, text: str = SERVICE) -> str:
    return f"{text}[{A}.{kind}.x]\n" + "\n".join(lines)


def test_without_virtual_servers_there_is_nothing_to_do() -> None:
    text = SERVICE.partition("[virtual_server")[0]
    assert plan_of(text).empty
    assert not plan_of(SERVICE).empty


def test_the_shortest_one() -> None:
    assert web(SERVICE) == ServicePlan(
        name="web",
        keys=(AddressKey(Transport.TCP, "192.0.2.80", 80),),
        service=Service("wlc"),
        real_servers=(
            RealServerPlan("a", DestinationKey("10.0.0.11", 80), Destination(Forwarding.NAT, 1)),
            RealServerPlan("b", DestinationKey("10.0.0.12", 80), Destination(Forwarding.NAT, 1)),
        ),
        vips=("web",),
    )


def test_how_it_chooses() -> None:
    text = service(
        'lvs_sched = "mh"',
        'sched_flags = ["mh-port", "flag-1"]',
        "persistence_timeout = 60",
        'persistence_granularity = "255.255.255.0"',
        'persistence_engine = "sip"',
        "ops = true",
    ).replace('"tcp"', '"udp"')
    flags = frozenset({SchedulerFlag.FLAG_1, SchedulerFlag.FLAG_2})
    assert web(text).service == Service("mh", flags, Persistence(60, "255.255.255.0", "sip"), True)


@pytest.mark.parametrize(
    ("text", "netmask"),
    [
        (SERVICE, "255.255.255.255"),
        (
            SERVICE.replace('address = "192.0.2.80"', 'address = "2001:DB8::80"').replace(
                "10.0.0.", "2001:db8::"
            ),
            "128",
        ),
        (MARK.replace("10.0.0.", "2001:db8::"), "128"),
        (put(MARK, "virtual_server.web", 'lvs_method = "TUN"', 'ip_family = "inet6"'), "128"),
    ],
)
def test_each_address_is_a_client_unless_it_says_otherwise(text: str, netmask: str) -> None:
    found = web(put(text, "virtual_server.web", "persistence_timeout = 60")).service.persistence
    assert found == Persistence(60, netmask)


def test_addresses_are_canonical() -> None:
    text = SERVICE.replace('address = "192.0.2.80"', 'address = "2001:0DB8::80"').replace(
        "10.0.0.", "2001:DB8::0"
    )
    found = web(text)
    assert found.keys == (AddressKey(Transport.TCP, "2001:db8::80", 80),)
    assert found.real_servers[0].key == DestinationKey("2001:db8::11", 80)


def test_a_group_is_all_of_its_addresses_and_marks() -> None:
    found = web(group("192.0.2.79-80 80", "192.0.2.80/32 443", more="fwmarks = [7]"))
    assert found.keys == (
        AddressKey(Transport.TCP, "192.0.2.79", 80),
        AddressKey(Transport.TCP, "192.0.2.80", 80),
        AddressKey(Transport.TCP, "192.0.2.80", 443),
        MarkKey(7),
    )
    assert found.vips == ("web",)
    assert web(MARK.replace("10.0.0.", "2001:db8::")).keys == (MarkKey(3, 6),)


@pytest.mark.parametrize(
    ("text", "port"),
    [
        (real("port = 8080"), 8080),
        (real("port = 8080", text=service('lvs_method = "DR"')), 80),
        (real("port = 8080", 'lvs_method = "TUN"'), 80),
        # keepalived 2.2.7 in the same kernel: 0 for DR and a firewall mark, each service's own for a group.
        (real("port = 8080", text=put(MARK, "virtual_server.web", 'lvs_method = "DR"')), 0),
        (real("port = 8080", text=MARK), 8080),
        (MARK, 0),
        (real("port = 8080", text=put(group("192.0.2.80 80"), "virtual_server.web", 'lvs_method = "DR"')), 0),
    ],
)
def test_only_nat_changes_a_port(text: str, port: int) -> None:
    assert server_a(text).key.port == port


def test_what_a_real_server_inherits() -> None:
    text = service(
        'lvs_method = "TUN"',
        'tunnel = "gue"',
        "tunnel_port = 6080",
        'tunnel_checksum = "csum"',
        "weight = 5",
        "inhibit_on_failure = true",
        "smtp_alert = true",
    )
    tunnel = Tunnel(TunnelKind.GUE, 6080, TunnelChecksum.CSUM)
    found = server_a(text)
    assert found.destination == Destination(Forwarding.TUN, 5, tunnel=tunnel)
    assert (found.inhibit_on_failure, found.tell.smtp_alert) == (True, True)
    own = server_a(
        real(
            'tunnel = "gre"',
            "weight = 0",
            "inhibit_on_failure = false",
            "smtp_alert = false",
            "uthreshold = 9",
            "lthreshold = 7",
            text=text,
        )
    )
    gre = Tunnel(TunnelKind.GRE, 0, TunnelChecksum.CSUM)
    assert own.destination == Destination(Forwarding.TUN, 0, 9, 7, gre)
    assert (own.inhibit_on_failure, own.tell.smtp_alert) == (False, False)
    assert server_a(real('lvs_method = "NAT"', text=text)).destination.tunnel is None
    assert server_a(real('tunnel = "ipip"', text=text)).destination.tunnel == Tunnel()


def test_mail_is_sent_of_all_of_them_if_so_configured() -> None:
    text = f"{SERVICE}[mail]\nsmtp_alert_checker = true\n"
    assert (web(text).tell.smtp_alert, server_a(text).tell.smtp_alert) == (True, True)
    quiet = put(text, "virtual_server.web", "smtp_alert = false")
    assert (web(quiet).tell.smtp_alert, server_a(quiet).tell.smtp_alert) == (False, False)


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
        ("misc_check", 0, 20.0),
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


def test_the_sorry_server() -> None:
    text = service("lvs_method = 'DR'") + "[virtual_server.web.sorry_server]\n"
    assert web(text).sorry is None
    found = web(f"{text}address = '127.0.0.1'\nport = 8080").sorry
    assert found == plan.SorryPlan(DestinationKey("127.0.0.1", 80), Destination(Forwarding.DR))
    found = web(f"{text}address = '127.0.0.1'\nport = 8080\nlvs_method = 'NAT'\ninhibit = true").sorry
    assert found == plan.SorryPlan(DestinationKey("127.0.0.1", 8080), Destination(Forwarding.NAT), True)


@pytest.mark.parametrize(
    ("lines", "counts"),
    [
        ((), (1, 0)),
        (("quorum = 2",), (2, 0)),
        (("quorum = 2", "weight = 2", "hysteresis = 1"), (2, 1)),
        (("quorum = 3",), (2, 0)),
        (("quorum = 3", "weight = 2", "hysteresis = 2"), (3, 1)),
        (("quorum = 3", "weight = 0"), (1, 0)),
    ],
)
def test_a_quorum_is_never_more_than_all_of_them(lines: tuple[str, ...], counts: tuple[int, int]) -> None:
    found = web(service(*lines))
    assert (found.quorum, found.hysteresis) == counts


def test_whom_it_belongs_to() -> None:
    found = web(put(MARK, "virtual_server.web", "present = 'owner'", "ha_suspend = true", "vip = 'web'"))
    assert (found.vips, found.only_on_owner, found.ha_suspend) == (("web",), True, True)
    assert web(MARK).vips == ()
    two = (
        group("192.0.2.80 80", "192.0.2.81 80")
        + "[vip.other]\naddresses = ['192.0.2.81']\ninterface = 'eth0'"
    )
    assert web(two).vips == ("web", "other")


def test_the_whole_host() -> None:
    text = f"""{SERVICE}
[vip.web.vrrp]
vrid = 51
[scripts]
user = "u"
group = "g"
enable_script_security = true
set_supplementary_groups = true
[ipvs]
flush = true
keep_on_stop = true
timeouts = {{tcp = 900, tcpfin = 120, udp = 300}}
sync_daemon = {{interface = "eth1", vip = "web", maxlen = 1400, port = 9000, ttl = 2, group = "224.0.0.9"}}
[track_file.f]
file = "/f"
[track_file.unused]
file = "/u"
[{A}.file_check.x]
track_file = "f"
"""
    found = plan_of(text)
    assert msgspec.structs.replace(found, services=()) == BalancingPlan(
        timeouts=plan.TimeoutsPlan(900, 120, 300),
        sync=plan.SyncPlan(SyncDaemon("eth1", 51, 1400, "224.0.0.9", 9000, 2), "web"),
        flush=True,
        keep_on_stop=True,
        scripts=plan.ScriptRules("u", "g", True, True),
        track_files={"f": plan.WatchedFile("/f")},
    )
    own_number = plan_of(text.replace("maxlen = 1400", "syncid = 0")).sync
    assert own_number is not None
    assert own_number.daemon.sync_id == 0


def test_a_plan_goes_to_the_director_and_back() -> None:
    text = checked("ssl_get", "url.u = {}") + f"\n[{A}.dns_check.x]\n[{A}.udp_check.x]\n[ipvs]\nflush = true"
    found = plan_of(text)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=BalancingPlan) == found


def test_a_reload_can_change_all_of_it() -> None:
    before = config_of(SERVICE.partition("[virtual_server")[0])
    after = config_of(
        f"{checked('tcp_check')}\n[ipvs]\nflush = true\nsync_daemon = {{interface = 'eth0', vip = 'web'}}\n"
        "[ssl]\nca = '/ca.pem'\n[virtual_server_group.g]\nfwmarks = [1]"
    )
    assert reload_obstacles(before, after) == ()
    assert reload_obstacles(after, before) == ()
