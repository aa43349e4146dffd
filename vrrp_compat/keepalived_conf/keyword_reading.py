"""The words behind one keyword, as keepalived takes them.

Rules of this file: nothing is kept between two lines. A line that keepalived leaves out has no values, and a
remark says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from vrrp_compat.keepalived_conf.keywords.parameters import BadWord, Missing, Parameter, Program
from vrrp_compat.keepalived_conf.keywords.rows import OldName, Reply, Row
from vrrp_compat.keepalived_conf.script_words import command_words, script_words
from vrrp_compat.keepalived_conf.statements import Place, Remark, Severity, Statement, Word
from vrrp_compat.keepalived_conf.understood import Value

# `keepalived -t` ends with this when a word is missing that it needs: it does not go on reading.
EXIT_MISSING_WORD = 2


class Reading(msgspec.Struct, frozen=True):
    """What one line means. Without values keepalived leaves it out."""

    values: tuple[Value, ...] | None
    remarks: tuple[Remark, ...] = ()


def read_keyword(row: Row, statement: Statement) -> Reading:
    """The values of a line whose keyword has a row."""
    words = _words(row, statement)
    values: list[Value] = []
    remarks = list(_of_its_name(row, statement)) if row.old_names or row.reported else []
    position = 0
    for parameter in row.takes:
        taken = words[position:] if parameter.many else words[position : position + 1]
        position += len(taken)
        if not taken:
            missing = _missing(row, statement, parameter)
            if missing is not None:
                return Reading(None, (*remarks, missing))
            values += [] if parameter.default is None else [parameter.default]
        for word in taken:
            value = _value(parameter, word)
            if not isinstance(value, BadWord):
                values.append(value)
                continue
            remarks.append(_bad(row, statement, parameter, word, value))
            if value.instead is not None:
                values.append(value.instead)
            elif not parameter.alone:
                return Reading(None, tuple(remarks))
    if position < len(words):
        remarks.append(_surplus(row, statement, words[position:]))
    return Reading(tuple(values), tuple(remarks))


def mistake(statement: Statement, wrong: str, fix: str = "", place: Place | None = None) -> Remark:
    """Something that keepalived reports too: its test ends with 5."""
    at = place or statement.keyword.place
    return Remark(at, Severity.MISTAKE, statement.keyword.text, wrong, fix)


def warning(statement: Statement, wrong: str, fix: str = "", place: Place | None = None) -> Remark:
    """Something that keepalived takes without a word."""
    at = place or statement.keyword.place
    return Remark(at, Severity.WARNING, statement.keyword.text, wrong, fix)


def _words(row: Row, statement: Statement) -> Sequence[Word]:
    """The words behind the keyword; those of programs are split another way."""
    if not row.splits_anew or not statement.raw:
        return statement.words
    place = statement.words[0].place if statement.words else statement.keyword.place
    return [Word(text, place) for text in script_words(statement.raw)]


def _value(parameter: Parameter, word: Word) -> Value | BadWord:
    if not isinstance(parameter, Program):
        return parameter.read(word.text)
    argv = command_words(word.text)
    return argv or BadWord("it names no program")


def _missing(row: Row, statement: Statement, parameter: Parameter) -> Remark | None:
    if parameter.missing is Missing.FINE:
        return None
    wrong = f"a word is missing behind it: {parameter.says}"
    if parameter.missing is Missing.LEFT_OUT:
        return mistake(statement, wrong, "write it, or remove the line, which counts for nothing")
    return Remark(
        statement.keyword.place,
        Severity.FATAL,
        statement.keyword.text,
        wrong,
        "write it, or remove the line: keepalived ends when it comes to it",
        EXIT_MISSING_WORD,
    )


def _bad(row: Row, statement: Statement, parameter: Parameter, word: Word, bad: BadWord) -> Remark:
    if bad.instead is not None:
        hidden = row.keyword in SECRETS
        fix = "write the same on all routers" if hidden else f"{_shown(bad.instead)} counts instead"
    elif parameter.advice:
        fix = parameter.advice
    elif parameter.alone:
        fix = "this word counts for nothing"
    else:
        fix = "correct it or remove the line, which counts for nothing"
    return mistake(statement, bad.wrong, fix, word.place)


SECRETS = ("auth_pass", "key", "password")


def _shown(value: Value) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def _surplus(row: Row, statement: Statement, words: Sequence[Word]) -> Remark:
    surplus = " ".join(word.text for word in words)
    if any(isinstance(parameter, Program) for parameter in row.takes):
        fix = "put the program and its arguments into one pair of double quotes"
    elif not row.takes:
        fix = "the word counts by being there; remove the line to switch it off"
    else:
        fix = "remove it"
    return warning(statement, f"{surplus!r} behind it counts for nothing", fix, words[0].place)


def _of_its_name(row: Row, statement: Statement) -> Iterator[Remark]:
    """What keepalived says to the keyword itself."""
    written = statement.keyword.text
    old = next((old for old in row.old_names if old.name == written), OldName(written))
    if old.reply is Reply.DEPRECATED:
        yield mistake(statement, "this name is out of date", f"write {row.keyword}")
    elif row.reported:
        yield mistake(statement, "keepalived itself warns of this word", row.says.rstrip("."))
