"""Lines that stand for many: `~SEQ(var, start, step, end) line`, `~SEQx(...)`, `~LST(var, a, b) line`.

Rules of this file: values are made one by one, as somebody may have written a million of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from vrrp_compat.keepalived_conf.statements import Remark, Severity
from vrrp_compat.keepalived_conf.text_lines import Line

_REPEAT = re.compile(r"~(?P<kind>SEQx?|LST)\((?P<inside>[^)]*)\)")
_BEGINS = re.compile(r"~(?:SEQ|LST)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_NUMBER = re.compile(r"([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)", re.ASCII)
_LIST_PART = re.compile(r"\s*(?:\{([^{}]*)\}|([^{},\s]*))\s*(?:,|$)", re.ASCII)

Assignments = tuple[tuple[str, str], ...]  # names and values of one round


class Repeat(msgspec.Struct, frozen=True):
    """What to define in each round, and the line to read in it."""

    rounds: Iterable[Assignments]
    line: Line


class _Sequence:
    """The rounds of ~SEQ."""

    def __init__(self, name: str, numbers: range, *, hexadecimal: bool) -> None:
        self._name = name
        self._numbers = numbers
        self._format = "x" if hexadecimal else "d"

    def __iter__(self) -> Iterator[Assignments]:
        return (((self._name, format(number, self._format)),) for number in self._numbers)


def begins_a_repeat(line: Line) -> bool:
    """Whether the line is one of these, well written or not."""
    return line.text.startswith("~") and _BEGINS.match(line.text) is not None


def repeat_in(line: Line, inside: str) -> Repeat | Remark:
    """What the line repeats; `inside` is the text between its parentheses, with definitions put in."""
    found = _REPEAT.match(line.text)
    if found is None:
        return _wrong(line, "has no `(...)`")
    rest = line.part(found.end()).stripped()
    if found.group("kind") == "LST":
        rounds = _list_rounds(inside)
        return _wrong(line, "has no such list") if rounds is None else Repeat(rounds, rest)
    numbers = _sequence(inside)
    hexadecimal = found.group("kind") == "SEQx"
    if numbers is None or (hexadecimal and min(numbers[1][0], numbers[1][-1]) < 0):
        return _wrong(line, "has no such numbers")
    return Repeat(_Sequence(*numbers, hexadecimal=hexadecimal), rest)


def inside_of(line: Line) -> Line:
    """What stands between the parentheses."""
    found = _REPEAT.match(line.text)
    return line.part(*found.span("inside")) if found else line.part(0, 0)


def _sequence(inside: str) -> tuple[str, range] | None:
    """NAME, END · NAME, START, END · NAME, START, STEP, END."""
    name, *texts = [part.strip() for part in inside.split(",")]
    numbers = [number for text in texts if (number := _number(text)) is not None]
    if not _NAME.fullmatch(name) or len(numbers) != len(texts) or not 1 <= len(numbers) <= 3:
        return None
    end = numbers[-1]
    start = numbers[0] if len(numbers) > 1 else (-1 if end < 0 else 1)
    step = numbers[1] if len(numbers) == 3 else (1 if end >= start else -1)
    if step == 0 or (end - start) * step < 0:
        return None
    return name, range(start, end + (1 if step > 0 else -1), step)


def _number(text: str) -> int | None:
    """As strtol reads it: 0x for hexadecimal, 0 for octal."""
    found = _NUMBER.fullmatch(text)
    if found is None or len(text) > 20:
        return None
    digits = found.group(2)
    base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
    return int(found.group(1) + digits, base)


def _list_rounds(inside: str) -> list[Assignments] | None:
    """The rounds of `a, 1, 2` and of `{a, b}, {1, 2}, {3, 4}`. A value that is missing is empty."""
    parts: list[list[str]] = []
    at = 0
    while at < len(inside) or (inside.endswith(",") and at == len(inside)):
        found = _LIST_PART.match(inside, at)
        if found is None:
            return None
        many, one = found.groups()
        parts.append([one] if many is None else [value.strip() for value in many.split(",")])
        if found.end() == at:
            break
        at = found.end()
    if len(parts) < 2:
        return None
    names, *rounds = parts
    if not all(_NAME.fullmatch(name) for name in names) or any(len(values) > len(names) for values in rounds):
        return None
    return [
        tuple(zip(names, [*values, *[""] * (len(names) - len(values))], strict=True)) for values in rounds
    ]


def _wrong(line: Line, what: str) -> Remark:
    return Remark(
        line.place(),
        Severity.MISTAKE,
        line.text.split()[0],
        f"{what} as a repeat needs, so keepalived leaves the line out",
        "write ~SEQ(NAME, START, STEP, END), ~LST(NAME, VALUE, ...)"
        " or ~LST({NAME, NAME}, {VALUE, VALUE}, ...)",
    )
