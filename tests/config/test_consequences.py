"""What follows from an accepted configuration: defaults, overrides, units, digest, what a reload may do."""

from __future__ import annotations

import pytest

from tests.config.sources import ONE_VIP, config_of, source
from vipkeeper.config.consequences import (
    allowed_fences,
    build_timing,
    build_units,
    config_digest,
    reload_obstacles,
)
from vipkeeper.config.flags import Flags
from vipkeeper.config.parsing import parse_config, parse_settings
from vipkeeper.config.rules import HostFacts, failover_summary, host_notices, notices
from vipkeeper.config.timing_rules import derive_timing
from vipkeeper.model.errors import ConfigError
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.vips import Unit, VipAddress

FULL = """
cluster = "c1"
node = "n1"
priority = 50
run_dir = "/run/x"

[lease]
ttl = 3.5
max = 12
heartbeat = 5

[etcd]
endpoints = ["https://10.0.0.1:2379", "https://10.0.0.2:2379"]
ca_file = "/ca.pem"
username = "u"
password_file = "/p"

[log]
format = "json"
level = "debug"

[fence]
allow = ["lifetime", "bpf", "bpf"]

[vip.web]
addresses = ["192.0.2.10/24", "2001:DB8::10"]
interface = "eth0"
priority = 150
preempt = true
preempt_delay = 60

[vip.db]
addresses = ["192.0.2.11"]
interface = "eth1"
"""


def test_a_file_says_everything() -> None:
    config = config_of(FULL)
    assert (config.cluster, config.node, config.run_dir) == ("c1", "n1", "/run/x")
    assert config.etcd.endpoints == ("https://10.0.0.1:2379", "https://10.0.0.2:2379")
    assert (config.etcd.ca_file, config.etcd.username, config.etcd.password_file) == ("/ca.pem", "u", "/p")
    assert (config.log.format, config.log.level) == ("json", "debug")
    assert build_timing(config) == derive_timing(3.5, 12.0, 5.0, outsiders_s=3600.0, alone_s=60.0)
    assert allowed_fences(config) == (FenceKind.BPF, FenceKind.LIFETIME)
    assert build_units(config) == (
        Unit("db", (VipAddress("192.0.2.11", 32, "eth1"),), 50),
        Unit(
            "web",
            (VipAddress("192.0.2.10", 24, "eth0"), VipAddress("2001:db8::10", 128, "eth0")),
            150,
            preempt=True,
            preempt_delay_s=60.0,
        ),
    )


def test_flags_alone_make_a_configuration() -> None:
    flags = Flags(
        vips=("web=192.0.2.10/24,2001:db8::1@eth0", "db=192.0.2.11@eth1"), lease="0.5", priority="7"
    )
    config = config_of(None, flags)
    assert (config.cluster, config.node, config.backend) == ("default", "host-a", "etcd")
    assert config.etcd.endpoints == ("http://127.0.0.1:2379",)
    assert allowed_fences(config) == tuple(FenceKind)
    assert build_timing(config) == derive_timing(0.5, 10.0, 10.0, outsiders_s=3600.0, alone_s=60.0)
    assert [(unit.name, unit.priority) for unit in build_units(config)] == [("db", 7), ("web", 7)]


def test_flags_override_the_file_key_by_key() -> None:
    flags = Flags(
        cluster="c2",
        node="n2",
        endpoints="https://a:1, https://b:2",
        lease_max="20",
        run_dir="/run/y",
        cert_file="/c",
        key_file="/k",
        user="v",
        vips=("web=192.0.2.99@eth9",),
    )
    config = config_of(FULL, flags)
    assert (config.cluster, config.node, config.run_dir) == ("c2", "n2", "/run/y")
    assert (config.lease.ttl_s, config.lease.max_s) == (3.5, 20.0)
    assert config.etcd.endpoints == ("https://a:1", "https://b:2")
    assert (config.etcd.ca_file, config.etcd.cert_file, config.etcd.username) == ("/ca.pem", "/c", "v")
    # Only the two keys that the flag names; priority and preempt of the file stay.
    assert config.vip["web"].addresses == ("192.0.2.99",)
    assert (config.vip["web"].interface, config.vip["web"].priority) == ("eth9", 150)


def test_a_user_flag_may_carry_the_password() -> None:
    config = config_of(ONE_VIP, Flags(user="root:a:b"))
    assert (config.etcd.username, config.etcd.password) == ("root", "a:b")


def test_the_digest_is_equal_where_nodes_agree_and_has_no_secret_in_it() -> None:
    same = FULL.replace("n1", "n9").replace("eth0", "ens3").replace("priority = 50", "priority = 60")
    assert config_digest(config_of(same)) == config_digest(config_of(FULL))
    reordered = FULL.replace('"192.0.2.10/24", "2001:DB8::10"', '"2001:db8::10", "192.0.2.10/24"')
    assert config_digest(config_of(reordered)) == config_digest(config_of(FULL))


