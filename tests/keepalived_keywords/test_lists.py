"""Lines of lists: addresses, routes, rules, peers, names, and what is tracked."""

from __future__ import annotations

import pytest

from tests.keepalived_keywords.meaning import GUARDED, SCRIPT, first, instance, lines, meant, said
from vrrp_compat.keepalived_conf.exit_codes import like_keepalived
from vrrp_compat.keepalived_conf.statements import Severity
from vrrp_compat.keepalived_conf.understood import Value


def entries(keyword: str, line: str, before: str = GUARDED + SCRIPT) -> list[tuple[Value, ...]]:
    """What a list of one kind holds when it has this line."""
    return lines(first(meant(before + listed(keyword, line)), "vrrp_instance"), keyword)


def listed(keyword: str, line: str) -> str:
    return instance(f"{keyword} {{\n{line}\n}}")


@pytest.mark.parametrize(
    ("line", "entry", "wrong"),
    [
        ("192.0.2.7/24 dev eth1", ("192.0.2.7/24", "dev", "eth1"), None),
        ("192.0.2.7 broadcast + label eth0:1", ("192.0.2.7", "brd", "+", "label", "eth0:1"), None),
        ("192.0.2.7 scope 253 no_track", ("192.0.2.7", "scope", "253", "no_track"), None),
        ("web", None, "it is no IP address"),
        ("192.0.2.7/33", ("192.0.2.7/32",), "/33 is no prefix length; /32 counts instead"),
        ("192.0.2.7 up", ("192.0.2.7",), "'up' is no option of an address"),
        ("192.0.2.7 192.0.2.8", ("192.0.2.7",), "'192.0.2.8' is no option of an address; one address a line"),
        ("192.0.2.7 dev", None, "a word is missing behind dev"),
        ("192.0.2.7 brd all", None, "all is no address"),
        ("192.0.2.7 scope all", ("192.0.2.7",), "all is no scope"),
        ("192.0.2.7 peer 192.0.2.8/24", ("192.0.2.7",), "192.0.2.8/24 is no address of a peer"),
        ("192.0.2.7 preferred_lft soon", ("192.0.2.7",), "soon is no time"),
        ("2001:db8::1 label eth0:1", ("2001:db8::1",), "IPv6 addresses have no label"),
        ("2001:db8::1 brd 192.0.2.1", None, "IPv6 has no broadcast"),
    ],
)
def test_addresses(line: str, entry: tuple[Value, ...] | None, wrong: str | None) -> None:
    assert entries("virtual_ipaddress_excluded", line) == ([entry] if entry is not None else [])
    remarks = said(listed("virtual_ipaddress_excluded", line))
    assert len(remarks) == (wrong is not None)
    assert all(wrong in remark for remark in remarks if wrong is not None)


def test_an_instance_advertises_one_family() -> None:
    text = instance("virtual_ipaddress {\n2001:db8::1\n}")
    assert lines(first(meant(text), "vrrp_instance"), "virtual_ipaddress") == [("192.0.2.1",)]
    assert "virtual_ipaddress_excluded, or to an instance of its own" in said(text)[0]


@pytest.mark.parametrize(
    ("line", "entry", "wrong"),
    [
        (
            "198.51.100.0/24 via 192.0.2.9 dev eth0",
            ("198.51.100.0/24", "via", "192.0.2.9", "dev", "eth0"),
            None,
        ),
        (
            "default gw 192.0.2.9 dev eth0",
            ("default", "via", "192.0.2.9", "dev", "eth0"),
            "gw is out of date",
        ),
        ("default via 192.0.2.9", ("default", "via", "192.0.2.9"), "because it names no interface"),
        ("default dev eth0 up", None, "'up' is no word of a route"),
        ("web dev eth0", None, "'web' is no word of a route"),
        ("default via web dev eth0", None, "web is no address"),
        ("default dev eth0 metric low", None, "low is no number"),
        ("default dev", None, "a word is missing behind dev"),
    ],
)
def test_routes(line: str, entry: tuple[Value, ...] | None, wrong: str | None) -> None:
    assert entries("virtual_routes", line) == ([entry] if entry is not None else [])
    remarks = said(listed("virtual_routes", line))
    assert len(remarks) == (wrong is not None)
    assert all(wrong in remark for remark in remarks if wrong is not None)


