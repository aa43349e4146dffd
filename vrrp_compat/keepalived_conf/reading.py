"""Text of keepalived.conf to statements: the one way in.

Rules of this file: the order of the steps is keepalived's, because each sees what the one before it left:
comments, conditions, definitions, repeats, names put in, includes, braces, words. Whatever stands behind a
brace goes through all of them again, as it does there.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from vrrp_compat.keepalived_conf.block_builder import BlockBuilder
from vrrp_compat.keepalived_conf.built_in_names import (
    RandomNumbers,
    environment_text,
    plain_built_in,
    random_text,
)
from vrrp_compat.keepalived_conf.comment_marks import without_comment
from vrrp_compat.keepalived_conf.conditions import kept_line
from vrrp_compat.keepalived_conf.config_files import ConfigFiles, Surroundings, Unreadable
from vrrp_compat.keepalived_conf.definitions import Definitions, definition_in
from vrrp_compat.keepalived_conf.growth import Growth
from vrrp_compat.keepalived_conf.includes import (
    Check,
    Include,
    include_in,
    not_found,
    not_readable,
    raised_check,
    wanted_paths,
)
from vrrp_compat.keepalived_conf.line_words import Parts, Run, first_segment, ordinary_parts, words_of
from vrrp_compat.keepalived_conf.multi_line import Collected
from vrrp_compat.keepalived_conf.repeats import begins_a_repeat, inside_of, repeat_in
from vrrp_compat.keepalived_conf.statements import Cut, Place, Remark, Severity, Written
from vrrp_compat.keepalived_conf.text_lines import Line, decoded, lookalikes, numbered_lines, usable_line

_SPECIAL = ("@", "$", "~", "include")  # how conditions, definitions, repeats and includes begin
_OBEYED = ("include_check", "random_seed")


def read_configuration(path: str, files: ConfigFiles, surroundings: Surroundings) -> Written:
    """All statements of a file and of what it includes. Nothing in it raises: what is odd is a remark."""
    return _Reading(files, surroundings).whole(path)


class _Reading:
    """The state of one reading."""

    def __init__(self, files: ConfigFiles, surroundings: Surroundings) -> None:
        self._files = files
        self._surroundings = surroundings
        self._numbers = RandomNumbers(surroundings.random_seed)
        self._definitions = Definitions()
        self._collected: Collected | None = None  # a definition of several lines that is not complete
        self._builder = BlockBuilder()
        self._open_files: list[str] = []
        self._check = Check.NONE
        self._growth = Growth()
        self._remarks: dict[Remark, None] = {}  # a repeated line says a thing once
        self._cuts: list[Cut] = []

    def whole(self, path: str) -> Written:
        """Everything, from the main file on."""
        content = self._files.read(path)
        if isinstance(content, Unreadable):
            self._say(
                Place(path, 1, 1),
                Severity.FATAL,
                f"cannot be read: {content.reason}",
                "correct the path, or who may read the file",
            )
        else:
            self._file(path, content, 0)
        statements, of_braces, trailing = self._builder.finish()
        of_growth = () if self._growth.over is None else (self._growth.over,)
        return Written(statements, (*self._remarks, *of_growth, *of_braces), tuple(self._cuts), trailing)

    # Files

    def _file(self, path: str, content: bytes, depth: int) -> None:
        text, odd_text = decoded(path, content)
        self._remarks.update(dict.fromkeys(odd_text))
        self._open_files.append(path)
        check = self._check
        for number, written in numbered_lines(text):
            if self._growth.over:
                break
            parts = ordinary_parts(path, number, written) if self._collected is None else None
            if parts is not None:
                self._ordinary_line(parts, depth)
                continue
            line = usable_line(path, number, written)
            if isinstance(line, Remark):
                self._remarks[line] = None
            else:
                self._written_line(line, depth)
        self._check = check
        if self._collected is not None:
            self._end_definition(self._collected)
        self._open_files.pop()

    def _include(self, include: Include, depth: int) -> None:
        patterns = wanted_paths(include.pattern, self._directory())
        if patterns is None:
            self._say(include.place, Severity.FATAL, "has braces for too many files", "name fewer")
            return
        if not self._growth.files(len(patterns), include.place):
            return
        paths = {pattern: self._files.matching(pattern) for pattern in patterns}
        missing = tuple(pattern for pattern, found in paths.items() if not found)
        remark = not_found(include, missing, any_found=len(missing) < len(paths)) if missing else None
        if remark is not None:
            self._remarks[remark] = None
        for pattern in patterns:
            for path in paths[pattern]:
                self._included_file(include, path, depth)

    def _included_file(self, include: Include, path: str, depth: int) -> None:
        if path in self._open_files:
            chain = " -> ".join([*self._open_files[self._open_files.index(path) :], path])
            self._say(include.place, Severity.FATAL, f"includes itself: {chain}", "delete this include")
            return
        if not self._growth.files(1, include.place):
            return
        content = self._files.read(path)
        if isinstance(content, Unreadable):
            self._remarks[not_readable(include, path, content.reason)] = None
        else:
            self._file(path, content, depth + 1)

    def _directory(self) -> str:
        return str(PurePosixPath(self._surroundings.working_directory, self._open_files[-1]).parent)

    # Lines

    def _ordinary_line(self, parts: Parts, depth: int) -> None:
        """A line that none of the steps before the last changes."""
        if depth and not self._growth.line(parts.place, depth):
            return
        if parts.run is not None:
            self._builder.words(parts.run)
            self._obey(parts.run)
        if parts.brace is not None:
            self._builder.brace(parts.brace, first_in_line=parts.run is None)

    def _written_line(self, written: Line, depth: int) -> None:
        """A line as it stands in a file."""
        if not written.text and self._collected is None:
            return
        uncommented = without_comment(written)
        if uncommented.cut is not None:
            self._cuts.append(uncommented.cut)
        line = uncommented.line.stripped()
        continues = written.text.endswith("\\")
        if line.text and (remark := lookalikes(line)) is not None:
            self._remarks[remark] = None
        if uncommented.comment and not line.text:
            self._builder.comment(uncommented.comment, behind=False)
        if self._collected is not None:
            self._collected.add(line)
            if not continues:
                self._end_definition(self._collected)
            return
        if continues:
            line = self._continued(line)
        taken = self._builder.taken
        self._line(line, depth)
        if uncommented.comment and line.text:
            # Behind a definition, or a line for another host, it is not about the statement before it.
            self._builder.comment(uncommented.comment, behind=self._builder.taken > taken)

    def _line(self, line: Line, depth: int) -> None:
        """A line without its comment, or what is left of one, or what another line stands for."""
        if not self._growth.line(line.place(), depth):
            return
        rest: Line | None = line
        at_start = True
        while rest is not None and rest.text:
            rest = self._next_part(rest, depth, first_in_line=at_start)
            at_start = False

    def _next_part(self, line: Line, depth: int, *, first_in_line: bool) -> Line | None:
        """Reads a line up to its first brace; what is left of it."""
        if not line.text.startswith(_SPECIAL) and "$" not in line.text:
            return self._up_to_a_brace(line, first_in_line=first_in_line)
        kept = kept_line(line, self._surroundings.config_id)
        if kept is None:
            return None
        started = definition_in(kept)
        if started is not None:
            self._definitions.define(started.name, (started.value,))
            return None
        if begins_a_repeat(kept):
            self._repeat(kept, depth)
            return None
        # Behind a `~` that begins no repeat keepalived puts nothing in.
        put_in = (kept,) if kept.text.startswith("~") else self._put_in(kept)
        if len(put_in) > 1:
            for single in put_in:
                self._line(single, depth + 1)
            return None
        left = put_in[0].stripped()
        if put_in[0] is not kept and left.text[:1] in ("@", "$", "~"):
            self._line(left, depth + 1)
            return None
        include = include_in(left, self._check)
        if include is not None:
            self._include(include, depth)
            return None
        return self._up_to_a_brace(left, first_in_line=first_in_line)

    def _up_to_a_brace(self, line: Line, *, first_in_line: bool) -> Line | None:
        segment = first_segment(line)
        run, wrong = words_of(segment.before)
        if wrong is not None:
            self._remarks[wrong] = None
        if run is not None:
            self._builder.words(run)
            self._obey(run)
        if segment.brace is not None:
            if segment.brace.text == "{" and segment.before.text.endswith("$"):
                self._unknown_name(segment.before)
            self._builder.brace(segment.brace, first_in_line=first_in_line and run is None)
        return None if segment.rest is None else segment.rest.stripped()

    def _obey(self, run: Run) -> None:
        """The two keywords that change how the lines behind them are read."""
        if run.words[0].text not in _OBEYED:
            return
        keyword, *words = [word.text for word in run.words]
        if keyword == "include_check" and self._builder.block_path() == ("global_defs",):
            self._check = raised_check(self._check, tuple(words))
        elif keyword == "random_seed" and words and words[0].isascii() and words[0].isdigit():
            self._numbers.seed(int(words[0]))

    # What stands for something else

    def _continued(self, line: Line) -> Line:
        """A line with a backslash at its end, which begins a definition or is a mistake."""
        kept = kept_line(line, self._surroundings.config_id)
        started = None if kept is None else definition_in(kept)
        if started is not None:
            self._collected = Collected(started)
            return line.part(0, 0)
        if line.text.endswith("\\"):
            self._say(
                line.place(len(line.text) - 1),
                Severity.WARNING,
                "a `\\` at the end of a line joins no lines, except in `$NAME=` definitions",
                "write all of it on one line",
            )
        return line

    def _end_definition(self, collected: Collected) -> None:
        self._definitions.define(collected.name, collected.lines())
        self._collected = None

    def _put_in(self, line: Line) -> tuple[Line, ...]:
        put_in = self._definitions.put_in(line, self._built_in)
        if isinstance(put_in, Remark):
            self._remarks[put_in] = None
            return (line,)
        return put_in

    def _repeat(self, line: Line, depth: int) -> None:
        inside = self._put_in(inside_of(line))
        repeat = repeat_in(line, " ".join(part.text for part in inside))
        if isinstance(repeat, Remark):
            self._remarks[repeat] = None
            return
        for assignments in repeat.rounds:
            if self._growth.over:
                return
            for name, value in assignments:
                where = line.place()
                self._definitions.define(
                    name, (Line(where.file, where.line, value, (where.column,) * len(value)),)
                )
            self._line(repeat.line, depth + 1)

    def _unknown_name(self, before: Line) -> None:
        wrong = "this `${` begins no name that is defined, so keepalived takes the brace for one of a block"
        fix = "define the name above, or put the word in double quotes"
        self._say(before.place(len(before.text) - 1), Severity.WARNING, wrong, fix)

    def _built_in(self, name: str, arguments: tuple[str, ...]) -> str | None:
        if name == "_RANDOM":
            return random_text(arguments, self._numbers)
        if name == "_ENV":
            return environment_text(arguments, self._surroundings.environment)
        if arguments:
            return None
        return plain_built_in(name, directory=self._directory(), config_id=self._surroundings.config_id)

    def _say(self, place: Place, severity: Severity, wrong: str, fix: str) -> None:
        self._remarks[Remark(place, severity, "", wrong, fix)] = None
