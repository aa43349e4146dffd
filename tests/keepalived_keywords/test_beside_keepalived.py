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
from tests.keepalived_keywords.real_keepalived import RealKeepalived, Verdict, words_in_the_program
from tests.keepalived_keywords.service_corpus import ServiceCorpus
from vrrp_compat.keepalived_conf.exit_codes import like_keepalived
from vrrp_compat.keepalived_conf.keywords.rows import Layout, OldName, Reply, Row, walk
from vrrp_compat.keepalived_conf.keywords.top_level import TABLE
from vrrp_compat.keepalived_conf.script_rules import programs
from vrrp_compat.keepalived_conf.statements import Severity
from vrrp_compat.keepalived_conf.understood import Understood

pytestmark = [pytest.mark.root, pytest.mark.slow]

FILES = int(os.environ.get("VIPKEEPER_KEEPALIVED_FILES", "175"))
# More crashes than this, and the comparison says little.
MOST_CRASHES = 0.05
# There is no user of the name keepalived_script here, and so no script without a user.
_NO_DEFAULT_USER = "Unable to set default user"
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


def disagreement(verdict: Verdict, text: str) -> str:
    """What is told otherwise than by keepalived; nothing if all is told alike."""
    understood = meant(text)
    ours = like_keepalived(understood, absent_programs(understood))
    if verdict.exit_code == ours or verdict.crashed or is_listed(verdict.said):
        return ""
    codes = f"keepalived ends with {verdict.exit_code}, ours with {ours}"
    return f"{codes}\n{verdict.said}\nours: {mistakes(understood)}\n{text}"


def absent_programs(understood: Understood) -> frozenset[str]:
    named = {program for block in understood.blocks for program in programs(block)}
    return frozenset(program for program in named if not Path(program).exists())


def is_listed(said: str) -> bool:
    """Whether the difference is a listed one: it comes from the host and not from the file."""
    return _NO_DEFAULT_USER in said


@pytest.mark.parametrize("corpus", [Corpus, ServiceCorpus])
@pytest.mark.parametrize("first", range(0, FILES, 25))
def test_generated_files_are_judged_as_by_keepalived(
    keepalived: RealKeepalived, corpus: type[Corpus], first: int
) -> None:
    texts = {seed: corpus(seed).text() for seed in range(first, min(first + 25, FILES))}
    verdicts = {seed: keepalived.judge(text) for seed, text in texts.items()}
    found = {seed: disagreement(verdicts[seed], text) for seed, text in texts.items()}
    wrong = {seed: text for seed, text in found.items() if text}
    assert not wrong, f"{len(wrong)} of {len(texts)}; seed {min(wrong)}:\n{wrong[min(wrong)]}"
    for seed, verdict in verdicts.items():
        if verdict.exit_code == 0:
            assert mistakes(meant(texts[seed])) == []
    assert sum(verdict.crashed for verdict in verdicts.values()) <= MOST_CRASHES * len(verdicts)


def mistakes(understood: Understood) -> list[str]:
    return [str(one) for one in understood.remarks if one.severity in {Severity.MISTAKE, Severity.FATAL}]


@pytest.mark.parametrize("corpus", [Corpus, ServiceCorpus])
def test_the_corpus_has_files_of_every_verdict(corpus: type[Corpus]) -> None:
    assert {like_keepalived(meant(corpus(seed).text())) for seed in range(FILES)} == {0, 2, 5, 6}


@pytest.mark.parametrize("article", ARTICLES)
def test_files_of_articles_are_accepted(keepalived: RealKeepalived, article: str) -> None:
    text = ARTICLES[article]
    assert disagreement(keepalived.judge(text), text) == ""
    assert not [remark for remark in meant(text).remarks if remark.severity is Severity.FATAL]


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("vrrp_instance VI {\nstate MASTER\n}\n", "ours with 5"),
        ("global_defs {\nsmtp_alert\n}\n", ""),
    ],
)
def test_a_disagreement_would_be_seen(text: str, ours: str) -> None:
    assert ours in disagreement(Verdict(0, ""), text)
    assert disagreement(Verdict(5, ""), text) != disagreement(Verdict(0, ""), text)
