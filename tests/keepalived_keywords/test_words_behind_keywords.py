"""What one line means: values of every kind, their ranges, and what is said when they are wrong."""

from __future__ import annotations

import pytest

from tests.keepalived_keywords.meaning import GUARDED, SCRIPT, instance, meant, said, setting
from vrrp_compat.keepalived_conf.exit_codes import like_keepalived
from vrrp_compat.keepalived_conf.statements import Severity
from vrrp_compat.keepalived_conf.understood import Value


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("priority 7", (7,)),
        ("priority +7", (7,)),
        ("priority 010", (10,)),
        ("advert_int 2", (2.0,)),
        ("advert_int 1.", (1.0,)),
        ("nopreempt", ()),
        ("smtp_alert", (True,)),
        ("smtp_alert no", (False,)),
        ("smtp_alert true", (True,)),
        ("state MASTER", ("MASTER",)),
        ("mcast_src_ip 192.0.2.9", ("192.0.2.9",)),
        ("mcast_src_ip 192.0.2.9/24", ("192.0.2.9",)),
        ("notify_deleted", ()),
    ],
)
def test_values_have_the_types_of_the_table(line: str, values: tuple[Value, ...]) -> None:
    assert setting(instance(line), line.split(maxsplit=1)[0]) == values
    assert said(instance(line)) == []


@pytest.mark.parametrize(
    ("line", "values", "wrong"),
    [
        ("priority 0", (100,), "0 is not between 1 and 255; 100 counts instead"),
        ("priority 256", (100,), "256 is not between 1 and 255; 100 counts instead"),
        ("priority x", (100,), "'x' is not a whole number; 100 counts instead"),
        ("priority 5_0", (100,), "'5_0' is not a whole number; 100 counts instead"),
        ("priority 0x10", (100,), "'0x10' is not a whole number; 100 counts instead"),
        ("state master", ("BACKUP",), "'master' is not known: it is written MASTER; BACKUP counts instead"),
        ("garp_master_repeat 0", (1,), "0 is not possible; 1 counts; 1 counts instead"),
        ("advert_int 0", None, "0 is out of range: seconds, 0.01 to 255; correct it or remove the line"),
        ("advert_int 1e0", None, "'1e0' is not a number of seconds; correct it or remove the line"),
        ("advert_int 1.0000001", (1.0,), "has more than 6 decimal places; 1.0 counts instead"),
        ("smtp_alert ON", None, "'ON' is neither on, true, yes nor off, false, no (in small letters)"),
        ("version 4", None, "4 is not between 2 and 3; correct it or remove the line"),
        ("mcast_src_ip lb01", None, "'lb01' is no IP address; names are not looked up here"),
        ("mcast_dst_ip 192.0.2.9", None, "192.0.2.9 is no multicast group"),
    ],
)
def test_a_word_out_of_range_is_what_keepalived_takes_instead(
    line: str, values: tuple[Value, ...] | None, wrong: str
) -> None:
    assert setting(instance(line), line.split(maxsplit=1)[0]) == values
    (remark,) = said(instance(line), Severity.MISTAKE)
    assert wrong in remark


def test_a_missing_word_ends_keepalived_at_once() -> None:
    (remark,) = said(instance("priority"))
    assert "a word is missing behind it: whole number, 1 to 255; write it, or remove the line" in remark
    assert like_keepalived(meant(instance("priority\nfoo 3"))) == 2


def test_a_missing_word_that_keepalived_lives_without() -> None:
    text = "global_defs {\nrouter_id\n}\n"
    (remark,) = said(text)
    assert "counts for nothing" in remark
    assert setting(text, "router_id", "global_defs") is None
    assert like_keepalived(meant(text)) == 5


def test_words_too_many_count_for_nothing_and_are_told() -> None:
    assert setting(instance("priority 10 20"), "priority") == (10,)
    assert said(instance("priority 10 20"), Severity.WARNING) == [
        "7: priority: '20' behind it counts for nothing; remove it"
    ]
    assert like_keepalived(meant(instance("priority 10 20"))) == 0


