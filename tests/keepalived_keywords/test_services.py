"""What keepalived makes of virtual servers whose lines are missing, or do not fit together."""

from __future__ import annotations

import pytest

from tests.keepalived_keywords.meaning import first, meant, said
from vrrp_compat.keepalived_conf.exit_codes import like_keepalived
from vrrp_compat.keepalived_conf.statements import Severity
from vrrp_compat.keepalived_conf.understood import Block, Value

USUAL = "protocol TCP\nlvs_sched rr\nlvs_method NAT\n"
SERVER = "real_server 10.0.0.1 80 {\n}\n"


def service(lines: str = USUAL + SERVER, which: str = "192.0.2.1 80") -> str:
    return f"virtual_server {which} {{\n{lines}}}\n"


def group(lines: str) -> str:
    return f"virtual_server_group web {{\n{lines}}}\n"


def served(text: str) -> list[Block]:
    return [block for block in meant(text).blocks if block.keyword == "virtual_server"]


def value(text: str, keyword: str) -> tuple[Value, ...] | None:
    found = first(meant(text), "virtual_server").find(keyword)
    return found.values if found is not None else None


def test_an_ordinary_one_is_not_spoken_of() -> None:
    assert said(service()) == []
    assert like_keepalived(meant(service())) == 0


@pytest.mark.parametrize(
    ("text", "keyword", "values", "wrong"),
    [
        (service(USUAL.replace("protocol TCP\n", "") + SERVER), "protocol", ("UDP",), "it has no protocol"),
        (service(USUAL.replace("rr", "rrr") + SERVER), "lvs_sched", ("wlc",), "it has no lvs_sched"),
        (service(USUAL.replace("NAT", "dr") + SERVER), "lvs_method", ("NAT",), "it has no lvs_method"),
        (service(USUAL + SERVER, "192.0.2.1"), "persistence_timeout", (360,), "without a port"),
        (service(USUAL + SERVER, "192.0.2.1 0"), "persistence_timeout", (360,), "without a port"),
        (service(USUAL + "ops\n" + SERVER), "ops", None, "it is for UDP alone"),
        (service(USUAL + "quorum 0\n" + SERVER), "quorum", (1,), "0 is not between 1 and"),
        (service(USUAL + "quorum 2\n" + SERVER), "quorum", (1,), "more than all weights together, 1"),
        (service(USUAL + "hysteresis 1\n" + SERVER), "hysteresis", (0,), "not below the quorum"),
        (service(USUAL + "sh-port\n" + SERVER), "sh-port", None, "no lvs_sched sh is above it"),
        (service(USUAL + "ip_family inet6\n" + SERVER), "ip_family", None, "one of IPv4"),
        (
            service(USUAL + "persistence_granularity 24x\n" + SERVER),
            "persistence_timeout",
            None,
            "is not a mask",
        ),
        (
            service(USUAL + "persistence_timeout 0\n" + SERVER),
            "persistence_timeout",
            None,
            "0 is not between",
        ),
        (service(USUAL + "sorry_server_inhibit\n" + SERVER), "sorry_server_inhibit", None, "no sorry_server"),
        (service(USUAL + "sorry_server 2001:db8::1\n" + SERVER), "sorry_server", None, "one of IPv4"),
        (
            service("protocol TCP\nlvs_sched rr\nlvs_method NAT\n" + SERVER, "fwmark 3"),
            "protocol",
            None,
            "no protocol",
        ),
        (
            service("lvs_sched rr\nlvs_method NAT\nha_suspend\n" + SERVER, "fwmark 3"),
            "ha_suspend",
            None,
            "no address",
        ),
    ],
)
def test_what_keepalived_changes(
    text: str, keyword: str, values: tuple[Value, ...] | None, wrong: str
) -> None:
    assert any(wrong in remark for remark in said(text)), said(text)
    assert value(text, keyword) == values
    assert like_keepalived(meant(text)) == 5


def test_a_mask_makes_it_persistent() -> None:
    text = service(USUAL + "persistence_granularity 255.255.255.0\n" + SERVER)
    assert value(text, "persistence_timeout") == (360,)
    assert said(text) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (service(USUAL), "it has no real_server"),
        (service(which="lb01 80"), "is no IP address"),
        (service(which="192.0.2.1 70000"), "'70000' is no port"),
        (service(which="fwmark 0"), "'0' is no firewall mark"),
        (service(USUAL + SERVER.replace("10.0.0.1", "2001:db8::1")), "the virtual server is one of IPv4"),
    ],
)
def test_a_virtual_server_that_is_left_out(text: str, wrong: str) -> None:
    assert any(wrong in remark for remark in said(text)), said(text)
    assert served(text) == []
    assert like_keepalived(meant(text)) == 5