@pytest.mark.parametrize(
    ("line", "kept", "wrong"),
    [
        ("from 192.0.2.1 table 5 preference 9", True, None),
        ("from 192.0.2.1 lookup 5 priority 9", True, None),
        ("from 192.0.2.1 table 5", True, "it has no preference"),
        ("from 192.0.2.1", False, "it does nothing"),
        ("from web table 5", False, "web is no address"),
        ("from 192.0.2.1 table 5 up", False, "'up' is no word of a rule"),
    ],
)
def test_rules(line: str, kept: bool, wrong: str | None) -> None:
    assert entries("virtual_rules", line) == ([tuple(line.split())] if kept else [])
    remarks = said(listed("virtual_rules", line))
    assert len(remarks) == (wrong is not None)
    assert all(wrong in remark for remark in remarks if wrong is not None)


@pytest.mark.parametrize(
    ("line", "entry", "wrong"),
    [
        ("chk", ("chk",), None),
        ("chk weight -20", ("chk", -20), None),
        ("chk weight 20 reverse", ("chk", 20, True), None),
        ("chk weight 20 noreverse", ("chk", 20, False), None),
        ("chk weight 254", ("chk", 253), "254 is one too many; 253 counts"),
        ("chk weight 300", ("chk",), "300 is not between -254 and 254; the weight of its definition counts"),
        ("chk weight", None, "the number behind weight is missing, so it is not tracked"),
        ("chk -20", None, "'-20' is no option here, so it is not tracked; write weight N"),
        ("chk weight 5 back", None, "'back' is no option of a weight, so it is not tracked"),
        ("chkk", None, "there is no vrrp_script of that name; write chk, if that is meant"),
        ("web", None, "there is no vrrp_script of that name; define it above: vrrp_script web { ... }"),
    ],
)
def test_tracked_scripts(line: str, entry: tuple[Value, ...] | None, wrong: str | None) -> None:
    assert entries("track_script", line) == ([entry] if entry is not None else [])
    remarks = said(GUARDED + SCRIPT + listed("track_script", line))
    assert len(remarks) == (wrong is not None)
    assert all(wrong in remark for remark in remarks if wrong is not None)


def test_a_script_that_is_defined_too_late_is_not_tracked() -> None:
    text = GUARDED + listed("track_script", "chk") + SCRIPT
    assert lines(first(meant(text), "vrrp_instance"), "track_script") == []
    (remark,) = said(text)
    assert "its vrrp_script stands only further down (/etc/keepalived/keepalived.conf:15:1)" in remark
    assert "move that vrrp_script above the block that tracks it" in remark
    assert like_keepalived(meant(text)) == 5


def test_a_script_without_a_program_is_not_tracked_either() -> None:
    text = GUARDED + "vrrp_script chk {\ninterval 2\n}\n" + listed("track_script", "chk")
    left_out, untracked = said(text)
    assert left_out.startswith("5: vrrp_script: it is left out, because its script is missing")
    assert untracked.startswith("15: chk: it is not tracked, because its vrrp_script is left out")


def test_what_is_tracked_twice_and_the_own_interface() -> None:
    text = listed("track_interface", "eth1\neth1\neth0")
    assert lines(first(meant(text), "vrrp_instance"), "track_interface") == [("eth1",)]
    twice, own = said(text)
    assert "it is tracked already" in twice
    assert "the instance watches its own interface anyway" in own


def test_peers() -> None:
    found = entries("unicast_peer", "192.0.2.8\n192.0.2.9/24 min_ttl 250 max_ttl 255")
    assert found == [("192.0.2.8",), ("192.0.2.9", "min_ttl", 250, "max_ttl", 255)]
    assert "it is no IP address" in said(listed("unicast_peer", "lb02\n192.0.2.8"))[0]
    assert "the instance is one of IPv4" in said(listed("unicast_peer", "2001:db8::2\n192.0.2.8"))[0]
    assert "no packet can be" in said(listed("unicast_peer", "192.0.2.8 min_ttl 9 max_ttl 8"))[0]


def test_names_on_one_line_are_entries_of_their_own() -> None:
    text = instance("", "A") + instance("", "B", _OTHER) + "vrrp_sync_group VG {\ngroup {\nA B\n}\n}\n"
    assert lines(first(meant(text), "vrrp_sync_group"), "group") == [("A",), ("B",)]
    assert said(text) == []


_OTHER = "interface eth0\nvirtual_router_id 52\nvirtual_ipaddress {\n192.0.2.2\n}\n"


def test_an_entry_that_is_there_twice_is_told() -> None:
    (remark,) = said(listed("unicast_peer", "192.0.2.8\n192.0.2.8"), Severity.WARNING)
    assert "it is in this list already" in remark