def test_a_bare_word_is_not_switched_off_by_a_word_behind_it() -> None:
    (remark,) = said("global_defs {\nenable_script_security 0\n}\n", Severity.WARNING)
    assert "'0' behind it counts for nothing; the word counts by being there" in remark


def test_a_password_is_cut_without_being_shown() -> None:
    text = instance("authentication {\nauth_type PASS\nauth_pass secret-words\n}")
    assert first_password(text) == ("secret-w",)
    (remark,) = said(text)
    assert remark == "9: auth_pass: only the first 8 bytes count; write the same on all routers"


def first_password(text: str) -> tuple[Value, ...] | None:
    (block,) = meant(text).blocks[0].inner("authentication")
    found = block.find("auth_pass")
    return found.values if found is not None else None


def test_the_zero_of_old_templates() -> None:
    text = "global_defs {\nvrrp_garp_interval 0\n}\n"
    assert setting(text, "vrrp_garp_interval", "global_defs") is None
    (remark,) = said(text)
    assert remark.endswith("remove the line, which counts for nothing: without it there is no gap")


def test_a_program_its_arguments_its_user_and_its_group() -> None:
    text = GUARDED + instance('notify_master "/bin/echo now master" root bin')
    assert setting(text, "notify_master") == (("/bin/echo", "now", "master"), "root", "bin")


def test_arguments_outside_of_the_quotes_are_lost() -> None:
    text = GUARDED + "vrrp_script chk {\nscript /usr/bin/killall -0 nginx\n}\n"
    assert setting(text, "script", "vrrp_script") == (("/usr/bin/killall",),)
    (remark,) = said(text, Severity.WARNING)
    assert (
        "'-0 nginx' behind it counts for nothing; put the program and its arguments into one pair" in remark
    )


def test_a_second_program_is_left_out_and_a_second_number_counts() -> None:
    text = GUARDED + instance("notify_stop /bin/true\nnotify_stop /bin/false\npriority 10\npriority 20")
    assert setting(text, "notify_stop") == (("/bin/true",),)
    assert setting(text, "priority") == (20,)
    (twice,) = said(text)
    assert "it is said already (/etc/keepalived/keepalived.conf:11:1), and the first counts" in twice
    (again,) = said(text, Severity.WARNING)
    assert "and the last counts" in again


@pytest.mark.parametrize(
    ("lines", "values", "wrong"),
    [
        ("weight 5", (5,), None),
        ("weight -5 reverse", (-5, "reverse"), None),
        ("weight 254", None, "254 is not between -253 and 253"),
        ("weight 5 back", (5,), "'back' is none of reverse; this word counts for nothing"),
        ("interval 0", (1,), "0 is not possible; 1 counts"),
        ("interval 1.5", None, "'1.5' is not a whole number"),
        ("fall 0", (1,), "0 is not between 1 and 2147483647; 1 counts instead"),
    ],
)
def test_words_of_a_script(lines: str, values: tuple[Value, ...] | None, wrong: str | None) -> None:
    text = GUARDED + SCRIPT.replace("}", lines + "\n}")
    assert setting(text, lines.split(maxsplit=1)[0], "vrrp_script") == values
    remarks = said(text)
    assert len(remarks) == (wrong is not None)
    assert all(wrong in remark for remark in remarks if wrong is not None)


def test_a_file_that_is_made_takes_a_number_and_a_word() -> None:
    text = "track_file f {\nfile /run/f\ninit_file 3 overwrite\n}\n"
    assert setting(text, "init_file", "track_file") == (3, "overwrite")
    assert "'x' is not a whole number" in said(text.replace("overwrite", "x"))[0]


def test_global_defs_in_two_pieces_are_one() -> None:
    piece = "global_defs {{\nnotify_fifo /run/{0}\nrouter_id {0}\n}}\n"
    text = piece.format("a") + piece.format("b")
    first, second = meant(text).blocks
    assert [first.find(word) is not None for word in ("notify_fifo", "router_id")] == [True, True]
    assert [second.find(word) is not None for word in ("notify_fifo", "router_id")] == [False, True]
    (remark,) = said(text)
    assert "it is said already (/etc/keepalived/keepalived.conf:2:1), and the first counts" in remark