def test_an_address_with_an_interface_counts_for_nothing() -> None:
    text = service(USUAL + SERVER + "real_server fe80::1%eth0 80 {\n}\n")
    (remark,) = said(text)
    assert "'fe80::1%eth0' names an interface" in remark
    assert [server.values for server in first(meant(text), "virtual_server").blocks] == [("10.0.0.1", 80)]


def test_a_word_that_is_missing_ends_keepalived() -> None:
    assert like_keepalived(meant(service(which="fwmark"))) == 2


def test_extra_words_are_told() -> None:
    text = service(which="192.0.2.1 80 tcp")
    assert "'tcp' behind it counts for nothing" in said(text, Severity.WARNING)[0]


def test_a_group_that_is_not_there_is_told_in_the_log_alone() -> None:
    text = service(which="group web")
    assert served(text) == []
    assert "there is no virtual_server_group web" in said(text, Severity.WARNING)[0]
    assert like_keepalived(meant(text)) == 0


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        ("192.0.2.80 80", ("192.0.2.80", "192.0.2.80", 80)),
        ("192.0.2.80", ("192.0.2.80", "192.0.2.80", 0)),
        ("192.0.2.80-85 80", ("192.0.2.80", "192.0.2.85", 80)),
        ("192.0.2.80-+85 80", ("192.0.2.80", "192.0.2.85", 80)),
        ("192.0.2.250-192.0.3.5 80", ("192.0.2.250", "192.0.3.5", 80)),
        ("192.0.2.8/29 80", ("192.0.2.8", "192.0.2.15", 80)),
        ("2001:db8::1-ff 80", ("2001:db8::1", "2001:db8::ff", 80)),
        ("2001:db8::10/124", ("2001:db8::10", "2001:db8::1f", 0)),
        ("fwmark 3", ("fwmark", 3)),
        ("fwmark 3 inet6", ("fwmark", 3, "inet6")),
    ],
)
def test_entries_of_groups(line: str, entry: tuple[Value, ...]) -> None:
    (found,) = first(meant(group(f"{line}\n")), "virtual_server_group").settings
    assert (found.keyword, *found.values) == entry
    assert said(group(f"{line}\n")) == []


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("lb01 80", "'lb01' is no IP address"),
        ("192.0.2.80 http", "'http' is no port"),
        ("192.0.2.85-80 80", "80 does not come behind 192.0.2.85"),
        ("192.0.2.85-300 80", "300 does not come behind"),
        ("192.0.2.80-8_5 80", "'8_5' is no end of a range"),
        ("2001:db8::1-fg 80", "'fg' is no end of a range"),
        ("fe80::1%eth0 80", "'fe80::1%eth0' names an interface"),
        ("192.0.2.85-192.0.2.8 80", "does not come behind"),
        ("192.0.2.9/29 80", "192.0.2.8/29 is the network"),
        ("192.0.2.8/33 80", "no prefix length between 1 and 32"),
        ("fwmark x", "a firewall mark is a number"),
        ("fwmark 3 ipv4", "'ipv4' is neither inet nor inet6"),
    ],
)
def test_entries_that_are_left_out(line: str, wrong: str) -> None:
    text = group(f"{line}\n192.0.2.70 80\n")
    (remark,) = said(text)
    assert wrong in remark
    assert len(first(meant(text), "virtual_server_group").settings) == 1


def test_a_group_of_both_families_needs_marks_that_say_theirs() -> None:
    both = "192.0.2.1 80\n2001:db8::1 80\n"
    assert "each fwmark has to say which it is" in said(group(f"{both}fwmark 3\n"))[0]
    assert said(group(f"{both}fwmark 3 inet\n")) == []


def real_servers(text: str) -> list[tuple[Value, ...]]:
    return [block.values for block in first(meant(text), "virtual_server").inner("real_server")]


def test_a_real_server_is_there_once() -> None:
    text = service(USUAL + SERVER + SERVER)
    assert real_servers(text) == [("10.0.0.1", 80)]
    assert "10.0.0.1 is there already" in said(text)[0]


@pytest.mark.parametrize(
    ("method", "port", "table", "checked"),
    [
        ("NAT", "8080", ("10.0.0.1", 8080), None),
        ("DR", "8080", ("10.0.0.1",), (8080,)),
        ("TUN", "8080", ("10.0.0.1",), (8080,)),
        ("DR", "80", ("10.0.0.1", 80), None),
        ("DR", "0", ("10.0.0.1", 0), None),
    ],
)
def test_without_nat_the_port_is_the_virtual_one(
    method: str, port: str, table: tuple[Value, ...], checked: tuple[Value, ...] | None
) -> None:
    """What is written is the port that checks go to."""
    lines = USUAL.replace("NAT", method) + f"real_server 10.0.0.1 {port} {{\nTCP_CHECK {{\n}}\n}}\n"
    (server,) = first(meant(service(lines)), "virtual_server").inner("real_server")
    assert server.values == table
    found = server.blocks[0].find("connect_port")
    assert (found.values if found is not None else None) == checked
    assert bool(said(service(lines))) == (checked is not None)


