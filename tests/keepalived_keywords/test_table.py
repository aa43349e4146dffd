"""The table of keywords holds every keyword, once in each block, with a reason and with keys that exist."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from vipkeeper.config.mistakes import dotted
from vipkeeper.config.typed_document import setting_paths
from vrrp_compat.keepalived_conf.keywords.page import page
from vrrp_compat.keepalived_conf.keywords.rows import Row, walk
from vrrp_compat.keepalived_conf.keywords.top_level import TABLE
from vrrp_compat.keepalived_conf.understood import Fate

ROOT = Path(__file__).resolve().parents[2]
ROWS = [(above[-1].keyword if above else "", row) for above, row in walk(TABLE)]
# Every keyword that the manual and the source of keepalived 2.4 have, written down apart from the table.
KNOWN = (Path(__file__).parent / "keywords_of_keepalived.txt").read_text().split()


def test_every_keyword_of_keepalived_has_a_row() -> None:
    names = {name for _, row in ROWS for name in row.names}
    assert [word for word in KNOWN if word not in names] == []


def test_no_keyword_is_in_a_block_twice() -> None:
    for layout in {row.layout for _, row in ROWS if row.layout is not None} | {TABLE}:
        counts = Counter(name for row in layout.rows for name in row.names)
        assert [name for name, count in counts.items() if count > 1] == []


@pytest.mark.parametrize(("block", "row"), ROWS, ids=lambda value: getattr(value, "keyword", value))
def test_a_row_says_what_becomes_of_its_keyword(block: str, row: Row) -> None:
    if row.fate is Fate.CARRIED_OUT:
        assert row.ours or "while the file is read" in row.says
    else:
        assert row.says.endswith(".")
        assert row.ours == ()


def test_what_carries_a_keyword_out_is_in_our_own_format() -> None:
    keys = {dotted(path) for path in setting_paths()}
    tables = {key.rpartition(".")[0] for key in keys} | {key.split(".")[0] for key in keys}
    tables |= {key.rpartition(".")[0] for key in tables}
    unknown = {word for _, row in ROWS for word in row.ours} - keys - tables
    assert unknown == set()


def test_the_page_is_current() -> None:
    module = "vrrp_compat.keepalived_conf.keywords.page"
    text = (ROOT / "docs" / "keepalived-keywords.md").read_text()
    assert text == page(), f"run: python -m {module} > docs/keepalived-keywords.md"


def test_the_page_has_a_line_for_every_row_of_every_layout() -> None:
    layouts = {row.layout for _, row in ROWS if row.layout is not None and row.layout.rows} | {TABLE}
    assert page().count("\n| `") == sum(len(layout.rows) for layout in layouts)
