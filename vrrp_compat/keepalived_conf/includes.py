"""`include` and its stricter forms: which files a line asks for, and what it means if they are not there.

Rules of this file: no file is opened; patterns are taken apart, braces expanded, checks decided.
"""

from __future__ import annotations

import enum
import re
from pathlib import PurePosixPath

import msgspec

from vrrp_compat.keepalived_conf.statements import Place, Remark, Severity
from vrrp_compat.keepalived_conf.text_lines import BLANKS, Line

# Beyond it, a pattern is a mistake: {a,b}{a,b}{a,b}... doubles with each pair.
MOST_BRACE_PARTS = 1000

_INCLUDE = re.compile(r"(include[rmwba]?)\s+(?=\S)", re.ASCII)
_WILDCARDS = re.compile(r"[*?\[]")


class Check(enum.Flag):
    """What of an include has to be there. The values of `include_check`."""

    NONE = 0
    READABLE = enum.auto()
    MATCH = enum.auto()
    WILDCARD_MATCH = enum.auto()
    BRACE_MATCH = enum.auto()
    ALL = READABLE | MATCH | WILDCARD_MATCH | BRACE_MATCH


_OF_KEYWORD = {
    "include": Check.NONE,
    "includer": Check.READABLE,
    "includem": Check.READABLE | Check.MATCH,
    "includew": Check.READABLE | Check.MATCH | Check.WILDCARD_MATCH,
    "includeb": Check.READABLE | Check.BRACE_MATCH,
    "includea": Check.ALL,
}
_OF_OPTION = {
    "readable": _OF_KEYWORD["includer"],
    "match": _OF_KEYWORD["includem"],
    "wildcard_match": _OF_KEYWORD["includew"],
    "brace_match": _OF_KEYWORD["includeb"],
}
_REMOVED = {
    "readable": Check.READABLE,
    "match": Check.MATCH,
    "wildcard_match": Check.WILDCARD_MATCH,
    "brace_match": Check.BRACE_MATCH,
}


class Include(msgspec.Struct, frozen=True):
    """One such line: `pattern` is all that follows the keyword, blanks and quotes too."""

    keyword: str
    pattern: str
    place: Place
    check: Check


def include_in(line: Line, check: Check) -> Include | None:
    """The include that a line is, if it is one; `check` is what include_check asks for here."""
    if not line.text.startswith("include"):
        return None
    found = _INCLUDE.match(line.text)
    if found is None:
        return None
    keyword = found.group(1)
    pattern = line.text[found.end() :].strip(BLANKS)
    return Include(keyword, pattern, line.place(found.end()), check | _OF_KEYWORD[keyword])


def raised_check(current: Check, options: tuple[str, ...]) -> Check:
    """What `include_check` with these options leaves in force. What is no option is left out."""
    if not options:
        return Check.ALL
    if options[0][:1] not in ("+", "-"):
        current = Check.NONE
    for option in options:
        name = option.lstrip("+-")
        if name not in _OF_OPTION:
            continue
        current = current & ~_REMOVED[name] if option.startswith("-") else current | _OF_OPTION[name]
    return current


def wanted_paths(pattern: str, directory: str) -> tuple[str, ...] | None:
    """The patterns of files that an include names, after its braces, from where it stands; None: too many."""
    parts = brace_parts(pattern)
    return None if parts is None else tuple(str(PurePosixPath(directory, part)) for part in parts)


def brace_parts(pattern: str) -> tuple[str, ...] | None:
    """`a{b,c{d,e}}` as `ab`, `acd`, `ace`. Braces without a partner are characters. None: too many parts."""
    waiting = [pattern]
    done: list[str] = []
    while waiting:
        part = waiting.pop()
        group = _first_group(part)
        if group is None:
            done.append(part)
        else:
            start, end, choices = group
            waiting += [part[:start] + choice + part[end:] for choice in reversed(choices)]
        if len(done) + len(waiting) > MOST_BRACE_PARTS:
            return None
    return tuple(done)


def _first_group(text: str) -> tuple[int, int, list[str]] | None:
    """Where the first pair of braces is, and what it offers. `{}` is no group."""
    start = -1
    while (start := text.find("{", start + 1)) >= 0:
        depth, begins, choices = 0, start + 1, []
        for index in range(start, len(text)):
            character = text[index]
            if character == "{":
                depth += 1
            elif character in ",}" and depth == 1:
                choices.append(text[begins:index])
                begins = index + 1
            if character == "}":
                depth -= 1
                if depth == 0:
                    if choices != [""]:
                        return start, index + 1, choices
                    break
    return None


def not_found(include: Include, missing: tuple[str, ...], *, any_found: bool) -> Remark | None:
    """What to say when some patterns of an include match no file; nothing of an empty conf.d."""
    plain = [path for path in missing if _WILDCARDS.search(path) is None]
    if not (plain or (Check.WILDCARD_MATCH in include.check and not any_found)):
        return None
    fix = "correct the path, or delete the line"
    if include.pattern[:1] in ('"', "'"):
        fix = "write the path without quotes, which keepalived takes for a part of the name"
    return Remark(
        include.place,
        Severity.FATAL if _must_be_there(include, plain) else Severity.WARNING,
        include.keyword,
        f"there is no file {', '.join(plain or missing)}",
        fix,
    )


def _must_be_there(include: Include, plain: list[str]) -> bool:
    """Whether keepalived does not start without these files; `plain` are those without wildcards."""
    if not plain:
        return True
    return (Check.BRACE_MATCH if "{" in include.pattern else Check.MATCH) in include.check


def not_readable(include: Include, path: str, reason: str) -> Remark:
    """What to say when a file that an include names cannot be read."""
    return Remark(
        include.place,
        Severity.FATAL if Check.READABLE in include.check else Severity.WARNING,
        include.keyword,
        f"{path} cannot be read: {reason}",
        "let the user of the agent read it, or delete the line",
    )
