"""What each word of a keepalived.conf becomes. Values that clash are those that keepalived's own dump has."""

from __future__ import annotations

from typing import Any

import pytest

from tests.config.keepalived.kept_files import config_of, mistakes_of, read, remarks_of
from vipkeeper.config.consequences import build_units
from vipkeeper.config.schema import Config
from vipkeeper.config.vip_schema import Vip

HEAD = "vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n"
ADDRESS = "    virtual_ipaddress { 192.0.2.10 }\n"
SCRIPT = 'vrrp_script check {\n    script "/bin/check"\n}\n'


def instance(lines: str = "", addresses: str = ADDRESS, name: str = "VI_1", vrid: int = 51) -> str:
    head = HEAD.replace("VI_1", name).replace("51", str(vrid))
    return f"{head}{lines}\n{addresses}}}\n"


def vip_of(text: str, backend: str | None = None) -> Vip:
    return config_of(text, backend).vip["VI_1"]


def document_of(text: str) -> dict[str, Any]:
    return read(text).translation.document.values


def test_little_is_needed() -> None:
    config = config_of(instance())
    vip = config.vip["VI_1"]
    assert (config.backend, config.node) == ("vrrp", "host-a")
    assert (vip.addresses, vip.interface, vip.priority, vip.preempt) == (("192.0.2.10",), "eth0", 100, True)
    assert (vip.vrrp.vrid, vip.vrrp.version, vip.vrrp.advert_interval_s) == (51, 2, 1.0)
    assert vip.vrrp.accept


@pytest.mark.parametrize(
    ("lines", "priority", "preempt", "delay_s"),
    [
        ("", 100, True, 0),
        ("state MASTER", 255, True, 0),
        ("state BACKUP", 100, True, 0),
        ("priority 150\nstate MASTER\nnopreempt", 150, True, 0),
        ("priority 150\nstate BACKUP\nnopreempt", 150, False, 0),
        ("priority 150\nnopreempt", 150, False, 0),
        ("priority 150\nnopreempt\npreempt", 150, True, 0),
        ("priority 255\nnopreempt", 255, True, 0),
        ("priority 150\npreempt_delay 4.5", 150, True, 4.5),
        ("priority 150\nstate MASTER\npreempt_delay 4.5", 150, True, 0),
        ("priority 150\nnopreempt\npreempt_delay 4.5", 150, False, 0),
        ("priority 150\nstrict_mode on\npreempt_delay 4.5", 150, True, 0),
        # In strict mode only the owner is a master from the start, so that nopreempt counts.
        ("priority 150\nstrict_mode on\nstate MASTER\nnopreempt", 150, False, 0),
    ],
)
def test_state_priority_and_preemption(lines: str, priority: int, preempt: bool, delay_s: float) -> None:
    vip = vip_of(instance(lines))
    assert (vip.priority, vip.preempt, vip.preempt_delay_s) == (priority, preempt, delay_s)


@pytest.mark.parametrize(
    ("lines", "interval_s"),
    [
        ("advert_int 1.4", 1),
        ("advert_int 1.5", 2),
        ("advert_int 2.5", 3),
        ("advert_int 0.01", 1),
        ("version 3\nadvert_int 0.333", 0.33),
        ("version 3\nadvert_int 3.005", 3.01),
        ("version 3\nadvert_int 50", 40.95),
    ],
)
def test_intervals_are_rounded_as_keepalived_does(lines: str, interval_s: float) -> None:
    assert vip_of(instance(lines)).vrrp.advert_interval_s == pytest.approx(interval_s)


def test_addresses_of_version_6_are_version_3() -> None:
    six = "    virtual_ipaddress {\n fe80::10\n }\n"
    assert vip_of(instance("version 2", six)).vrrp.version == 3
    assert vip_of("global_defs {\n vrrp_version 3\n}\n" + instance()).vrrp.version == 3
    assert vip_of("global_defs {\n vrrp_version 3\n}\n" + instance("version 2")).vrrp.version == 2


