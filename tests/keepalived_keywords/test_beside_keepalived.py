"""Held against the real keepalived: its keywords, and its verdict on generated files.

What differs is listed in docs/decisions/0019-keepalived-conf.md. VIPKEEPER_KEEPALIVED_FILES is how many files
are generated.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.keepalived_keywords.articles import ARTICLES
from tests.keepalived_keywords.corpus import Corpus
from tests.keepalived_keywords.meaning import meant
from tests.keepalived_keywords.real_keepalived import RealKeepalived, words_in_the_program
from vrrp_compat.keepalived_conf.exit_codes import like_keepalived
from vrrp_compat.keepalived_conf.keywords.rows import Layout, OldName, Reply, Row, walk
from vrrp_compat.keepalived_conf.keywords.top_level import TABLE
from vrrp_compat.keepalived_conf.script_rules import programs
from vrrp_compat.keepalived_conf.statements import Severity
from vrrp_compat.keepalived_conf.understood import Understood

pytestmark = [pytest.mark.root, pytest.mark.slow]

FILES = int(os.environ.get("VIPKEEPER_KEEPALIVED_FILES", "300"))
# It ends by a signal on some files that it does not understand.
CRASHED = -11
# Reading these would go on elsewhere, or end: they are no keywords of a block, or ask the host.
_NOT_TRIED = ("include", "instance", "net_namespace")


def blocks() -> list[tuple[str, tuple[Row, ...], Layout]]:
    """Each block whose lines are keywords: what it is called, the blocks around it, and what it may hold."""
    found: list[tuple[str, tuple[Row, ...], Layout]] = [("", (), TABLE)]
    for above, row in walk(TABLE):
        # 2.2.7 does not know the block of 2.4, and takes the host of an SMTP_CHECK in a way of its own.
        if row.layout is not None and row.layout.rows and not row.since and row.keyword != "host":
            found.append((" ".join(one.keyword for one in (*above, row)), (*above, row), row.layout))
    return found


@pytest.mark.parametrize(("name", "around", "layout"), blocks(), ids=[name for name, _, _ in blocks()])
def test_the_table_has_the_keywords_that_keepalived_has(
    keepalived: RealKeepalived, name: str, around: tuple[Row, ...], layout: Layout
) -> None:
    rows = {known: row for row in layout.rows for known in row.names if not known.startswith(_NOT_TRIED)}
    strangers = [word for word in words_in_the_program() if layout.find(word) is None]
    strangers = [word for word in strangers if not word.startswith(_NOT_TRIED)]
    opened = "".join(f"{row.keyword} {_name_of(row)} {{\n" for row in around)
    tried = [_tried(known, row) for known, row in rows.items()] + [f"{word} 1\n" for word in strangers]
    unknown_lines = keepalived.judge(opened + "".join(tried) + "}\n" * len(around)).unknown_lines
    line = opened.count("\n") + 1
    unknown = set()
    for word, text in zip([*rows, *strangers], tried, strict=True):
        unknown |= {word} if line in unknown_lines else set()
        line += text.count("\n")
    newer = {known for known, row in rows.items() if row.since or row.gone or _is_forgotten(known, row)}
    assert unknown == newer | set(strangers), f"in {name or 'no block'}"


def _name_of(row: Row) -> str:
    if row.keyword in {"virtual_server", "real_server"}:
        return "192.0.2.1 80"
    return "name" if row.takes else ""


def _tried(known: str, row: Row) -> str:
    """A line or a block with the keyword; the brace of an unknown block would end the one around it."""
    with_braces = row.layout is not None and not row.since
    return f"{known} {_name_of(row)} {{\n}}\n" if with_braces else f"{known} 1\n"


def _is_forgotten(known: str, row: Row) -> bool:
    return OldName(known, Reply.UNKNOWN) in row.old_names


def disagreement(keepalived: RealKeepalived, text: str) -> str:
    """What is told otherwise than by keepalived; nothing if all is told alike."""
    verdict = keepalived.judge(text)
    understood = meant(text)
    ours = like_keepalived(understood, absent_programs(understood))
    if verdict.exit_code in {ours, CRASHED} or is_listed(text, verdict.said):
        return ""
    remarks = "\n".join(
        f"  {remark}"
        for remark in understood.remarks
        if remark.severity in {Severity.MISTAKE, Severity.FATAL}
    )
    codes = f"keepalived ends with {verdict.exit_code}, ours with {ours}"
    return f"{codes}\n{verdict.said}\nours:\n{remarks}\n{text}"


def absent_programs(understood: Understood) -> frozenset[str]:
    named = {program for block in understood.blocks for program in programs(block)}
    return frozenset(program for program in named if not Path(program).exists())


def is_listed(text: str, said: str) -> bool:
    """Whether the difference is one of those that the decision lists."""
    return False


@pytest.mark.parametrize("first", range(0, FILES, 50))
def test_generated_files_are_judged_as_by_keepalived(keepalived: RealKeepalived, first: int) -> None:
    seeds = range(first, min(first + 50, FILES))
    found = {seed: disagreement(keepalived, Corpus(seed).text()) for seed in seeds}
    wrong = {seed: text for seed, text in found.items() if text}
    assert not wrong, f"{len(wrong)} of {len(seeds)}; seed {min(wrong)}:\n{wrong[min(wrong)]}"


@pytest.mark.parametrize("article", ARTICLES)
def test_files_of_articles_are_accepted(keepalived: RealKeepalived, article: str) -> None:
    text = ARTICLES[article]
    assert disagreement(keepalived, text) == ""
    assert not [remark for remark in meant(text).remarks if remark.severity is Severity.FATAL]
