"""What a keepalived.conf says, before anybody asked what its words mean: statements, and blocks of them.

Rules of this file: plain values. Includes are read, conditions decided, definitions put in and lines repeated
by then; each word still knows the file, line and column where a person wrote it. `gc=False` hides the many of
them from the garbage collector, which took half of the time for 1 MB; none can be part of a cycle.
"""

from __future__ import annotations

import enum

import msgspec


class Severity(enum.Enum):
    """How much a remark matters."""

    NOTE = "note"  # good to know
    WARNING = "warning"  # it works, though hardly as it was meant
    MISTAKE = "mistake"  # keepalived says so too, leaves it out and runs
    FATAL = "fatal"  # keepalived does not start


class Place(msgspec.Struct, frozen=True, order=True, gc=False):
    """Where something was written. Lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Word(msgspec.Struct, frozen=True, gc=False):
    """One word, without its quotes."""

    text: str
    place: Place
    quoted: bool = False


class Statement(msgspec.Struct, frozen=True, gc=False):
    """One line: a keyword and its parameters; with braces, also what stands in them."""

    keyword: Word
    words: tuple[Word, ...] = ()  # after the keyword, as keepalived splits plain lines
    raw: str = ""  # the text after the keyword, quotes and all: keywords of scripts split it otherwise
    block: tuple[Statement, ...] | None = None
    comments: tuple[str, ...] = ()  # those before it and behind it, without their marks
    closing_comments: tuple[str, ...] = ()  # those before the `}` of its block that belong to nothing else


class Cut(msgspec.Struct, frozen=True):
    """A comment mark that ended a line inside a word: a password with `!` in it is such a one."""

    place: Place
    kept: str  # the word as keepalived takes it
    lost: str  # what was cut off, mark and all


class Remark(msgspec.Struct, frozen=True):
    """One thing that an operator should know, with its place, and what to do."""

    place: Place
    severity: Severity
    keyword: str
    wrong: str
    fix: str = ""
    exit_code: int | None = None  # of `keepalived -t`, where its severity alone does not say it

    def __str__(self) -> str:
        head = f"{self.place}: {self.keyword}: " if self.keyword else f"{self.place}: "
        return f"{head}{self.wrong}; {self.fix}" if self.fix else f"{head}{self.wrong}"


class Written(msgspec.Struct, frozen=True):
    """A whole configuration as it was written, and what is odd about its lines and braces."""

    statements: tuple[Statement, ...]
    remarks: tuple[Remark, ...] = ()
    cuts: tuple[Cut, ...] = ()
    trailing_comments: tuple[str, ...] = ()