@pytest.mark.parametrize(
    ("lines", "key", "value"),
    [
        ("mcast_src_ip 192.0.2.1", "source_address", "192.0.2.1"),
        ("mcast_dst_ip 224.0.0.77", "multicast_group", "224.0.0.77"),
        ("down_timer_adverts 5", "down_timer_adverts", 5),
        ("lower_prio_no_advert", "lower_prio_no_advert", True),
        ("lower_prio_no_advert off", "lower_prio_no_advert", False),
        ("owner_ignore_adverts", "owner_ignore_adverts", True),
        ("version 3\nv3_checksum_as_v2", "checksum", "message-only"),
        ("v3_checksum_as_v2", "checksum", "pseudo-header"),
        ("no_accept", "accept", False),
        ("no_accept\npriority 255", "accept", True),
        ("strict_mode on", "accept", True),
        ("strict_mode on", "strict", True),
        ("use_vmac", "virtual_mac", True),
        ("use_vmac vrrp7", "virtual_mac_name", "vrrp7"),
        ("authentication {\n auth_type PASS\n auth_pass x\n }", "auth_type", "pass"),
        ("authentication {\n auth_type AH\n auth_pass x\n }", "auth_type", "ah"),
        ("authentication {\n auth_type AH\n auth_pass 123456789\n }", "auth_pass", "12345678"),
        ("version 3\nauthentication {\n auth_type PASS\n auth_pass x\n }", "auth_type", "none"),
        ("strict_mode on\nauthentication {\n auth_type PASS\n auth_pass x\n }", "auth_type", "none"),
    ],
)
def test_one_word_of_vrrp(lines: str, key: str, value: object) -> None:
    assert getattr(vip_of(instance(lines)).vrrp, key) == value


def test_unicast() -> None:
    peers = "unicast_src_ip 192.0.2.1\nunicast_ttl 64\nunicast_peer {\n192.0.2.2\n192.0.2.3 min_ttl 3\n}"
    groups = "global_defs {\n vrrp_mcast_group4 224.0.0.77\n}\n"
    vrrp = vip_of(groups + instance(peers)).vrrp
    assert vrrp.unicast_peers == ("192.0.2.2", "192.0.2.3")
    assert (vrrp.source_address, vrrp.unicast_ttl, vrrp.multicast_group) == ("192.0.2.1", 64, None)
    assert vip_of(groups + instance("unicast_src_ip 192.0.2.1")).vrrp.multicast_group == "224.0.0.77"


def test_addresses_with_options() -> None:
    first = "192.0.2.10/24 brd 192.0.2.255 dev eth1 label eth1:0"
    listed = f"    virtual_ipaddress {{\n {first}\n 192.0.2.11 noprefixroute\n}}\n"
    excluded = "virtual_ipaddress_excluded {\n 192.0.2.12\n 2001:db8::1/64 -nodad\n }"
    routes = "virtual_routes {\n 198.51.100.0/24 via 192.0.2.1 dev eth0 no_track\n }"
    rules = "virtual_rules {\n from 192.0.2.10 table 100\n }"
    document = document_of(instance(f"{excluded}\n{routes}\n{rules}", listed))["vip"]["VI_1"]
    assert document["addresses"] == [first, "192.0.2.11"]
    assert document["excluded_addresses"] == ["192.0.2.12", "2001:db8::1/64"]
    assert document["virtual_routes"] == ["198.51.100.0/24 via 192.0.2.1 dev eth0"]
    assert document["virtual_rules"] == ["from 192.0.2.10 table 100"]


def test_static_parts() -> None:
    text = (
        "global_defs {\n default_interface eth7\n vrrp_startup_delay 2.5\n}\n"
        "static_ipaddress {\n 192.0.2.7/24 brd + dev eth1\n 192.0.2.8/24\n}\n"
        "static_routes {\n 198.51.100.0/24 via 192.0.2.1\n}\nstatic_rules {\n from 192.0.2.0/24 table 5\n}\n"
    )
    document = document_of(text + instance())
    assert document["static_ipaddress"] == ["192.0.2.7/24 brd + dev eth1", "192.0.2.8/24 dev eth7"]
    assert document["static_routes"] == ["198.51.100.0/24 via 192.0.2.1"]
    assert document["static_rules"] == ["from 192.0.2.0/24 table 5"]
    assert document["startup_delay"] == 2.5


def test_scripts_and_what_is_tracked() -> None:
    text = (
        "vrrp_script a {\n script \"/bin/a 'x y' z\" nobody\n interval 2\n timeout 4\n weight -5 reverse\n"
        " rise 2\n fall 3\n init_fail\n user nobody nogroup\n}\n"
        "track_file f {\n file /etc/f\n weight 2\n init_file 3 overwrite\n}\n"
        "vrrp_track_process p {\n process nginx\n quorum 2\n}\n"
        'vrrp_track_process q {\n process python3 "a b"\n param_match initial\n delay 1.5\n}\n'
        "vrrp_track_process r {\n process sleep 5\n}\n"
    )
    lines = (
        "track_script {\n a weight 7\n }\ntrack_file {\n f\n }\ntrack_process {\n p weight 0\n q\n r\n }\n"
        "track_interface {\n eth0\n eth1 weight -3\n eth2\n }\n"
    )
    config = config_of(text + instance(lines))
    a, f = config.track_script["a"], config.track_file["f"]
    assert (a.script, a.interval_s, a.timeout_s, a.weight, a.reverse) == ("/bin/a 'x y' z", 2, 4, -5, True)
    assert (a.rise, a.fall, a.init_fail, a.user, a.group) == (2, 3, True, "nobody", "nogroup")
    assert (f.file, f.weight, f.init_file, f.overwrite) == ("/etc/f", 2, 3, True)
    processes = config.track_process
    assert [processes[name].process for name in "pqr"] == ["nginx", "python3 'a b'", "sleep 5"]
    assert [processes[name].param_match for name in "pqr"] == ["none", "initial", "exact"]
    vip = config.vip["VI_1"]
    assert (vip.track_script["a"].weight, vip.track_file["f"].weight) == (7, None)
    assert vip.track_process["p"].weight == 0
    assert {name: track.weight for name, track in vip.track_interface.items()} == {"eth1": -3, "eth2": None}


