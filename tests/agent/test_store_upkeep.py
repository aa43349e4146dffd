"""Advice about the store reaches the log when it is new, not each time, and never as a flood."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from backends.store import Advice, Unknown
from vipkeeper.agent.logs import set_up_logging
from vipkeeper.agent.store_upkeep import TOLD_AGAIN_AFTER_S, Told, report

FULL, LONG = Advice("it is full"), Advice("its history is long")


@pytest.fixture(autouse=True)
def quiet_afterwards() -> Iterator[None]:
    """The logger belongs to the process; give it back as it was."""
    logger = logging.getLogger("vipkeeper")
    before = logger.handlers[:], logger.level, logger.propagate
    yield
    logger.handlers[:], logger.level, logger.propagate = before


def test_advice_is_told_when_it_appears_and_once_a_day() -> None:
    told = Told()
    assert told.news([FULL], 0.0) == [FULL.text]
    assert told.news([FULL], 600.0) == []
    assert told.news([FULL, LONG], 1200.0) == [LONG.text]
    assert told.news([FULL, LONG], TOLD_AGAIN_AFTER_S) == [FULL.text]
    assert told.news([FULL, LONG], TOLD_AGAIN_AFTER_S + 1200.0) == [LONG.text]


def test_what_went_away_is_news_when_it_comes_back() -> None:
    told = Told()
    assert told.news([FULL], 0.0) == [FULL.text]
    assert told.news([], 600.0) == []
    assert told.news([FULL], 1200.0) == [FULL.text]


def test_advice_that_several_members_give_alike_is_told_once() -> None:
    assert Told().news([FULL, FULL], 0.0) == [FULL.text]


def test_a_changed_text_is_news() -> None:
    told = Told()
    told.news([Advice("80 %")], 0.0)
    assert told.news([Advice("85 %")], 600.0) == ["85 %"]


def test_it_is_a_warning_and_a_store_that_does_not_tell_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("text", "debug")
    told = Told()
    report((FULL,), told, 0.0)
    report(Unknown("permission denied", "user"), told, 600.0)
    report((FULL,), told, 1200.0)
    warning, debug = capsys.readouterr().err.splitlines()
    assert " warning store-advice | it is full" in warning
    assert " debug store-not-examined | permission denied" in debug
