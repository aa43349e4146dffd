"""Words that keepalived does not know: the nearest one, the block that has it, what follows from braces."""

from __future__ import annotations

import pytest

from tests.keepalived_keywords.meaning import GUARDED, SCRIPT, first, instance, meant, said, setting
from vrrp_compat.keepalived_conf.statements import Severity


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        (GUARDED + SCRIPT.replace("}", "inteval 2\n}"), "write interval, if that is meant"),
        (instance("master_src_ip 192.0.2.9"), "write mcast_src_ip, if that is meant"),
        (instance("router_id lb01"), "it belongs into global_defs"),
        (instance("routerid lb01"), "write router_id, if that is meant, which belongs into global_defs"),
        ("global_defs {\nlvs_id lb01\n}\n", "write router_id"),
        ("virtual_server 192.0.2.1 80 {\nnat_mask 255.255.255.0\n}\n", "IPVS has no such mask"),
        ("global_defs {\nzzzzz 1\n}\n", "remove it"),
    ],
)
def test_what_was_meant(text: str, fix: str) -> None:
    assert any(remark.endswith(f"; {fix}") or f"; {fix}:" in remark for remark in said(text))


def test_members_of_a_group_without_their_block() -> None:
    text = instance("") + "vrrp_sync_group VG {\nVI\n}\n"
    assert "put the names of instances into a block of their own: group { ... }" in said(text)[1]


def test_what_is_in_an_unknown_block_belongs_to_the_one_around_it() -> None:
    text = instance("timers {\npriority 50\n}")
    assert setting(text, "priority") == (50,)
    (remark,) = said(text)
    assert "vrrp_instance VI does not know this word; what is in its braces is read as part of" in remark


def test_the_brace_of_an_unknown_block_ends_the_one_around_it() -> None:
    text = instance("timers {\npriority 50\n}\nstate MASTER\nnopreempt")
    block = first(meant(text), "vrrp_instance")
    assert [found.keyword for found in block.settings] == ["interface", "virtual_router_id", "priority"]
    blamed = [remark for remark in said(text) if remark.startswith(("10: state", "11: nopreempt"))]
    assert len(blamed) == 2
    assert all("correct line 7: the brace of timers ended vrrp_instance VI" in remark for remark in blamed)


def test_a_word_alone_with_braces_ends_its_block_too() -> None:
    text = instance("priority 50 {\n}\nnopreempt")
    assert setting(text, "priority") == (50,)
    assert setting(text, "nopreempt") is None


def test_a_block_without_its_braces() -> None:
    assert "a block { ... } has to follow it" in said(instance("track_script"))[0]


def test_a_surplus_closing_brace_at_the_top_is_harmless() -> None:
    text = "timers {\n}\n" + instance("priority 7")
    assert setting(text, "priority") == (7,)


@pytest.mark.parametrize(
    ("text", "severity", "wrong"),
    [
        (instance("debug 2"), Severity.NOTE, "it has no meaning here"),
        (instance("use_ipvlan"), Severity.WARNING, "it is not done here"),
        ("bfd_instance b {\nneighbor_ip 192.0.2.1\n}\n", Severity.WARNING, "it is not done here"),
    ],
)
def test_what_is_not_carried_out_is_said_once(text: str, severity: Severity, wrong: str) -> None:
    (remark,) = said(text, severity)
    assert wrong in remark


def test_a_word_that_a_comment_cuts() -> None:
    text = instance("authentication {\nauth_type PASS\nauth_pass Test123!x\n}")
    (remark,) = said(text, Severity.WARNING)
    assert "auth_pass: ! begins a comment and cuts the word: 7 letters of it are kept" in remark
    assert "Test123" not in remark
    assert "'a' is kept" in said("global_defs {\nrouter_id a#b\n}\n", Severity.WARNING)[0]
    assert "put a blank between" in said(instance("priority 100#high"), Severity.NOTE)[0]
