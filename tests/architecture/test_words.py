"""The repository speaks of the product, to a reader who has only the repository.

Numbers of tickets, notes to oneself and paths of one machine mean nothing to that reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("vipkeeper", "backends", "vrrp_compat", "tests", "docs", "deploy", ".ci")
SUFFIXES = frozenset(
    {".py", ".md", ".toml", ".yml", ".yaml", ".service", ".conf", ".sh", ".txt", ".proto", ""}
)

# One character of each stands in brackets, so that this file does not match itself.
PATTERNS = {
    "a ticket number": re.compile(r"(?<![\w&/#])#[0-9]+\b|\b(?:issu[e]|ticke[t]|PR) #?[0-9]+"),
    "a note to oneself": re.compile(r"\b(?:TOD[O]|FIXM[E]|XX[X]|HAC[K])\b"),
    "a path of one machine": re.compile(r"(?<![\w.])/(?:wor[k]|hom[e]/\w+|roo[t]|User[s]|opt/whee[l]s)/"),
    "a path outside the repository": re.compile(r"\.\./share[d]|\bDESIG[N]\.md|\bbrie[f]\.md"),
}


def foreign_words(root: Path) -> list[str]:
    """Lines that speak of something else than the product."""
    return [
        f"{path.relative_to(root)}:{number}: {kind}: {found.group()}"
        for path in texts(root)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for kind, pattern in PATTERNS.items()
        if (found := pattern.search(line))
    ]


def texts(root: Path) -> Iterator[Path]:
    for path in sorted(root.iterdir()):
        if path.is_file() and path.suffix in SUFFIXES and path.name != "LICENSE":
            yield path
    for place in PLACES:
        for path in sorted((root / place).rglob("*")):
            hidden = "__pycache__" in path.parts or any(part.endswith(".egg-info") for part in path.parts)
            if path.is_file() and path.suffix in SUFFIXES and not hidden:
                yield path


def test_only_the_product_is_spoken_of() -> None:
    assert foreign_words(ROOT) == []


@pytest.mark.parametrize(
    "line",
    [
        "see " + "#" + "12",
        "closes issue " + "7",
        "# TO" + "DO: later",
        "# FIX" + "ME",
        "path = '/ho" + "me/someone/x'",
        "cd /wo" + "rk/main",
        "as ../sha" + "red/notes says",
    ],
)
def test_a_foreign_word_is_reported(tmp_path: Path, line: str) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "x.md").write_text(f"first\n{line}\n")
    (report,) = foreign_words(tmp_path)
    assert report.startswith("docs/x.md:2: ")


def test_the_products_own_words_are_not_reported(tmp_path: Path) -> None:
    (tmp_path / "x.md").write_text("an issue with a lease; colour #a0b; https://example.org/work/; &#39;\n")
    assert foreign_words(tmp_path) == []
