"""`$NAME=value`, and putting the values in where `$NAME` or `${NAME}` stands.

Rules of this file: replacement is of text, when a line is used, and again in what was put in; a name without
a definition stays as it is. Definitions that put themselves in come to an end here.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from vrrp_compat.keepalived_conf.statements import Remark, Severity
from vrrp_compat.keepalived_conf.text_lines import LONGEST_LINE_BYTES, Line, size_in_bytes

# More than fit into a line even if each name has one letter.
MOST_REPLACEMENTS = LONGEST_LINE_BYTES // 2

_DEFINITION = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)=\s*", re.ASCII)
_USE = re.compile(
    r"\$(?:\{(?P<braced>[A-Za-z_][A-Za-z0-9_]*)(?P<arguments>(?:[ \t]+[^{}\s]+)*)[ \t]*\}"
    r"|(?P<bare>[A-Za-z_][A-Za-z0-9_]*)(?=[\s,)]|$))",
    re.ASCII,
)

BuiltIn = Callable[[str, tuple[str, ...]], "str | None"]


class Started(msgspec.Struct, frozen=True):
    """The beginning of a definition: its name, and what stands behind the `=`."""

    name: str
    value: Line


def definition_in(line: Line) -> Started | None:
    """The definition that a line is, if it is one."""
    found = _DEFINITION.match(line.text)
    return None if found is None else Started(found.group(1), line.part(found.end()))


class Definitions:
    """What is defined so far."""

    def __init__(self) -> None:
        self._lines: dict[str, tuple[Line, ...]] = {}

    def define(self, name: str, lines: tuple[Line, ...]) -> None:
        """From here on `name` means these lines."""
        self._lines[name] = lines

    def put_in(self, line: Line, built_in: BuiltIn) -> tuple[Line, ...] | Remark:
        """The line with its definitions put in: several lines if it ends in one of several lines."""
        if "$" not in line.text:
            return (line,)
        replaced = line
        for _ in range(MOST_REPLACEMENTS):
            step = self._one_step(replaced, built_in)
            if step is None:
                return (replaced,)
            if len(step) > 1:
                return step
            (replaced,) = step
            if size_in_bytes(replaced.text) > LONGEST_LINE_BYTES:
                break
        return Remark(
            line.place(line.text.index("$")),
            Severity.MISTAKE,
            line.text.split()[0],
            f"with definitions put in, the line has over {LONGEST_LINE_BYTES} bytes, and stays as it is",
            "see whether a definition puts itself in",
        )

    def _one_step(self, line: Line, built_in: BuiltIn) -> tuple[Line, ...] | None:
        """The line with the first name replaced that has a definition; None if there is none."""
        for found in _USE.finditer(line.text):
            value = self._value(found, built_in)
            if value is None:
                continue
            start, end = found.span()
            if isinstance(value, str):
                return (line.replaced(start, end, value),)
            if len(value) == 1:
                return (line.replaced(start, end, value[0].text),)
            if line.text[end:].strip():
                continue  # several lines can only end a line
            first = value[0] if start == 0 else line.replaced(start, end, value[0].text)
            return (first, *value[1:])
        return None

    def _value(self, found: re.Match[str], built_in: BuiltIn) -> tuple[Line, ...] | str | None:
        name = found.group("bare") or found.group("braced")
        arguments = tuple((found.group("arguments") or "").split())
        if not arguments and name in self._lines:
            return self._lines[name]
        return built_in(name, arguments)
