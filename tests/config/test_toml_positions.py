"""Every key of a TOML text is found on the line where it stands."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

import pytest
from hypothesis import given

from tests.config.written_toml import Path, Writer, documents
from vipkeeper.config.toml_positions import find_positions


def all_paths(value: object, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from all_paths(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from all_paths(inner, (*path, index))


@given(documents())
def test_positions_are_those_that_were_written(document: Writer) -> None:
    parsed = tomllib.loads(document.text)
    positions = find_positions(document.text)
    assert positions.exact_lines() == document.lines
    assert set(all_paths(parsed)) == set(positions.exact_lines())


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("lease",), 3),
        (("lease", "ttl"), 5),
        (("lease", "max"), 3),  # not written: the table that would have it
        (("vip", "web", "addresses", 1), 8),
        (("vip", "web", "addresses", 9), 7),
        (("vip", "web", "deep", "x"), 10),
        (("vip", "mail"), 6),
        (("cluster",), 1),
        (("log", "level"), None),
    ],
)
def test_what_is_not_written_is_where_it_would_belong(path: Path, line: int | None) -> None:
    text = """cluster = "a"

[lease]

ttl = 4
[vip.web] # addresses
addresses = [ "1.2.3.4", # one
  "1.2.3.5",
]
deep = {x = 1, y = 2}
"""
    assert find_positions(text).line_of(path) == line


def test_an_empty_document_has_no_positions() -> None:
    assert find_positions("# nothing\n").exact_lines() == {}
