"""Configurations made by hypothesis, and every way to write them down."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

Tree = list[object]  # as `outline` gives it: words, and perhaps a list of statements at the end

_PLAIN = st.text(st.sampled_from("abzAZ019_-.:/=,'\\é"), min_size=1, max_size=6).filter(
    lambda word: not word.endswith("\\") and not word.startswith("include")
)
_QUOTED = st.text(st.sampled_from("ab {}#!'$@~\t.é"), max_size=6)


@st.composite
def _statement(draw: DrawFn, blocks: st.SearchStrategy[list[Tree]]) -> Tree:
    words: Tree = [draw(_PLAIN), *draw(st.lists(_PLAIN | _QUOTED, max_size=3))]
    return [*words, draw(blocks)] if draw(st.booleans()) else words


_LINE = st.lists(_PLAIN | _QUOTED, min_size=1, max_size=4)
TREES: st.SearchStrategy[list[Tree]] = st.recursive(
    st.lists(_LINE.map(lambda words: [*words]), max_size=3),
    lambda blocks: st.lists(_statement(blocks), max_size=4),
    max_leaves=12,
)


@st.composite
def written_down(draw: DrawFn, tree: list[Tree]) -> str:
    """One of the many texts that say `tree`."""
    end = draw(st.sampled_from(["\n", "\r\n"]))
    pieces: list[str] = []

    def gap() -> str:
        return draw(st.sampled_from([" ", "  ", "\t", " \t "]))

    def comment() -> str:
        return draw(st.sampled_from(["", "", " # it's {x}", ' ! "', "\t#"]))

    def line_end() -> str:
        return comment() + end + draw(st.sampled_from(["", "", end, f"  # alone{end}", f"!{end}"]))

    def word(text: str) -> str:
        plain = text and not set(text) & set(' {}#!$@~\t"')
        return text if plain and draw(st.booleans()) else f'"{text}"'

    def block(statements: list[Tree]) -> None:
        pieces.append(draw(st.sampled_from(["", gap(), end, f" # before{end}"])))
        pieces.append("{" + draw(st.sampled_from(["", gap(), line_end()])))
        for position, statement in enumerate(statements):
            line(statement)
            last = position == len(statements) - 1
            closed = pieces[-1].endswith("}")
            pieces.append(draw(st.sampled_from(["", gap(), line_end()])) if last or closed else line_end())
        pieces.append("}")

    def line(statement: Tree) -> None:
        words = [part for part in statement if isinstance(part, str)]
        pieces.append(gap().join(word(text) for text in words))
        if not isinstance(statement[-1], str):
            inner = statement[-1]
            assert isinstance(inner, list)
            block(inner)

    for statement in tree:
        pieces.append(draw(st.sampled_from(["", gap()])))
        line(statement)
        pieces.append(line_end())
    return "".join(pieces)
