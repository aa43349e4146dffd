"""Whatever layout says the same is read the same, and nothing raises."""

from __future__ import annotations

import gc
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.keepalived_conf.generated import TREES, Tree, written_down
from tests.keepalived_conf.memory_files import outline, read, words
from vrrp_compat.keepalived_conf.comment_marks import without_comment
from vrrp_compat.keepalived_conf.line_words import first_segment, ordinary_parts, words_of
from vrrp_compat.keepalived_conf.statements import Statement, Written
from vrrp_compat.keepalived_conf.text_lines import BLANKS, Line, usable_line


@settings(deadline=None)
@given(st.data(), TREES)
def test_a_configuration_comes_back_from_any_layout(data: st.DataObject, tree: list[Tree]) -> None:
    text = data.draw(written_down(tree))
    written = read(text)
    assert outline(written.statements) == tree
    assert written.remarks == ()
    assert written.cuts == ()


def places_are_right(text: str, written: Written) -> None:
    lines = text.split("\n")

    def check(statements: tuple[Statement, ...]) -> None:
        for statement in statements:
            for word in (statement.keyword, *statement.words):
                at = lines[word.place.line - 1][word.place.column - 1 :]
                assert at.startswith(f'"{word.text}"' if word.quoted else word.text)
            check(statement.block or ())

    check(written.statements)


@settings(deadline=None)
@given(st.data(), TREES)
def test_every_word_stands_where_it_says(data: st.DataObject, tree: list[Tree]) -> None:
    text = data.draw(written_down(tree))
    places_are_right(text, read(text))


NAMES = ("A", "B", "C")
VALUES = st.text(st.sampled_from("abc019._-"), max_size=5)


@given(st.lists(st.lists(VALUES | st.sampled_from(NAMES), min_size=1, max_size=4)), st.tuples(*[VALUES] * 3))
def test_names_and_their_values_say_the_same(lines: list[list[str]], values: tuple[str, ...]) -> None:
    meaning = dict(zip(NAMES, values, strict=True))
    definitions = [f"${name}={value}" for name, value in meaning.items()]
    with_names = [
        "x" + "".join(f"${{{part}}}" if part in meaning else part for part in line) for line in lines
    ]
    with_values = ["x" + "".join(meaning.get(part, part) for part in line) for line in lines]
    assert words(read("\n".join(definitions + with_names))) == with_values


@given(st.integers(-20, 20), st.integers(-20, 20), st.integers(1, 5))
def test_a_sequence_says_the_same_as_its_lines(start: int, end: int, step: int) -> None:
    signed = step if end >= start else -step
    by_hand = [str(number) for number in range(start, end + signed // step, signed)]
    assert words(read(f"~SEQ(n,{start},{signed},{end}) $n")) == by_hand


# Pieces with a meaning, so that chance finds more than words.
PIECES = st.sampled_from(
    (
        *('"', "'", "{", "}", "#", "!", "\\", "\n", " ", ",", ")", "a", "b c", "é", "\0", "\r", "\ufeff"),
        *("$A", "$A=", "${A}", "${_RANDOM 5}", "${", "\\\n", "@x", "@^x ", "<<<<<<< "),
        *("~SEQ(A,3)", "~SEQx(", "~LST({A,B},{1,2})", "~LST(A,", "include a", "include {a,b*}"),
        *("global_defs {", "include_check +match\n", "random_seed 1"),
    )
)


@settings(deadline=None)
@given(st.lists(PIECES).map("".join) | st.binary(), st.lists(PIECES).map("".join))
def test_nothing_raises(text: str | bytes, other: str) -> None:
    written = read(text, {"a": other, "b": None, "b2": text})
    assert all(remark.wrong and remark.place.line > 0 for remark in written.remarks)
    for cut in written.cuts:
        assert cut.kept
        assert cut.lost


def test_a_megabyte_is_read_in_moments() -> None:
    block = 'vrrp_instance V { # why\n    state MASTER\n    auth_pass "a b"\n    192.0.2.9/24 dev eth0\n}\n'
    text = block * (1_000_000 // len(block))
    began_s = time.process_time()
    written = read(text)
    # One second on a quiet machine; ten is what a quadratic step would take by far.
    assert time.process_time() - began_s < 10
    assert len(written.statements) == 1_000_000 // len(block)


_ANY_LINE = st.text(st.sampled_from('ab:1.- \t{}#!"$\\@~=<\x0b\x1c\x00\u00e9'), max_size=10)


@settings(deadline=None, max_examples=500)
@given(st.sampled_from(["", "include ", "interface ", "=======", "weight 1"]), _ANY_LINE)
def test_an_ordinary_line_is_read_as_all_others_are(begins: str, rest: str) -> None:
    text = (begins + rest).rstrip(BLANKS)
    parts = ordinary_parts("f", 7, text)
    if parts is None:
        return
    line = usable_line("f", 7, text)
    assert isinstance(line, Line)
    uncommented = without_comment(line)
    assert uncommented.comment == ""
    assert uncommented.line == line
    stripped = line.stripped()
    assert not stripped.text.startswith(("@", "$", "~", "include "))
    segment = first_segment(stripped)
    assert (parts.run, None) == words_of(segment.before)
    assert parts.brace == segment.brace
    assert segment.rest is None or not segment.rest.text
    assert parts.place == stripped.place()


def test_most_lines_are_ordinary() -> None:
    for text in (
        "virtual_server 192.0.2.1 80 {",
        "  weight 1",
        "\t}",
        "interface eth0",
        "2001:db8::1/64 dev eth0",
    ):
        assert ordinary_parts("f", 1, text) is not None


def test_nothing_is_left_for_the_garbage_collector() -> None:
    """An agent runs without it until it has settled."""
    gc.collect()
    gc.disable()
    try:
        read("$A=1\nvrrp_instance a {\nvirtual_router_id ${A} # one\n}\nopen {\n" * 20)
        assert gc.collect() == 0
    finally:
        gc.enable()
