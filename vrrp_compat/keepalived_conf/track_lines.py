"""Lines of `track_script`, `track_file`, `track_process`, `track_bfd` and `track_interface`.

Rules of this file: keepalived's: a thing must be defined above the line that tracks it, or it is not tracked.
"""

from __future__ import annotations

import msgspec

from vrrp_compat.keepalived_conf.keyword_reading import mistake
from vrrp_compat.keepalived_conf.keywords.parameters import BadWord, Whole
from vrrp_compat.keepalived_conf.keywords.rows import Listing
from vrrp_compat.keepalived_conf.known_words import nearest
from vrrp_compat.keepalived_conf.statements import Place, Remark, Statement, Word
from vrrp_compat.keepalived_conf.understood import Value

_HEAVIEST = 253
_WEIGHT = Whole(least=-_HEAVIEST - 1, most=_HEAVIEST + 1)
# These take 254 as it is; for the others it is lowered to 253, with a report.
_WITH_254 = (Listing.FILES, Listing.PROCESSES)
DEFINED_BY = {
    Listing.SCRIPTS: "vrrp_script",
    Listing.FILES: "track_file",
    Listing.PROCESSES: "vrrp_track_process",
    Listing.BFDS: "bfd_instance",
}


class Definitions(msgspec.Struct):
    """What may be tracked, by kind: the names so far, and those of the whole file with their places."""

    above: dict[str, set[str]]
    anywhere: dict[str, dict[str, Place]]


class TrackLine(msgspec.Struct, frozen=True):
    """What a line means. Without values it is left out."""

    values: tuple[Value, ...] | None
    remarks: tuple[Remark, ...] = ()


def read_track(listing: Listing, line: Statement, defined: Definitions, tracked: set[str]) -> TrackLine:
    """One line; `tracked` are the names of the lines above it in the same block."""
    name = line.keyword.text
    keyword = DEFINED_BY.get(listing)
    if keyword is not None and name not in defined.above.get(keyword, ()):
        return TrackLine(None, (_undefined(keyword, line, defined),))
    if name in tracked:
        return TrackLine(None, (mistake(line, "it is tracked already, some lines above", "remove one"),))
    if not line.words:
        return TrackLine(())
    return _weighed(listing, line)


def _weighed(listing: Listing, line: Statement) -> TrackLine:
    option, *rest = line.words
    if option.text != "weight":
        return _left_out(line, option, f"{option.text!r} is no option here", "write weight N")
    if not rest:
        return _left_out(line, option, "the number behind weight is missing", "write weight N")
    weight = _WEIGHT.read(rest[0].text)
    if not isinstance(weight, int):
        wrong = weight.wrong if isinstance(weight, BadWord) else ""
        return TrackLine((), (mistake(line, wrong, "the weight of its definition counts", rest[0].place),))
    if len(rest) > 1 and rest[1].text not in {"reverse", "noreverse"}:
        return _left_out(line, rest[1], f"{rest[1].text!r} is no option of a weight", "write reverse")
    remarks: list[Remark] = []
    if abs(weight) > _HEAVIEST and listing not in _WITH_254:
        weight = max(-_HEAVIEST, min(weight, _HEAVIEST))
        remarks.append(mistake(line, "254 is one too many", f"{weight} counts", rest[0].place))
    values = (weight,) if len(rest) == 1 else (weight, rest[1].text == "reverse")
    return TrackLine(values, tuple(remarks))


def _left_out(line: Statement, at: Word, wrong: str, fix: str) -> TrackLine:
    return TrackLine(None, (mistake(line, f"{wrong}, so it is not tracked", fix, at.place),))


def _undefined(keyword: str, line: Statement, defined: Definitions) -> Remark:
    name = line.keyword.text
    everywhere = defined.anywhere.get(keyword, {})
    if name in everywhere and everywhere[name] < line.keyword.place:
        wrong = f"it is not tracked, because its {keyword} is left out ({everywhere[name]})"
        return mistake(line, wrong, f"correct that {keyword}")
    if name in everywhere:
        return mistake(
            line,
            f"it is not tracked, because its {keyword} stands only further down ({everywhere[name]})",
            f"move that {keyword} above the block that tracks it",
        )
    close = nearest(name, everywhere)
    fix = f"write {close}, if that is meant" if close else f"define it above: {keyword} {name} {{ ... }}"
    return mistake(line, f"it is not tracked, because there is no {keyword} of that name", fix)
