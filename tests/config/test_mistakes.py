"""Each mistake is reported with its line, its key, what is wrong and what to write; all of them at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.config.sources import ONE_VIP, config_of, mistakes_of
from tests.config.written_toml import Writer, documents
from vipkeeper.config.flags import Flags
from vipkeeper.config.mistakes import Finding, told_once

MANY_MISTAKES = """\
node = "a/b"
prio = 3
[lease]
ttl = "4s"
[fence]
allow = ["bfp"]
[log]
format = "jsn"
[vip.web]
addresses = ["192.0.2.10", "192.0.2.0/24",
  "fe80::1%eth0"]
interface = "eth0"
node = "x"
[vip."a b"]
addresses = [3, "192.0.2.10/24"]
interface = "eth0"
[vip.three]
addresses = []
"""

ALL_OF_THEM = """\
x.toml:1: node: "a/b" cannot be used as a name; use letters, digits, dots, dashes and underscores
x.toml:2: prio: unknown key; did you mean priority?
x.toml:4: lease.ttl: expected a number of seconds above 0 up to 3600, found the text "4s"; write for example \
ttl = 2.0
x.toml:6: fence.allow[0]: expected one of bpf, nftables, lifetime, found the text "bfp"; did you mean "bpf"?
x.toml:8: log.format: expected one of text, json, found the text "jsn"; did you mean "json"?
x.toml:10: vip.web.addresses[1]: 192.0.2.0/24 is the address of the network 192.0.2.0/24 itself; use an \
address inside the network
x.toml:11: vip.web.addresses[2]: "fe80::1%eth0" has a zone; leave out %... and set `interface`
x.toml:13: vip.web.node: unknown key; node belongs at the top of the file, before the first [table]
x.toml:14: vip."a b": "a b" cannot be used as a name; use letters, digits, dots, dashes and underscores
x.toml:15: vip."a b".addresses[0]: expected text in quotes, found the number 3
x.toml:15: vip."a b".addresses[1]: 192.0.2.10 is also vip.web.addresses[0]; an address has one owner, so \
keep it in one place
x.toml:17: vip.three.interface: is missing; add for example interface = "eth0"
x.toml:18: vip.three.addresses: expected a list with at least one entry, each text in quotes, found an empty \
list; write for example addresses = ["192.0.2.10", "2001:db8::10"]
"""


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file() -> None:
    assert mistakes_of(MANY_MISTAKES) == ALL_OF_THEM.splitlines()


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (
            'node = "a"\nnode = "b"\n',
            "x.toml:2: not valid TOML at column 11: Cannot overwrite a value",
        ),
        ("[lease\n", "x.toml:1: not valid TOML at column 7: Expected ']' at the end of a table declaration"),
        ('\n\nnode = """', "x.toml:3: not valid TOML: Unterminated string at the end of the file"),
        (
            "cluster = " + "[" * 5000,
            "x.toml: the lists or tables are nested too deeply; two levels are enough",
        ),
        ("lease = 3" + ONE_VIP, "x.toml:1: lease: expected a table, found the number 3; write [lease]"),
        ("vip = {}", "x.toml: vip: no VIP is configured; add a table [vip.NAME], or --vip NAME=ADDR@IFACE"),
        ("vip = [1]", "x.toml:1: vip: expected named tables, found a list; write [vip.NAME]"),
        ("vip.web = 1", "x.toml:1: vip.web: expected a table, found the number 1; write [vip.web]"),
        ("", "x.toml: vip: no VIP is configured; add a table [vip.NAME], or --vip NAME=ADDR@IFACE"),
        (
            ONE_VIP + "[lease]\nttl = nan",
            "x.toml:6: lease.ttl: expected a number of seconds above 0 up to 3600, found the number nan; "
            "write for example ttl = 2.0",
        ),
        (
            "priority = true" + ONE_VIP,
            "x.toml:1: priority: expected a whole number from 1 up to 65535, found true; "
            "write for example priority = 100",
        ),
        (
            "node = 1979-05-27" + ONE_VIP,
            "x.toml:1: node: expected text in quotes that is not empty, found the date 1979-05-27; "
            'write for example node = "node-a"',
        ),
        (
            ONE_VIP + "preempt = 1",
            "x.toml:5: vip.web.preempt: expected true or false, found the number 1; "
            "write for example preempt = true",
        ),
        (
            'backend = "zookeper"' + ONE_VIP,
            'x.toml:1: backend: expected one of etcd, zookeeper, vrrp, found the text "zookeper"; '
            'did you mean "zookeeper"?',
        ),
        (
            ONE_VIP + "[lease]\nttl = 20",
            "x.toml:6: lease.ttl: the longest lease (10 s) is shorter than the lease (20 s): a node that "
            "finds no record would claim while an owner may still serve",
        ),
        (
            ONE_VIP + "[lease]\nttl = 0.1",
            "x.toml:6: lease.ttl: a lease of 0.1 s is outside 0.2 s to 3600 s",
        ),
        (
            "ttl = 3" + ONE_VIP,
            "x.toml:1: ttl: unknown key; did you mean lease.ttl?",
        ),
        (
            ONE_VIP + "[log]\nwhatever = 3",
            "x.toml:6: log.whatever: unknown key; known here: format, level",
        ),
        (
            'run_dir = "run"' + ONE_VIP,
            'x.toml:1: run_dir: "run" is not an absolute path; write for example /run/vipkeeper',
        ),
        (
            f'node = "{"n" * 65}"' + ONE_VIP,
            "x.toml:1: node: a name of 65 characters is too long; use at most 64",
        ),
        (
            'cluster = ".."' + ONE_VIP,
            'x.toml:1: cluster: ".." cannot be used as a name; use letters, digits, dots, dashes and '
            "underscores",
        ),
    ],
)
def test_one_mistake(text: str, mistake: str) -> None:
    assert mistakes_of(text) == [mistake]


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        ("192.0.2", '"192.0.2" is not an IP address'),
        ("192.0.2.10/33", '"192.0.2.10/33" is not an IP address'),
        ("192.0.2.010", '"192.0.2.010" is not an IP address'),
        ("", '"" is not an IP address'),
        ("192.0.2.255/24", "192.0.2.255/24 is the broadcast address of 192.0.2.0/24"),
        ("::", ":: is a placeholder address, which no node can hold for others"),
        ("224.0.0.18", "224.0.0.18 is a multicast address, which no node can hold for others"),
        ("127.0.0.1", "127.0.0.1 is a loopback address, which no node can hold for others"),
        ("::1", "::1 is a loopback address, which no node can hold for others"),
        ("ff02::1", "ff02::1 is a multicast address, which no node can hold for others"),
        ("::ffff:192.0.2.1", '"::ffff:192.0.2.1" is an IPv4 address in IPv6 form'),
    ],
)
def test_addresses_that_no_node_could_hold(address: str, wrong: str) -> None:
    (mistake,) = mistakes_of(f'[vip.web]\ninterface = "eth0"\naddresses = ["{address}"]')
    assert mistake.startswith(f"x.toml:3: vip.web.addresses[0]: {wrong}; ")


