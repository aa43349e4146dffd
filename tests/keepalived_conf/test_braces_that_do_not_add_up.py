"""Missing and surplus braces: what is read all the same, and where an operator is sent."""

from __future__ import annotations

import pytest

from tests.keepalived_conf.memory_files import MAIN, outline, read
from vrrp_compat.keepalived_conf.statements import Place, Severity

MISSING = """\
vrrp_instance VI_1 {
    state MASTER
    authentication {
        auth_type PASS
        auth_pass 1111
    virtual_ipaddress {
        192.0.2.9
    }
}

vrrp_script chk {
    script /bin/true
}
"""


def test_a_block_that_is_never_closed() -> None:
    written = read(MISSING)
    (remark,) = written.remarks
    assert (remark.place, remark.severity) == (Place(MAIN, 1, 20), Severity.MISTAKE)
    assert "`vrrp_instance VI_1` that begins here is never closed" in remark.wrong
    assert "`authentication` of line 3: the `}` of line 9" in remark.fix


def test_all_blocks_that_are_open_at_the_end() -> None:
    written = read("a {\nb c {\nd { e")
    assert outline(written.statements) == [["a", [["b", "c", [["d", [["e"]]]]]]]]
    assert [str(remark.place) for remark in written.remarks] == [
        f"{MAIN}:{at}" for at in ("3:3", "2:5", "1:3")
    ]
    assert written.remarks[1].wrong == "the block of `b c` that begins here is never closed"


def test_a_brace_too_many() -> None:
    written = read("a {\n  b {\n    c\n  }\n  }\n}\nd")
    assert outline(written.statements) == [["a", [["b", [["c"]]]]], ["d"]]
    (remark,) = written.remarks
    assert (remark.place, remark.severity) == (Place(MAIN, 6, 1), Severity.MISTAKE)
    assert "`a` of line 1: the `}` of line 5" in remark.fix


@pytest.mark.parametrize("text", ["a {\n\tb {\n\tc\n}\n}", "a {\nb }", "a\n  {\n  b\n  }\n"])
def test_crooked_lines_alone_are_no_mistake(text: str) -> None:
    assert read(text).remarks == ()


def test_a_brace_that_opens_nothing() -> None:
    written = read("a {\n b\n {\n  c\n }\n d {\n {\n  e\n }\n f\n}")
    assert outline(written.statements) == [["a", [["b", [["c"]]], ["d", [["e"]]], ["f"]]]]
    (remark,) = written.remarks
    assert (remark.place, remark.severity) == (Place(MAIN, 7, 2), Severity.MISTAKE)


def test_a_second_block_of_one_statement_opens_nothing() -> None:
    assert [remark.place.line for remark in read("a {\n}\n{\nb\n").remarks] == [3]