@pytest.mark.parametrize(
    ("written", "script"),
    [
        ("\"/bin/check a 'b c'\"", "/bin/check a 'b c'"),
        ("/bin/check a b", "/bin/check"),
        ('"</etc/passwd"', "test -r /etc/passwd"),
        (
            "\"/bin/bash -c '[[ -e /etc/down ]]' && exit 1 || exit 0\"",
            "sh -c '/bin/bash -c '\"'\"'[[ -e /etc/down ]]'\"'\"' && exit 1 || exit 0'",
        ),
        ('"pidof nginx > /dev/null"', "sh -c 'pidof nginx > /dev/null'"),
        ('"pidof nginx 2>&1 | grep 1"', "sh -c 'pidof nginx 2>&1 | grep 1'"),
    ],
)
def test_how_a_script_is_run(written: str, script: str) -> None:
    text = f"vrrp_script s {{\n script {written}\n}}\n{instance('track_script { s }')}"
    assert config_of(text).track_script["s"].script == script
    told = [remark for remark in remarks_of(text) if "keepalived runs no shell" in remark]
    assert len(told) == script.startswith("sh ")


def test_notifications() -> None:
    lines = (
        'notify_master "/bin/n master" nobody nogroup\nnotify_backup "/bin/n backup"\nnotify /bin/any\n'
        "notify_deleted\nsmtp_alert\nnotify_priority_changes off\n"
    )
    notify = vip_of(instance(lines)).notify
    assert (notify.master.script, notify.master.user, notify.master.group) == (
        "/bin/n master",
        "nobody",
        "nogroup",
    )
    assert (notify.backup.script, notify.any.script, notify.say_deleted) == (
        "/bin/n backup",
        "/bin/any",
        True,
    )
    assert (notify.smtp_alert, notify.priority_changes) == (True, False)


def test_mail_scripts_and_fifos() -> None:
    words = (
        "notification_email {\n a@example.com\n b@example.com\n }\nnotification_email_from c@example.com\n"
        "smtp_server 192.0.2.25 2525\nsmtp_connect_timeout 7\nsmtp_helo_name lb1\nrouter_id lb01\n"
        "smtp_alert\n"
        "no_email_faults\nscript_user nobody nogroup\nenable_script_security\n"
        "vrrp_notify_fifo /run/fifo nobody\nvrrp_notify_fifo_script /bin/reader\n"
        "startup_script /bin/up\nstartup_script_timeout 20\n"
    )
    config = config_of(f"global_defs {{\n{words}}}\n{instance()}")
    mail, scripts = config.mail, config.scripts
    assert mail.notification_email == ("a@example.com", "b@example.com")
    assert (mail.notification_email_from, mail.smtp_server) == ("c@example.com", "192.0.2.25:2525")
    assert (mail.smtp_connect_timeout_s, mail.smtp_helo_name, mail.router_id) == (7, "lb1", "lb01")
    assert (mail.smtp_alert, mail.email_faults) == (True, False)
    assert (scripts.user, scripts.group, scripts.enable_script_security) == ("nobody", "nogroup", True)
    assert (scripts.fifo, scripts.fifo_user, scripts.fifo_script.script) == (
        "/run/fifo",
        "nobody",
        "/bin/reader",
    )
    assert (scripts.startup.script, scripts.startup_timeout_s) == ("/bin/up", 20)


@pytest.mark.parametrize(
    ("server", "ours"), [("::1", "[::1]"), ("::1 2525", "[::1]:2525"), ("mail 25", "mail")]
)
def test_mail_servers(server: str, ours: str) -> None:
    text = f"global_defs {{\n smtp_server {server}\n}}\n{instance()}"
    assert config_of(text).mail.smtp_server == ours


