"""What keepalived says when it has read everything: instances, strict mode, groups, weights, scripts."""

from __future__ import annotations

import pytest

from tests.keepalived_keywords.meaning import (
    GUARDED,
    NEEDED,
    SCRIPT,
    first,
    instance,
    lines,
    meant,
    said,
    setting,
)
from vrrp_compat.keepalived_conf.exit_codes import like_keepalived

STRICT = "global_defs {\nvrrp_strict\n}\n"
AUTH = "authentication {\nauth_type PASS\nauth_pass 1111\n}"
_OTHER = NEEDED.replace("51", "52").replace("192.0.2.1", "192.0.2.2")


@pytest.mark.parametrize(
    ("needed", "wrong"),
    [
        (NEEDED.replace("virtual_router_id 51\n", ""), "virtual_router_id is missing"),
        (NEEDED.replace("interface eth0\n", ""), "interface is missing"),
        (NEEDED.replace("eth0", "lo"), "VRRP can't be spoken on a loopback interface"),
    ],
)
def test_what_an_instance_cannot_be_without(needed: str, wrong: str) -> None:
    (remark,) = said(instance("", needed=needed))
    assert f"{wrong}: keepalived does not start" in remark
    assert like_keepalived(meant(instance("", needed=needed))) == 5


@pytest.mark.parametrize(
    ("text", "keyword", "wrong"),
    [
        (instance("state MASTER\npriority 100\nnopreempt"), "nopreempt", "no effect with state MASTER"),
        (instance("priority 255\nnopreempt"), "nopreempt", "priority 255 always takes its addresses"),
        (instance("state MASTER\npreempt_delay 5"), "preempt_delay", "no effect with state MASTER"),
        (instance("nopreempt\npreempt_delay 5"), "preempt_delay", "nothing is delayed with nopreempt"),
        (STRICT + instance("preempt_delay 5"), "preempt_delay", "strict mode has no delay"),
        (instance("unicast_ttl 0"), "unicast_ttl", "no effect without unicast_peer"),
        (instance("vmac_xmit_base"), "vmac_xmit_base", "no effect without use_vmac"),
        (instance("use_vmac\npromote_secondaries"), "promote_secondaries", "with use_vmac it is always so"),
        (STRICT + instance("accept"), "accept", "strict mode with version 2"),
        (STRICT + instance("down_timer_adverts 4"), "down_timer_adverts", "waits for 3 advertisements"),
        (STRICT + instance("lower_prio_no_advert off"), "lower_prio_no_advert", "leaves lower priorities"),
        (instance("version 3\nversion 2"), None, "another version is said above"),
        (instance("state MASTER\nstate BACKUP"), None, "MASTER is said above"),
        (instance("native_ipv6"), "native_ipv6", "the instance has IPv4 addresses"),
        (instance("mcast_src_ip 2001:db8::1"), "mcast_src_ip", "the instance is one of IPv4"),
        (STRICT + instance("state MASTER\npriority 100"), None, "only a router with priority 255 begins"),
        (instance("advert_int 1.5"), None, "version 2 knows whole seconds alone"),
        (instance("version 3\nadvert_int 0.505"), None, "version 3 has steps of 0.01 s"),
        (instance("version 3\nadvert_int 50"), None, "version 3 has at most 40.95 s"),
        (instance("unicast_src_ip 192.0.2.9"), None, "without unicast_peer everything is multicast"),
        (instance("unicast_peer {\n}"), None, "without unicast_peer everything is multicast"),
        (instance("", needed="interface eth0\nvirtual_router_id 5\n"), None, "it has no virtual_ipaddress"),
    ],
)
def test_what_keepalived_takes_away_or_warns_of(text: str, keyword: str | None, wrong: str) -> None:
    (remark,) = said(text)
    assert wrong in remark
    assert like_keepalived(meant(text)) == 5
    if keyword is not None:
        assert setting(text, keyword) is None


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (STRICT + instance(AUTH), "strict mode has none"),
        (instance(f"version 3\n{AUTH}"), "version 3 has none"),
        (instance(AUTH.replace("auth_pass 1111\n", "")), "auth_pass is missing"),
    ],
)
def test_authentication_that_does_not_count(text: str, wrong: str) -> None:
    assert wrong in said(text)[0]
    assert first(meant(text), "vrrp_instance").inner("authentication") == ()


@pytest.mark.parametrize(
    "text",
    [
        instance(AUTH),
        instance("nopreempt\npreempt\npreempt_delay 5"),
        instance("unicast_fault_no_peer\nunicast_src_ip 192.0.2.9"),
        instance("unicast_src_ip 192.0.2.9\nunicast_peer {\n192.0.2.8\n}"),
        STRICT + instance("priority 50\nnopreempt"),
        STRICT + instance("strict_mode off\npreempt_delay 3"),
        STRICT + instance("version 3\naccept"),
        instance("version 3\nadvert_int 0.3"),
        instance("state BACKUP\nstate MASTER"),
        "global_defs {\nvrrp_version 3\n}\n" + instance("advert_int 0.3"),
    ],
)
def test_what_is_fine_is_not_spoken_of(text: str) -> None:
    assert said(text) == []
    assert like_keepalived(meant(text)) == 0


