"""Lines that begin with @. keepalived 2.2.7, started with `-i main`, keeps the same ones."""

from __future__ import annotations

import pytest

from tests.keepalived_conf.memory_files import outline, read, words
from vrrp_compat.keepalived_conf.config_files import Surroundings

MAIN = Surroundings(config_id="main")


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("@main a b", ["a", "b"]),
        ("  @main\ta", ["a"]),
        ("@other a", []),
        ("@^main a", []),
        ("@^other a", ["a"]),
        ("@ a", []),
        ("@^ a", ["a"]),
        ("@main", []),
        ("@mainx a", []),
        ("@ma a", []),
        ("@main @main a", ["@main", "a"]),  # one condition a line
        ("a @other b", ["a", "@other", "b"]),  # only at its beginning
        ("@main# a", []),
        ("@main $X=1\nb $X", ["b", "1"]),
        ("@other $X=1\nb $X", ["b", "$X"]),
        ("$IF=@main\n$IF a", ["a"]),
        ("$IF=@other\n$IF a", []),
        ("~LST(h,ain,x) @m${h} a", []),  # asked before names are put in
        ("~SEQ(i,1,2) @main a${i}", ["a1", "a2"]),
        ("@main ~SEQ(i,1,2) a${i}", ["a1", "a2"]),
    ],
)
def test_lines_for_this_host(line: str, kept: list[str]) -> None:
    assert words(read(line, surroundings=MAIN)) == kept


def test_a_condition_behind_a_brace_covers_the_rest_of_its_line() -> None:
    written = read("a { @other b }\n}\nc { @main d }", surroundings=MAIN)
    assert outline(written.statements) == [["a", []], ["c", [["d"]]]]
    assert written.remarks == ()
