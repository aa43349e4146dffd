"""What the pages say of the repository is there: links, files, tests, and the figures of timing.md.

A promise whose test was renamed away is a promise nobody checks; so the pages are read like code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from vipkeeper.config.consequences import build_timing
from vipkeeper.config.schema import Config
from vipkeeper.config.timing_rules import longest_takeover_s, takeover_after_s
from vipkeeper.model.fences import FenceKind

ROOT = Path(__file__).resolve().parents[2]
TIMING = ROOT / "docs" / "timing.md"

LINK = re.compile(r"\]\(([^)#:\s]+)(?:#([^)\s]+))?\)")
NAMED = re.compile(r"`((?:vipkeeper|backends|vrrp_compat|tests|deploy|docs)/[\w./-]*)(?:::(\w+))?`")


def pages(root: Path) -> Iterator[Path]:
    yield from sorted(root.glob("*.md"))
    yield from sorted((root / "docs").rglob("*.md"))


def broken_references(root: Path) -> list[str]:
    """Links to nowhere, and named files or tests that do not exist."""
    found = []
    for page in pages(root):
        text = page.read_text()
        name = page.relative_to(root)
        for target, anchor in LINK.findall(text):
            linked = page.parent / target
            if not linked.exists():
                found.append(f"{name} links to {target}")
            elif anchor and anchor not in _anchors(linked):
                found.append(f"{name} links to {target}#{anchor}")
        for path, test in NAMED.findall(text):
            if not (root / path).exists():
                found.append(f"{name} names {path}")
            elif test and f"def {test}(" not in (root / path).read_text():
                found.append(f"{name} names {path}::{test}")
    return found


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


def test_pages_refer_to_what_exists() -> None:
    assert broken_references(ROOT) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("see [x](nowhere.md)", "links to nowhere.md"),
        ("see [x](y.md#no-such-title)", "links to y.md#no-such-title"),
        ("see `tests/faults/test_gone.py`", "names tests/faults/test_gone.py"),
        ("see `tests/test_y.py::test_gone`", "names tests/test_y.py::test_gone"),
    ],
)
def test_a_reference_to_nothing_is_reported(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_y.py").write_text("def test_there() -> None: ...\n")
    (tmp_path / "y.md").write_text("# A title, here\n`tests/test_y.py::test_there` [x](y.md#a-title-here)\n")
    (tmp_path / "x.md").write_text(text)
    (report,) = broken_references(tmp_path)
    assert report.endswith(complaint)


def failover_rows(page: Path) -> list[tuple[float, tuple[str, ...]]]:
    """The table whose columns are the fences: lease in seconds, and a cell for each fence."""
    lines = page.read_text().splitlines()
    head = lines.index("| lease | " + " | ".join(kind.value for kind in FenceKind) + " |")
    rows = []
    for line in lines[head + 2 :]:
        if not line.startswith("|"):
            break
        lease, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        rows.append((float(lease.removesuffix(" s")), tuple(cells)))
    return rows


def test_the_failover_times_are_those_of_the_rules() -> None:
    rows = failover_rows(TIMING)
    assert len(rows) > 3
    for ttl_s, cells in rows:
        assert cells == tuple(f"{takeover_after_s(ttl_s, kind):.2f} s" for kind in FenceKind)


def default_times(page: Path) -> list[float]:
    """The middle column of the table of defaults, in seconds."""
    lines = page.read_text().splitlines()
    rows = lines[lines.index("| time | default | from the lease (`ttl`) |") + 2 :]
    return [float(row.split("|")[2].strip().removesuffix(" s")) for row in rows[: rows.index("")]]


def test_the_default_times_are_those_of_the_rules() -> None:
    timing = build_timing(Config())
    assert default_times(TIMING) == [
        timing.ttl_s,
        timing.renew_every_s,
        timing.attempt_s,
        timing.lease_max_s,
        timing.grace_s,
        timing.ask_after_s,
        timing.ask_every_s,
        timing.ping_every_s,
    ]


def test_the_first_wait_is_that_of_the_rules() -> None:
    wait = f"about {longest_takeover_s(10.0):.1f} s"
    for page in (TIMING, ROOT / "docs" / "quickstart.md", ROOT / "README.md"):
        assert wait in page.read_text(), page