def test_two_instances_with_one_number() -> None:
    text = instance("", "A") + instance("", "B")
    (remark,) = said(text)
    assert "A has virtual_router_id 51 on this interface too" in remark
    others = ("eth0", "eth1"), ("192.0.2.1", "2001:db8::1"), ("51", "52")
    for old, new in others:
        assert said(instance("", "A") + instance("", "B", NEEDED.replace(old, new))) == []


def test_a_second_instance_of_a_name_is_skipped() -> None:
    text = instance("priority 10") + instance("priority 20\nfoo {\nbar\n}", needed=_OTHER)
    assert [block.find("priority") is not None for block in meant(text).blocks] == [True]
    (remark,) = said(text)
    assert "VI is defined already (/etc/keepalived/keepalived.conf:1:1), and this one is skipped" in remark


def group(members: str, more: str = "") -> str:
    return f"vrrp_sync_group VG {{\ngroup {{\n{members}\n}}\n{more}\n}}\n"


@pytest.mark.parametrize(
    ("text", "members", "wrong"),
    [
        (group("A\nB"), ["A", "B"], []),
        (group("A\nB\nC1"), ["A", "B"], ["there is no vrrp_instance C1"]),
        (group("A\nB\nB"), ["A", "B"], ["the instance is in a group already"]),
        (group("A"), ["A"], ["it has one member alone"]),
        (group("C"), None, ["there is no vrrp_instance C", "it has no members, so it is left out"]),
        (group("A\nB") + group("A"), ["A", "B"], ["VG is defined already"]),
        (
            group("A\nB") + group("A").replace("VG", "VH"),
            ["A", "B"],
            ["the instance is in a group already", "it has no members"],
        ),
    ],
)
def test_members_of_groups(text: str, members: list[str] | None, wrong: list[str]) -> None:
    whole = text + instance("", "A") + instance("", "B", _OTHER)
    groups = [block for block in meant(whole).blocks if block.keyword == "vrrp_sync_group"]
    assert [[name for name, *_ in lines(found, "group")] for found in groups] == (
        [members] if members is not None else []
    )
    remarks = said(whole)
    assert len(remarks) == len(wrong)
    assert all(any(part in remark for remark in remarks) for part in wrong)


@pytest.mark.parametrize(
    ("weight", "more", "wrong"),
    [
        ("weight 5\n", "", "VG has no sync_group_tracking_weight"),
        ("weight 5\n", "sync_group_tracking_weight", None),
        ("", "", None),
    ],
)
def test_weights_of_members(weight: str, more: str, wrong: str | None) -> None:
    text = GUARDED + SCRIPT.replace("}", f"{weight}}}")
    text += instance("track_script {\nchk\n}", "A") + instance("", "B", _OTHER) + group("A\nB", more)
    remarks = said(text)
    assert len(remarks) == (wrong is not None)
    assert all(wrong in remark for remark in remarks if wrong is not None)


@pytest.mark.parametrize(
    ("priority", "line", "kept"),
    [
        (255, "track_script {\nchk weight 5\n}", []),
        (255, "track_script {\nchk weight 0\n}", [("chk", 0)]),
        (255, "track_file {\ndown\n}", [("down", 0)]),
        (255, "track_file {\ndown weight 5\n}", []),
        (255, "track_interface {\neth1 weight 5\n}", []),
        (254, "track_script {\nchk weight 5\n}", [("chk", 5)]),
    ],
)
def test_weights_of_an_owner(priority: int, line: str, kept: list[tuple[str, int]]) -> None:
    defined = GUARDED + SCRIPT + "track_file down {\nfile /run/down\n}\n"
    text = defined + instance(f"priority {priority}\n{line}")
    keyword = line.split(" ", 1)[0]
    assert lines(first(meant(text), "vrrp_instance"), keyword) == kept
    told = said(text)
    assert len(told) == (kept != [("chk", 0)] and priority == 255)
    assert all("priority 255 never changes" in remark for remark in told)


def test_an_interface_of_an_instance_and_its_group() -> None:
    tracked = "track_interface {\neth1\n}"
    text = instance(tracked, "A") + instance("", "B", _OTHER) + group("A\nB", tracked)
    (remark,) = said(text)
    assert "eth1: VG tracks it too; remove one of them" in remark


def test_exit_codes_in_their_order() -> None:
    fine = SCRIPT + instance("track_script {\nchk\n}")
    assert like_keepalived(meant(GUARDED + fine)) == 0
    assert like_keepalived(meant(GUARDED + fine + "foo 1\n")) == 5
    assert like_keepalived(meant(fine)) == 6
    assert like_keepalived(meant(fine + "foo 1\n")) == 6
    assert like_keepalived(meant(fine + instance("priority", "B", _OTHER))) == 2


def test_programs_that_never_run_need_no_guard() -> None:
    assert like_keepalived(meant(SCRIPT)) == 0
    assert like_keepalived(meant("global_defs {\nstartup_script /bin/true\n}\n")) == 6


def test_exit_codes_where_programs_are_not_installed() -> None:
    text = SCRIPT + instance("track_script {\nchk\n}")
    assert like_keepalived(meant(text), frozenset({"/bin/true"})) == 5
    told = GUARDED + instance("notify /bin/false", "B", _OTHER)
    assert like_keepalived(meant(told), frozenset({"/bin/false"})) == 0
    both = text + instance("notify /bin/false", "B", _OTHER)
    assert like_keepalived(meant(both), frozenset({"/bin/true"})) == 6
