"""From a Config to what a director keeps: inheritance, defaults of each kind of check, groups, ports."""

from __future__ import annotations

import msgspec
import pytest

from tests.config.balanced import MARK, SERVICE, A, checked, group, plan_of, put, real, server_a, service, web
from tests.config.sources import config_of
from vipkeeper.config.consequences import reload_obstacles
from vipkeeper.model import balancing as plan
from vipkeeper.model.balancing import BalancingPlan, RealServerPlan, ServicePlan
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
init_notifies = true
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
    assert [service.init_notifies for service in found.services] == [True]
    own_number = plan_of(text.replace("maxlen = 1400", "syncid = 0")).sync
    assert own_number is not None
    assert own_number.daemon.sync_id == 0


def test_without_a_vip_every_node_tells_of_connections_and_listens() -> None:
    found = plan_of(service() + '[ipvs.sync_daemon]\ninterface = "eth1"\n').sync
    assert found == plan.SyncPlan(SyncDaemon("eth1"), None)


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


def test_servers_without_checks_have_one_empty_table_between_them() -> None:
    """Nine each made more than half of what a file with thousands of real servers leaves in memory."""
    servers = config_of(SERVICE).virtual_server["web"].real_server
    tables = [getattr(real, kind.value) for real in servers.values() for kind in plan.CheckKind]
    assert {id(table) for table in tables} == {id(tables[0])}
    assert tables[0] == {}


@pytest.mark.parametrize(
    ("entries", "vips"),
    [
        (["192.0.2.80 80"], ("web",)),
        (["192.0.2.79 80", "192.0.2.82-99 80"], ()),
        (["192.0.2.70-80 80"], ("web",)),
        (["192.0.2.70-79 80"], ()),
        (["192.0.2.81-90 80"], ("other",)),
        (["2001:db8::/120 80"], ("six",)),
        (["2001:db8::5-f 80", "192.0.2.81 80", "192.0.2.0/24 443"], ("six", "other", "web")),
    ],
)
def test_a_group_belongs_to_the_vips_within_it(entries: list[str], vips: tuple[str, ...]) -> None:
    more = "".join(
        f'[vip.{name}]\naddresses = ["{address}"]\ninterface = "eth0"\n'
        for name, address in (("other", "192.0.2.81"), ("six", "2001:DB8::5"))
    )
    # By a tunnel, so that servers may be of another IP version than their group.
    text = put(group(*entries), "virtual_server.web", 'lvs_method = "TUN"')
    assert web(f"{text}{more}").vips == vips
