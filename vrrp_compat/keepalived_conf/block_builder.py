"""Words and braces to statements within statements.

Rules of this file: it knows no keyword. A `{` belongs to the words before it, on its own line or an earlier
one; a `}` closes the innermost block.
"""

from __future__ import annotations

from vrrp_compat.keepalived_conf.line_words import Brace, Run
from vrrp_compat.keepalived_conf.statements import Place, Remark, Severity, Statement


class _Open:
    """A statement that more may be said about."""

    def __init__(self, run: Run, comments: list[str]) -> None:
        self.run = run
        self.comments = comments
        self.opened: Place | None = None
        self.block: list[_Open] = []
        self.closing_comments: list[str] = []

    def finished(self) -> Statement:
        keyword, *words = self.run.words
        return Statement(
            keyword=keyword,
            words=tuple(words),
            raw=self.run.raw,
            block=None if self.opened is None else tuple(inner.finished() for inner in self.block),
            comments=tuple(self.comments),
            closing_comments=tuple(self.closing_comments),
        )


class BlockBuilder:
    """Takes the parts of all lines in their order; `finish` gives the statements."""

    def __init__(self) -> None:
        self._top: list[_Open] = []
        self._stack: list[_Open] = []
        self._last: _Open | None = None  # the words that a `{` would belong to
        self._comments: list[str] = []  # those that wait for the next statement
        self._remarks: list[Remark] = []

    def words(self, run: Run) -> None:
        """A run of words: a new statement."""
        self._last = _Open(run, self._comments)
        self._comments = []
        (self._stack[-1].block if self._stack else self._top).append(self._last)

    def brace(self, brace: Brace) -> None:
        """One brace."""
        if brace.text == "}":
            self._close(brace.place)
        elif self._last is None:
            self._remark(
                brace.place, "`{` follows no keyword and is left out", "delete it, or write what the block is"
            )
        else:
            self._last.opened = brace.place
            self._stack.append(self._last)
            self._last = None

    def comment(self, text: str, *, behind: bool) -> None:
        """A comment; `behind` when something else stands before it on its line."""
        if not text:
            return
        if behind and self._last is not None:
            self._last.comments.append(text)
        elif behind and self._stack and not self._stack[-1].block:
            self._stack[-1].comments.append(text)
        else:
            self._comments.append(text)

    def finish(self) -> tuple[tuple[Statement, ...], tuple[Remark, ...], tuple[str, ...]]:
        """The statements, what was wrong with the braces, and the comments behind the last statement."""
        for left_open in reversed(self._stack):
            keyword = " ".join(word.text for word in left_open.run.words)
            self._remark(
                left_open.opened or left_open.run.words[0].place,
                f"the block of `{keyword}` that begins here is never closed",
                "add its `}`",
            )
        return tuple(item.finished() for item in self._top), tuple(self._remarks), tuple(self._comments)

    def _close(self, place: Place) -> None:
        self._last = None
        if not self._stack:
            self._remark(place, "this `}` closes nothing and is left out", "delete it")
            return
        self._stack.pop().closing_comments.extend(self._comments)
        self._comments = []

    def _remark(self, place: Place, wrong: str, fix: str) -> None:
        self._remarks.append(Remark(place, Severity.MISTAKE, "", wrong, fix))
