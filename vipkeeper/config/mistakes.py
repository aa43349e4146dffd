"""What is wrong with a configuration, said so that the reader can correct it at once.

Rules of this file: one sentence a mistake, with its place, the key, what is wrong, and what to write instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import msgspec

from vipkeeper.config.toml_positions import Path


class Mistake(msgspec.Struct, frozen=True):
    """`place` is `FILE:LINE` or a flag; it is empty where a default value is at fault."""

    place: str
    path: Path
    wrong: str
    fix: str = ""
    said: str = ""  # what the file calls the key, where that is not its path

    def __str__(self) -> str:
        head = ": ".join(part for part in (self.place, self.said or dotted(self.path)) if part)
        body = _sentence(self.wrong, self.fix)
        return f"{head}: {body}" if head else body


class Finding(msgspec.Struct, frozen=True):
    """What a rule has to say about one key, before anybody looked up where that key stands."""

    path: Path
    wrong: str
    fix: str = ""

    @property
    def sentence(self) -> str:
        """Without the key."""
        return _sentence(self.wrong, self.fix)


def _sentence(wrong: str, fix: str) -> str:
    return f"{wrong}; {fix}" if fix else wrong


def told_once(findings: Iterable[Finding]) -> Iterator[str]:
    """For a log: of those that say the same the first key, and how many more there are."""
    paths: dict[str, list[Path]] = {}
    for finding in findings:
        paths.setdefault(finding.sentence, []).append(finding.path)
    for sentence, (first, *others) in paths.items():
        key = f"{dotted(first)} and {len(others)} more" if others else dotted(first)
        yield f"{key}: {sentence}" if key else sentence


def dotted(path: Path) -> str:
    """`path` as one would write it in TOML: `vip.web.addresses[1]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        key = (
            part
            if part and all(c.isascii() and (c.isalnum() or c in "-_") for c in part)
            else json.dumps(part)
        )
        text += f".{key}" if text else key
    return text


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be."""
    import difflib  # 5 ms that a file without mistakes need not pay

    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def named_value(value: object) -> str:
    """A value of a TOML document as a message names it."""
    if isinstance(value, str):
        return f'the text "{value}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, dict):
        return "a table"
    return f"the date {value}"