@pytest.mark.parametrize(
    ("old", "new"), [("c1", "c2"), ("max = 12", "max = 13"), ("192.0.2.11", "192.0.2.12")]
)
def test_the_digest_differs_where_nodes_disagree(old: str, new: str) -> None:
    assert config_digest(config_of(FULL.replace(old, new))) != config_digest(config_of(FULL))


@pytest.mark.parametrize(
    ("old", "new", "settings"),
    [
        ("ttl = 3.5", "ttl = 4", ()),
        ('level = "debug"', 'level = "info"', ()),
        ("192.0.2.11", "192.0.2.12", ()),
        ("priority = 150", "priority = 1", ()),
        ('"c1"', '"c2"', ("cluster",)),
        ('"n1"', '"n2"', ("node",)),
        ("/run/x", "/run/y", ("run_dir",)),
        ("10.0.0.2", "10.0.0.3", ("etcd.endpoints",)),
        ('"u"', '"v"', ("etcd.username",)),
        ('"lifetime", ', "", ("fence.allow",)),
    ],
)
def test_what_a_reload_cannot_change_is_named(old: str, new: str, settings: tuple[str, ...]) -> None:
    assert old in FULL
    obstacles = reload_obstacles(config_of(FULL), config_of(FULL.replace(old, new)))
    assert tuple(obstacle.split(" ")[0] for obstacle in obstacles) == settings


def test_notices_say_what_a_short_lease_costs_and_where_it_is_set() -> None:
    parsed = parse_config(source(f'failsafe = "off"{ONE_VIP}[lease]\nttl = 0.5'))
    (notice,) = parsed.places.mistakes(notices(parsed.config))
    assert str(notice).startswith("x.toml:6: lease.ttl: a lease of 0.5 s does not outlive a leader change")
    assert notices(config_of(ONE_VIP)) == ()
    assert (
        notices(config_of(f"{ONE_VIP}[lease]\nttl = 0.5")) == ()
    )  # with failsafe a leader change is no outage


def test_a_fence_of_lifetime_alone_is_noticed() -> None:
    (notice,) = notices(config_of(f'{ONE_VIP}[fence]\nallow = ["lifetime"]'))
    assert notice.wrong.startswith("no packet fence")


@pytest.mark.parametrize("endpoint", ["http://192.0.2.10:2379", "192.0.2.10", "https://192.0.2.10"])
def test_a_store_behind_its_own_vip_is_noticed(endpoint: str) -> None:
    parsed = parse_config(source(f'{ONE_VIP}[etcd]\nendpoints = ["http://a:1",\n "{endpoint}"]'))
    (notice,) = parsed.places.mistakes(notices(parsed.config))
    assert str(notice) == (
        "x.toml:7: etcd.endpoints[1]: the store is reached at 192.0.2.10, which is vip.web.addresses[0]; use "
        "the members' own addresses: while nobody holds the VIP, nobody could reach the store"
    )


def test_what_this_host_lacks_is_noticed() -> None:
    config = config_of(FULL)
    complete = HostFacts(interfaces=frozenset({"eth0", "eth1"}), missing_files=frozenset())
    assert host_notices(config, complete) == ()
    lacking = HostFacts(interfaces=frozenset({"lo", "eth1"}), missing_files=frozenset({"/p"}))
    assert [(notice.path, notice.wrong) for notice in host_notices(config, lacking)] == [
        (("vip", "web", "interface"), 'this host has no interface "eth0"'),
        (("etcd", "password_file"), "this host has no readable file /p"),
    ]


def test_the_failover_time_is_told_for_each_fence() -> None:
    lines = failover_summary(config_of(ONE_VIP))
    assert [line.split(":")[0] for line in lines] == [
        "lease 2 s, renewed every 0.5 s; one attempt takes at most 0.25 s",
        "fence bpf",
        "fence nftables",
        "fence lifetime",
        "a fresh or restored store",
    ]
    assert "replaced within 2.01 s" in lines[1]


def test_a_command_that_needs_some_settings_is_not_stopped_by_others() -> None:
    text = 'cluster = "c"\n[lease]\nttl = "x"\n[etcd]\nendpoints = ["http://a:1"]\n[vips]\n'
    config = parse_settings(source(text, hostname="not a name!"), frozenset({"cluster", "etcd"}))
    assert (config.cluster, config.etcd.endpoints) == ("c", ("http://a:1",))
    with pytest.raises(ConfigError, match=r"x\.toml:1: cluster: ") as refused:
        parse_settings(source('cluster = "/"\n[lease]\nttl = "x"'), frozenset({"cluster", "etcd"}))
    assert len(refused.value.mistakes) == 1
