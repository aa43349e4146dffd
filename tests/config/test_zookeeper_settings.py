"""The table [zookeeper], and which store's table the flags mean."""

from __future__ import annotations

import pytest

from tests.config.sources import ONE_VIP, config_of, mistakes_of, source
from vipkeeper.config.flags import Flags
from vipkeeper.config.parsing import parse_config
from vipkeeper.config.rules import HostFacts, host_notices, notices

CHOSEN = f'backend = "zookeeper"\n{ONE_VIP}[zookeeper]\n'


@pytest.mark.parametrize(
    ("zookeeper", "mistakes"),
    [
        ('endpoints = ["a", "a:1", "[2001:db8::1]:2181/ha/vips"]', []),
        (
            'endpoints = ["http://a:1",\n"a b/x", ""]',
            [
                'x.toml:7: zookeeper.endpoints[0]: "http://a:1" is not the address of a ZooKeeper server; '
                "write HOST:PORT; ZooKeeper's port is usually 2181",
                'x.toml:8: zookeeper.endpoints[1]: "a b/x" has a path, which only the last endpoint may '
                "have; write it once, at the end: it holds for all of them",
                'x.toml:8: zookeeper.endpoints[2]: "" is not the address of a ZooKeeper server; '
                "write HOST:PORT; ZooKeeper's port is usually 2181",
            ],
        ),
        (
            'endpoints = ["a/x//y"]',
            [
                'x.toml:7: zookeeper.endpoints[0]: "/x//y" cannot be a path in ZooKeeper; '
                "write for example HOST:PORT/ha"
            ],
        ),
        (
            'auth = "kerberos"',
            [
                'x.toml:7: zookeeper.auth: expected one of digest, sasl, found the text "kerberos"; '
                'write for example auth = "sasl"'
            ],
        ),
        (
            'username = "u"',
            [
                "x.toml:7: zookeeper.username: username is set without a password; "
                "set zookeeper.password_file too"
            ],
        ),
        (
            'cert_file = "/c"',
            ["x.toml:7: zookeeper.cert_file: cert_file is set without key_file; set zookeeper.key_file too"],
        ),
    ],
)
def test_access_to_zookeeper(zookeeper: str, mistakes: list[str]) -> None:
    assert mistakes_of(CHOSEN + zookeeper) == mistakes


@pytest.mark.parametrize("text", [CHOSEN, ONE_VIP])
def test_flags_go_to_the_table_of_the_chosen_store(text: str) -> None:
    flags = Flags(
        backend=None if text == CHOSEN else "zookeeper",
        endpoints="a,b:1/ha",
        ca_file="/ca",
        cert_file="/c",
        key_file="/k",
        user="u:p",
    )
    config = config_of(text, flags)
    chosen = config.zookeeper
    assert chosen.endpoints == ("a", "b:1/ha")
    assert (chosen.ca_file, chosen.cert_file, chosen.key_file) == ("/ca", "/c", "/k")
    assert (chosen.username, chosen.password) == ("u", "p")
    assert config.etcd == config_of(ONE_VIP).etcd


def test_a_flag_for_a_backend_that_is_none_is_one_mistake() -> None:
    (mistake,) = mistakes_of(ONE_VIP, Flags(backend="consul", endpoints="http://a"))
    assert mistake.startswith("--backend: backend: expected one of etcd, zookeeper")


def test_a_zookeeper_open_to_everybody_is_noticed() -> None:
    parsed = parse_config(source(CHOSEN))
    (notice,) = parsed.places.mistakes(notices(parsed.config))
    assert "everybody who reaches ZooKeeper may change who owns a VIP" in str(notice)
    assert "zookeeper.username" in str(notice)
    assert notices(config_of(CHOSEN + 'username = "u"\npassword_file = "/p"')) == ()


def test_a_zookeeper_behind_its_own_vip_is_noticed() -> None:
    text = CHOSEN + 'endpoints = ["a", "192.0.2.10:2181/ha"]\nusername = "u"\npassword = "p"'
    (notice,) = notices(config_of(text))
    assert notice.path == ("zookeeper", "endpoints", 1)


def test_only_files_of_the_chosen_store_must_be_there() -> None:
    config = config_of(CHOSEN + 'ca_file = "/z"\n[etcd]\nusername = "u"\npassword_file = "/e"')
    host = HostFacts(interfaces=frozenset({"eth0"}), missing_files=frozenset({"/z", "/e"}))
    assert [notice.path for notice in host_notices(config, host)] == [("zookeeper", "ca_file")]


def test_a_zookeeper_password_is_never_repeated() -> None:
    config = config_of(CHOSEN + "password = 'xyzzy'\nusername = 'u'")
    assert "xyzzy" not in repr(config)
    (mistake,) = mistakes_of(CHOSEN + "password = 4711\nusername = 'u'")
    assert "4711" not in mistake