@pytest.mark.parametrize(
    "address",
    ["192.0.2.10", "192.0.2.10/32", "192.0.2.0/31", "192.0.2.1/24", "2001:db8::/64", "fe80::1", "fd00::1/64"],
)
def test_addresses_that_a_node_can_hold(address: str) -> None:
    assert mistakes_of(f'[vip.web]\ninterface = "eth0"\naddresses = ["{address}"]') == []


def test_a_vip_has_no_more_addresses_than_one_transaction_takes() -> None:
    addresses = ", ".join(f'"192.0.2.{host}"' for host in range(1, 42))
    text = f'[vip.web]\naddresses = [{addresses}]\ninterface = "eth0"\n'
    assert mistakes_of(text) == [
        "x.toml:2: vip.web.addresses: 41 addresses are more than change hands in one transaction; "
        "write at most 40, and the others under another VIP name"
    ]


def test_one_address_in_two_spellings_is_one_address() -> None:
    (mistake,) = mistakes_of(
        '[vip.a]\ninterface = "eth0"\naddresses = ["2001:db8:0::10/64"]\n'
        '[vip.b]\ninterface = "eth1"\naddresses = ["2001:DB8::0010"]\n'
    )
    assert mistake.startswith("x.toml:6: vip.b.addresses[0]: 2001:db8::10 is also vip.a.addresses[0]; ")


@pytest.mark.parametrize("interface", ["eth0/1", "a b", "..", "sixteen-letters-"])
def test_names_that_no_interface_can_have(interface: str) -> None:
    (mistake,) = mistakes_of(f'[vip.web]\naddresses = ["192.0.2.10"]\ninterface = "{interface}"')
    assert mistake.startswith(
        f'x.toml:3: vip.web.interface: "{interface}" cannot be the name of an interface; '
    )