def test_announcements() -> None:
    words = "vrrp_garp_master_delay 3\nvrrp_garp_master_repeat 2\n"
    words += "vrrp_garp_interval 0.01\nvrrp_gna_interval 0.02\n"
    text = f"global_defs {{\n{words}}}\n{instance('garp_master_refresh 60')}"
    config = config_of(text)
    garp, own = config.garp, config.vip["VI_1"].garp
    assert (garp.master_delay_s, garp.master_repeat, garp.interval_s, garp.gna_interval_s) == (
        3,
        2,
        0.01,
        0.02,
    )
    assert (own.master_refresh_s, own.master_delay_s) == (60, None)
    short = config_of(f"global_defs {{\n vrrp_min_garp\n}}\n{instance()}").garp
    assert (short.master_repeat, short.master_delay_s) == (1, 0)


def test_the_slowest_pace_of_all_groups_counts() -> None:
    groups = "".join(
        f"garp_group {{\n garp_interval {gap_s}\n interface eth0\n}}\n" for gap_s in (0.1, 0.3, 0.2)
    )
    assert config_of(groups + instance()).garp.interval_s == 0.3


GROUP = 'vrrp_sync_group G {\n group {\n VI_1\n VI_2\n }\n notify_master "/bin/n group"\n}\n'
BOTH = instance() + instance("", ADDRESS.replace("10", "11"), "VI_2", 52)


def test_a_sync_group() -> None:
    config = config_of(GROUP + BOTH)
    group = config.sync_group["G"]
    assert (group.vips, group.notify.master.script) == (("VI_1", "VI_2"), "/bin/n group")
    assert [unit.name for unit in build_units(config_of(GROUP + BOTH, "etcd"))] == ["G"]


def test_names_that_a_store_could_not_have() -> None:
    text = GROUP.replace(" G ", ' "VI_1" ') + BOTH
    config = config_of(text)
    assert list(config.sync_group) == ["VI_1-2"]
    assert any('"VI_1" is called VI_1-2 here' in remark for remark in remarks_of(text))
    config = config_of(instance(name='"web/a"') + instance("", ADDRESS.replace("10", "11"), '"web:a"', 52))
    assert list(config.vip) == ["web_a", "web_a-2"]


def test_an_instance_without_addresses_keeps_nothing() -> None:
    text = GROUP + instance() + instance("", "", "VI_2", 52)
    assert list(config_of(text).vip) == ["VI_1"]
    assert config_of(text).sync_group["G"].vips == ("VI_1",)
    assert any("there is nothing to keep" in remark for remark in remarks_of(text))


def test_excluded_addresses_alone_are_for_a_store() -> None:
    text = instance("", "virtual_ipaddress_excluded {\n 192.0.2.10\n}\n")
    assert vip_of(text, "etcd").addresses == ("192.0.2.10",)
    (mistake,) = mistakes_of(text)
    assert "all its addresses are excluded from advertisements" in mistake


@pytest.mark.parametrize("backend", ["etcd", "zookeeper"])
def test_one_flag_turns_the_file_into_leases(backend: str) -> None:
    text = SCRIPT + instance("no_accept\nadvert_int 30\nuse_vmac\ntrack_script { check }\npriority 150")
    config = config_of(text, backend)
    (unit,) = build_units(config)
    assert (config.backend, unit.priority, unit.preempt) == (backend, 150, True)
    vip = config.vip["VI_1"]
    assert (vip.vrrp.vrid, vip.vrrp.advert_interval_s, vip.vrrp.accept) == (51, 30, True)
    assert any("no_accept: it is left out: with a store" in remark for remark in remarks_of(text, backend))


def test_what_is_refused_keeps_an_agent_from_running() -> None:
    (mistake,) = mistakes_of(instance("use_ipvlan"))
    assert mistake.startswith("keepalived.conf:4: use_ipvlan: it is not done here")


def test_mistakes_of_ours_are_said_in_the_words_of_the_file() -> None:
    text = instance() + instance("", ADDRESS, "VI_2", 52)
    (mistake,) = mistakes_of(text)
    assert mistake.startswith(
        "keepalived.conf:11: virtual_ipaddress: 192.0.2.10 is also vip.VI_1.addresses[0]"
    )


def test_every_line_counts_or_is_left_over() -> None:
    text = "global_defs {\n vrrp_mcast_group6 ff02::77\n nftables\n}\n" + instance("debug 3")
    left = {leftover.statement.keyword.text for leftover in read(text).translation.leftovers}
    assert left == {"vrrp_mcast_group6", "nftables", "debug"}


def test_nothing_is_told_of_an_ordinary_file() -> None:
    text = "global_defs {\n router_id lb1\n}\n" + instance("state BACKUP\npriority 150\nadvert_int 1")
    assert remarks_of(text) == []
    assert isinstance(config_of(text), Config)
