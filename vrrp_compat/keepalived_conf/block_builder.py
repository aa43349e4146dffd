"""Words and braces to statements within statements.

Rules of this file: it knows no keyword. A `{` belongs to the words before it, on its own line or an earlier
one; a `}` closes the innermost block. Where braces do not add up, the indentation tells which one it was.
"""

from __future__ import annotations

from vrrp_compat.keepalived_conf.line_words import Brace, Run
from vrrp_compat.keepalived_conf.statements import Place, Remark, Severity, Statement


class _Open:
    """A statement that more may be said about: a block that is open, or what came last in one."""

    __slots__ = ("block", "closing_comments", "comments", "opened", "run")

    def __init__(self, run: Run, comments: tuple[str, ...]) -> None:
        self.run = run
        self.comments = comments
        self.opened: Place | None = None
        self.block: list[Statement] | None = None
        self.closing_comments: tuple[str, ...] = ()

    @property
    def place(self) -> Place:
        return self.run.words[0].place

    def title(self) -> str:
        """The keyword and what follows it."""
        return " ".join(word.text for word in self.run.words)

    def finished(self) -> Statement:
        block = None if self.block is None else tuple(self.block)
        words = self.run.words
        return Statement(words[0], words[1:], self.run.raw, block, self.comments, self.closing_comments)


class BlockBuilder:
    """Takes the parts of all lines in their order; `finish` gives the statements."""

    def __init__(self) -> None:
        self._top: list[Statement] = []
        self._inside = [self._top]  # what the next statement is put into, at the end of this list
        self._stack: list[_Open] = []
        self._last: _Open | None = None  # the words that a `{` would belong to
        self._newest: _Open | None = None  # what a comment behind something is about
        self._pending: _Open | None = None  # the newest, unless it is an open block
        self._comments: tuple[str, ...] = ()  # those that wait for the next statement
        self._remarks: list[Remark] = []
        self.taken = 0  # how many words and braces came so far
        self._doubt = ""  # the first `}` that does not stand below what it closes

    def block_path(self) -> tuple[str, ...]:
        """The keywords of the blocks that are open, the outermost first."""
        return tuple(block.run.words[0].text for block in self._stack)

    def words(self, run: Run) -> None:
        """A run of words: a new statement."""
        self.taken += 1
        self._end_pending()
        self._last = self._newest = self._pending = _Open(run, self._comments)
        self._comments = ()

    def brace(self, brace: Brace, *, first_in_line: bool = False) -> None:
        """One brace."""
        self.taken += 1
        if brace.text == "}":
            self._close(brace.place, first_in_line=first_in_line)
        elif self._last is None:
            self._remark(
                brace.place, "`{` follows no keyword and is left out", "delete it, or write what the block is"
            )
        else:
            self._last.opened = brace.place
            self._last.block = []
            self._inside.append(self._last.block)
            self._stack.append(self._last)
            self._last = self._pending = None

    def comment(self, text: str, *, behind: bool) -> None:
        """A comment; `behind` when something else stands before it on its line."""
        if behind and self._newest is not None:
            self._newest.comments += (text,)
        else:
            self._comments += (text,)

    def finish(self) -> tuple[tuple[Statement, ...], tuple[Remark, ...], tuple[str, ...]]:
        """The statements, what was wrong with the braces, and the comments behind the last statement."""
        for left_open in reversed(self._stack):
            self._remark(
                left_open.opened or left_open.place,
                f"the block of `{left_open.title()}` that begins here is never closed",
                f"add its `}}`{self._doubt}",
            )
        self._end_pending()
        while self._stack:
            self._end_block()
        self._end_pending()
        return tuple(self._top), tuple(self._remarks), self._comments

    def _end_pending(self) -> None:
        """Nothing more can be said about it: a statement is a third of the size."""
        if self._pending is not None:
            self._inside[-1].append(self._pending.finished())
            self._pending = None

    def _end_block(self) -> _Open:
        """The innermost block, with all that is in it."""
        self._end_pending()
        self._inside.pop()
        self._pending = self._stack.pop()
        return self._pending

    def _close(self, place: Place, *, first_in_line: bool) -> None:
        self._last = None
        if not self._stack:
            self._remark(place, "this `}` closes nothing and is left out", f"delete it{self._doubt}")
            return
        closed = self._newest = self._end_block()
        closed.closing_comments += self._comments
        self._comments = ()
        if first_in_line and not self._doubt:
            self._doubt = _doubt(closed, place)

    def _remark(self, place: Place, wrong: str, fix: str) -> None:
        self._remarks.append(Remark(place, Severity.MISTAKE, "", wrong, fix))


def _doubt(closed: _Open, brace: Place) -> str:
    """What to look at first if braces are missing or too many: a `}` beside the column of its block."""
    began = closed.place
    if brace.file != began.file or brace.column == began.column or brace.line == began.line:
        return ""
    return (
        f" (look first at `{closed.title()}` of line {began.line}:"
        f" the `}}` of line {brace.line} closes it and does not stand below it)"
    )
