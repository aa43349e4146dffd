"""Whatever a file says, it is understood without an exception, and every remark has its place."""

from __future__ import annotations

import random

import hypothesis
from hypothesis import strategies

from tests.keepalived_conf.memory_files import MAIN
from tests.keepalived_keywords.corpus import Corpus
from tests.keepalived_keywords.meaning import meant
from vrrp_compat.keepalived_conf.exit_codes import like_keepalived
from vrrp_compat.keepalived_conf.understood import Block, Understood

EXIT_CODES = {0, 2, 4, 5, 6}
MOST_SEEDS = 10**9


def judge(understood: Understood) -> None:
    assert like_keepalived(understood) in EXIT_CODES
    assert all(remark.place.file == MAIN and remark.place.line >= 1 for remark in understood.remarks)
    assert all(remark.wrong for remark in understood.remarks)
    for block in understood.blocks:
        judge_block(block)


def judge_block(block: Block) -> None:
    assert all(setting.place.line >= block.place.line for setting in block.settings)
    for inner in block.blocks:
        judge_block(inner)


@hypothesis.given(strategies.integers(0, MOST_SEEDS))
def test_generated_files(seed: int) -> None:
    judge(meant(Corpus(seed).text()))


@hypothesis.given(strategies.integers(0, MOST_SEEDS))
def test_generated_files_with_words_and_braces_exchanged(seed: int) -> None:
    chance = random.Random(seed)
    words = Corpus(seed).text().replace("\n", " \n ").split(" ")
    for _ in range(chance.randint(1, 10)):
        one, other = chance.randrange(len(words)), chance.randrange(len(words))
        words[one], words[other] = words[other], words[one]
    judge(meant(" ".join(words)))


@hypothesis.given(strategies.text())
def test_any_text(text: str) -> None:
    judge(meant(text))