@pytest.mark.parametrize(
    ("etcd", "mistakes"),
    [
        (
            'endpoints = ["ftp://a:1"]',
            [
                'x.toml:6: etcd.endpoints[0]: "ftp://a:1" is not the address of an etcd member; '
                "write http://HOST:PORT or https://HOST:PORT; etcd's port is usually 2379"
            ],
        ),
        (
            'endpoints = ["http://a:2379",\n"http://b:2379/v3"]',
            [
                'x.toml:7: etcd.endpoints[1]: "http://b:2379/v3" has more than a host and a port; '
                "write http://HOST:PORT alone"
            ],
        ),
        (
            'endpoints = ["http://a:2379"]\nca_file = "/ca.pem"',
            [
                "x.toml:6: etcd.endpoints[0]: http://a:2379 would not be encrypted, but etcd.ca_file is set; "
                "write https://, or leave out the certificate files"
            ],
        ),
        (
            'endpoints = ["https://a"]\ncert_file = "/c.pem"',
            ["x.toml:7: etcd.cert_file: cert_file is set without key_file; set etcd.key_file too"],
        ),
        (
            'password = "x"',
            ["x.toml:6: etcd.password: password is set without username; set etcd.username too"],
        ),
        (
            'username = "u"\npassword = "x"\npassword_file = "/p"',
            ["x.toml:7: etcd.password: password and password_file are both set; keep one of them"],
        ),
        (
            'username = "u"',
            ["x.toml:6: etcd.username: username is set without a password; set etcd.password_file too"],
        ),
        (
            'username = 3\npassword = "x"',
            [
                "x.toml:6: etcd.username: expected text in quotes that is not empty, found the number 3; "
                'write for example username = "vipkeeper"'
            ],
        ),
        ('endpoints = ["a", "a:1", "[2001:db8::1]:2379", "https://a"]', []),
        ('endpoints = ["a"]\nca_file = "/ca.pem"', []),
    ],
)
def test_access_to_etcd(etcd: str, mistakes: list[str]) -> None:
    assert mistakes_of(f"{ONE_VIP}[etcd]\n{etcd}") == mistakes


def test_a_password_is_never_repeated() -> None:
    (mistake,) = mistakes_of(f"{ONE_VIP}[etcd]\npassword = 4711\nusername = 'u'")
    assert "4711" not in mistake
    config = config_of(f"{ONE_VIP}[etcd]\npassword = 'xyzzy'\nusername = 'u'")
    assert "xyzzy" not in repr(config)
    assert config.etcd.password == "".join(("xy", "zzy"))


def test_flags_are_named_where_a_flag_is_wrong() -> None:
    flags = Flags(
        vips=("web=192.0.2.10,x@eth0", "oops", "web=192.0.2.11@eth0"),
        lease="abc",
        priority="0",
        log_format="jason",
        endpoints="http://a,ftp://b",
        user="root",
    )
    assert mistakes_of("", flags) == [
        '--vip: "oops" is not of the form NAME=ADDR[/LEN][,ADDR...]@IFACE; for example web=192.0.2.10@eth0',
        '--vip: "web" is given twice; name its addresses once, separated by commas',
        "--priority: priority: expected a whole number from 1 up to 65535, found the number 0; write for "
        "example priority = 100",
        '--lease: lease.ttl: expected a number of seconds above 0 up to 3600, found the text "abc"; write '
        "for example ttl = 2.0",
        '--log-format: log.format: expected one of text, json, found the text "jason"; did you mean "json"?',
        '--vip web: vip.web.addresses[1]: "x" is not an IP address; write ADDR or ADDR/LEN, for example '
        "192.0.2.10 or 2001:db8::10/64",
        '--endpoints: etcd.endpoints[1]: "ftp://b" is not the address of an etcd member; write '
        "http://HOST:PORT or https://HOST:PORT; etcd's port is usually 2379",
        "--user: etcd.username: username is set without a password; set etcd.password_file too",
    ]


def test_a_flag_takes_the_blame_from_the_line_that_it_overrides() -> None:
    (mistake,) = mistakes_of(f'{ONE_VIP}[etcd]\nendpoints = ["http://a"]', Flags(endpoints="x://y"))
    assert mistake.startswith("--endpoints: etcd.endpoints[0]: ")


def test_a_log_names_the_first_of_those_that_say_the_same() -> None:
    a, b, c = (Finding(("vip", name), "is odd", "mend it") for name in "abc")
    other = Finding(("vip", "b"), "is odd")
    nowhere = Finding((), "something is odd")
    assert list(told_once([a, b, other, nowhere, c])) == [
        "vip.a and 2 more: is odd; mend it",
        "vip.b: is odd",
        "something is odd",
    ]


@given(documents())
def test_any_document_is_answered_with_mistakes_and_never_with_a_crash(document: Writer) -> None:
    mistakes = mistakes_of(document.text)
    assert mistakes, "no document of this kind configures a VIP"
    assert all(mistake.startswith("x.toml") for mistake in mistakes)


@given(st.text(max_size=80))
def test_any_text_is_answered_with_mistakes_and_never_with_a_crash(text: str) -> None:
    assert mistakes_of(text)
