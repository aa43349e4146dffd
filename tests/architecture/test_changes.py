"""Each file in docs/changes is one note for users, of a type that the change log knows."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["towncrier"]
TYPES = frozenset(kind["directory"] for kind in SETTINGS["type"])


def bad_fragments(folder: Path, types: frozenset[str]) -> list[str]:
    """Fragments that the change log would drop, refuse, or print as they should not be."""
    found = []
    for path in sorted(folder.glob("[!.]*")):  # .gitkeep keeps the folder through a release
        match = re.fullmatch(r"\+[a-z0-9-]+\.([a-z]+)\.md", path.name)
        if not match:
            found.append(f"{path.name}: named otherwise than +words-of-it.TYPE.md")
        elif match[1] not in types:
            found.append(f"{path.name}: {match[1]} is not one of {', '.join(sorted(types))}")
        elif not re.search(r"\w\.\n\Z", path.read_text()):
            found.append(f"{path.name}: is not a sentence with a full stop and a line end")
    return found


def test_fragments() -> None:
    assert bad_fragments(ROOT / SETTINGS["directory"], TYPES) == []


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("lease.feature.md", "A lease.\n", "named otherwise"),
        ("+lease.md", "A lease.\n", "named otherwise"),
        ("+lease.novelty.md", "A lease.\n", "novelty is not one of"),
        ("+lease.feature.md", "", "not a sentence"),
        ("+lease.feature.md", "A lease\n", "not a sentence"),
    ],
)
def test_a_bad_fragment_is_reported(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    (tmp_path / name).write_text(text)
    (report,) = bad_fragments(tmp_path, TYPES)
    assert complaint in report


def test_a_good_fragment_is_not_reported(tmp_path: Path) -> None:
    (tmp_path / "+lease.feature.md").write_text("A lease.\n")
    assert bad_fragments(tmp_path, frozenset({"feature"})) == []
