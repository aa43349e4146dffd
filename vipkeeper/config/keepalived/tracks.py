"""vrrp_script, track_file and vrrp_track_process, and what instances and groups track.

Rules of this file: see `drafts.py`; a name that is not defined is left out, as keepalived does, and told.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

import msgspec

from vipkeeper.config.keepalived.drafts import Draft
from vipkeeper.config.keepalived.programs import put_program
from vipkeeper.config.keepalived.views import View
from vipkeeper.config.toml_positions import Path
from vipkeeper.config.track_schema import HEAVIEST
from vrrp_compat.keepalived_conf.statements import Severity, Statement

KINDS = ("track_script", "track_file", "track_process")


class Definitions(msgspec.Struct, frozen=True):
    """What is defined, by kind and name. A kind is the name of our table."""

    names: frozenset[tuple[str, str]]


class TrackLine(msgspec.Struct, frozen=True):
    """One line of a `track_...` block."""

    kind: str
    name: str
    weight: int | None  # None: that of the definition
    reverse: bool | None
    line: Statement


def put_definitions(draft: Draft, tops: Iterable[View]) -> Definitions:
    """All that can be tracked."""
    found = set()
    writers = {
        "vrrp_script": ("track_script", _put_script),
        "track_file": ("track_file", _put_file),
        "vrrp_track_process": ("track_process", _put_process),
    }
    for view in tops:
        if view.block.keyword not in writers or not view.name:
            continue
        kind, put = writers[view.block.keyword]
        if put(draft, (kind, view.name), view):
            found.add((kind, view.name))
    return Definitions(frozenset(found))


def _put_script(draft: Draft, path: Path, view: View) -> bool:
    script = view.find("script")
    if script is None:
        draft.remark(view.statement, Severity.MISTAKE, "it has no `script`", "add one; it is left out")
        draft.leave_out(view.statement, "it has no `script`")
        return False
    draft.open_table(path, view.statement, _said(view))
    if not put_program(draft, path, script):
        draft.take_back(path)
        return False
    for keyword in ("interval", "timeout", "rise", "fall"):
        _put_number(draft, path, view, keyword)
    _put_weight(draft, path, view)
    if view.flag("init_fail"):
        draft.put((*path, "init_fail"), True, _line(view, "init_fail"))
    user = view.find("user")
    if user is not None:
        words = [word.text for word in user.statement.words]
        for key, text in zip(("user", "group"), words, strict=False):
            draft.put((*path, key), text, user.statement)
    return True


def _put_file(draft: Draft, path: Path, view: View) -> bool:
    file = view.find("file")
    if file is None or not file.values:
        draft.remark(view.statement, Severity.MISTAKE, "it has no `file`", "add one; it is left out")
        draft.leave_out(view.statement, "it has no `file`")
        return False
    draft.open_table(path, view.statement, _said(view))
    draft.put((*path, "file"), str(file.values[0]), file.statement)
    _put_weight(draft, path, view)
    init = view.find("init_file")
    if init is not None:
        words = [word.text for word in init.statement.words]
        numbers = [int(word) for word in words if word.lstrip("-").isdigit()]
        draft.put((*path, "init_file"), numbers[0] if numbers else 0, init.statement)
        if "overwrite" in words:
            draft.put((*path, "overwrite"), True, init.statement)
    return True


def _put_process(draft: Draft, path: Path, view: View) -> bool:
    process = view.find("process")
    words = [word.text for word in process.statement.words] if process is not None else []
    if process is None or not words:
        draft.remark(view.statement, Severity.MISTAKE, "it has no `process`", "add one; it is left out")
        draft.leave_out(view.statement, "it has no `process`")
        return False
    draft.open_table(path, view.statement, _said(view))
    draft.put((*path, "process"), shlex.join(words), process.statement)
    match = view.text("param_match")
    if match is not None:
        draft.put((*path, "param_match"), match, _line(view, "param_match"))
    elif len(words) > 1:
        draft.put((*path, "param_match"), "exact", process.statement)
    for keyword in ("quorum", "quorum_max", "delay", "fork_delay", "terminate_delay"):
        _put_number(draft, path, view, keyword)
    _put_weight(draft, path, view)
    if view.flag("full_command"):
        draft.put((*path, "full_command"), True, _line(view, "full_command"))
    return True


def _put_number(draft: Draft, path: Path, view: View, keyword: str) -> None:
    number = view.number(keyword)
    if number is not None:
        draft.put((*path, keyword), number, _line(view, keyword))


def _put_weight(draft: Draft, path: Path, view: View) -> None:
    number = view.number("weight")
    if number is None:
        return
    line = _line(view, "weight")
    draft.put((*path, "weight"), _within(int(number)), line)
    if any(word.text == "reverse" for word in line.words):
        draft.put((*path, "reverse"), True, line)


def _line(view: View, keyword: str) -> Statement:
    found = view.find(keyword)
    if found is None:
        raise KeyError(keyword)
    return found.statement


def _said(view: View) -> str:
    return f"{view.block.keyword} {view.name}"


def _within(weight: int) -> int:
    return max(-HEAVIEST, min(HEAVIEST, weight))


def read_tracks(view: View, keyword: str) -> Iterator[TrackLine]:
    """The lines of the blocks `keyword` of an instance or a group; of two for one name the first counts."""
    seen: set[str] = set()
    for line in view.lines(keyword):
        if line.keyword in seen:
            continue
        seen.add(line.keyword)
        weight, reverse = (*line.values, None, None)[:2]
        yield TrackLine(
            keyword,
            line.keyword,
            _within(weight) if isinstance(weight, int) else None,
            reverse if isinstance(reverse, bool) else None,
            line.statement,
        )


def put_track(draft: Draft, path: Path, track: TrackLine) -> None:
    """One tracked thing below a VIP or a group."""
    place: Path = (*path, track.kind, track.name)
    draft.open_table(place, track.line, f"{track.kind} {track.name}")
    if track.weight is not None:
        draft.put((*place, "weight"), track.weight, track.line, f"{track.kind} {track.name}")
    if track.reverse is not None:
        draft.put((*place, "reverse"), track.reverse, track.line, f"{track.kind} {track.name}")


def put_tracks(draft: Draft, path: Path, view: View, known: Definitions) -> None:
    """What an instance or a group tracks of scripts, files and processes."""
    for kind in KINDS:
        for track in read_tracks(view, kind):
            if (kind, track.name) in known.names:
                put_track(draft, path, track)
            else:
                draft.leave_out(track.line, f"no {kind.replace('track_', '')} of this name is defined")
