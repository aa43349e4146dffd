"""Text of keepalived.conf to statements: the one way in.

Rules of this file: the order of the steps is keepalived's, because each sees what the one before it left.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from vrrp_compat.keepalived_conf.block_builder import BlockBuilder
from vrrp_compat.keepalived_conf.comment_marks import without_comment
from vrrp_compat.keepalived_conf.line_words import Brace, Run, parts_of
from vrrp_compat.keepalived_conf.statements import Cut, Place, Remark, Severity, Written
from vrrp_compat.keepalived_conf.text_lines import Line, decoded, split_lines


class Unreadable(msgspec.Struct, frozen=True):
    """Why a file cannot be read, in the words of the system: `permission denied`."""

    reason: str


class ConfigFiles(Protocol):
    """The files that a configuration may consist of."""

    def read(self, path: str) -> bytes | Unreadable:
        """What is in one file."""
        ...

    def matching(self, pattern: str) -> tuple[str, ...]:
        """The paths that a pattern with `*`, `?` and `[...]` names, sorted; none if there are none."""
        ...


class Surroundings(msgspec.Struct, frozen=True):
    """What a configuration may ask about the host that reads it."""

    config_id: str = ""  # for lines that begin with @ID
    instance: str = ""  # ${_INSTANCE}
    environment: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])  # ${_ENV NAME}
    working_directory: str = "/"  # ${_PWD}
    random_seed: int = 0  # for ${_RANDOM}


def read_configuration(path: str, files: ConfigFiles, surroundings: Surroundings) -> Written:
    """All statements of a file and of what it includes. Nothing in it raises: what is odd is a remark."""
    return _Reading(files, surroundings).whole(path)


class _Reading:
    """The state of one reading."""

    def __init__(self, files: ConfigFiles, surroundings: Surroundings) -> None:
        self._files = files
        self._surroundings = surroundings
        self._builder = BlockBuilder()
        self._remarks: list[Remark] = []
        self._cuts: list[Cut] = []

    def whole(self, path: str) -> Written:
        self._file(path)
        statements, of_braces, trailing = self._builder.finish()
        remarks = sorted((*self._remarks, *of_braces), key=lambda remark: remark.place)
        return Written(statements, tuple(remarks), tuple(self._cuts), trailing)

    def _file(self, path: str) -> None:
        content = self._files.read(path)
        if isinstance(content, Unreadable):
            self._remarks.append(
                Remark(
                    Place(path, 1, 1),
                    Severity.FATAL,
                    "",
                    f"cannot be read: {content.reason}",
                    "correct the path, or who may read the file",
                )
            )
            return
        text, odd_text = decoded(path, content)
        lines, odd_lines = split_lines(path, text)
        self._remarks += odd_text + odd_lines
        for line in lines:
            self._line(line)

    def _line(self, line: Line) -> None:
        uncommented = without_comment(line)
        if uncommented.cut is not None:
            self._cuts.append(uncommented.cut)
        left = uncommented.line.stripped()
        self._words(left)
        self._builder.comment(uncommented.comment, behind=bool(left.text))

    def _words(self, line: Line) -> None:
        for part in parts_of(line):
            match part:
                case Run():
                    self._builder.words(part)
                case Brace():
                    self._builder.brace(part)
                case Remark():
                    self._remarks.append(part)