@pytest.mark.parametrize(
    ("words", "values", "wrong"),
    [
        ("NAT", ("NAT",), ""),
        ("TUN", ("TUN", "ipip", 0, "nocsum"), ""),
        ("TUN type gue port 5555 csum", ("TUN", "gue", 5555, "csum"), ""),
        ("TUN type gre csum", ("TUN", "gre", 0, "csum"), ""),
        ("TUN type gue", ("TUN", "ipip", 0, "nocsum"), "a tunnel of type gue has a port"),
        ("TUN csum", ("TUN", "ipip", 0, "nocsum"), "a tunnel of type ipip has no csum"),
        ("TUN type gre remcsum", ("TUN", "ipip", 0, "nocsum"), "a tunnel of type gre has no remcsum"),
        ("DR up", ("DR",), "'up' is no option"),
    ],
)
def test_methods(words: str, values: tuple[Value, ...], wrong: str) -> None:
    text = service(USUAL.replace("NAT", words) + SERVER)
    assert value(text, "lvs_method") == values
    assert [wrong in remark for remark in said(text)] == ([True] if wrong else [])


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        ("HTTP_GET {\n}\n", "no url is in it"),
        ("HTTP_GET {\nurl {\nstatus_code 200\n}\n}\n", "its path is missing"),
        ("MISC_CHECK {\n}\n", "its misc_path is missing"),
        ("FILE_CHECK {\n}\n", "its track_file is missing"),
        ("FILE_CHECK {\ntrack_file other\n}\n", "there is no track_file other above it"),
        ("TCP_CHECK {\nconnect_ip fe80::1\n}\n", "say which: bind_if INTERFACE"),
    ],
)
def test_checks_that_are_left_out(check: str, wrong: str) -> None:
    text = service(USUAL + SERVER.replace("}", f"{check}}}"))
    assert any(wrong in remark for remark in said(text)), said(text)
    assert first(meant(text), "virtual_server").inner("real_server")[0].blocks == ()


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("status_code 200 900 301-304 4x", ("200", "301-304")),
        ("digest 9B3A0C85A887A256D6939DA88AABD8CD", ("9b3a0c85a887a256d6939da88aabd8cd",)),
        ("digest 9b3a", None),
        ('regex "a b"', ("a b",)),
    ],
)
def test_what_is_said_of_a_page(line: str, kept: tuple[Value, ...] | None) -> None:
    text = service(USUAL + SERVER.replace("}", f"HTTP_GET {{\nurl {{\npath /\n{line}\n}}\n}}\n}}"))
    page = first(meant(text), "virtual_server").inner("real_server")[0].blocks[0].blocks[0]
    found = page.find(line.partition(" ")[0])
    assert (found.values if found is not None else None) == kept


def test_nb_get_retry_is_a_word_of_pages_alone() -> None:
    text = service(USUAL + SERVER.replace("}", "TCP_CHECK {\nnb_get_retry 3\n}\n}"))
    assert "TCP_CHECK does not know this word" in said(text)[0]


@pytest.mark.parametrize(
    ("line", "values", "wrong"),
    [
        ("lvs_sync_daemon eth0", ("interface", "eth0"), None),
        ("lvs_sync_daemon eth0 VI_1", ("interface", "eth0", "inst", "VI_1"), None),
        ("lvs_sync_daemon eth0 VI_1 7", ("interface", "eth0", "inst", "VI_1", "id", 7), "out of date"),
        (
            "lvs_sync_daemon eth0 inst VI_1 maxlen 900 port 8849 ttl 3 group 224.0.0.90",
            (
                "interface",
                "eth0",
                "inst",
                "VI_1",
                "maxlen",
                900,
                "port",
                8849,
                "ttl",
                3,
                "group",
                "224.0.0.90",
            ),
            None,
        ),
        ("lvs_sync_daemon eth0 VI_1 ttl 0", ("interface", "eth0", "inst", "VI_1"), "'0'"),
        ("lvs_sync_daemon eth0 VI_1 group 192.0.2.1", ("interface", "eth0", "inst", "VI_1"), "no multicast"),
        ("lvs_timeouts tcp 900 udp 30", ("tcp", 900, "udp", 30), None),
        ("lvs_timeouts tcp 900 icmp 3", ("tcp", 900), "no option"),
        ("lvs_timeouts tcp", None, "no time is behind it"),
    ],
)
def test_words_about_the_whole_host(line: str, values: tuple[Value, ...] | None, wrong: str | None) -> None:
    text = f"global_defs {{\n{line}\n}}\n"
    found = first(meant(text), "global_defs").find(line.partition(" ")[0])
    assert (found.values if found is not None else None) == values
    assert bool(said(text)) == (wrong is not None)
