"""What is drained is kept for the next agent, as soon as it can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from vipkeeper.director.drains import Drains

DRAINED = {"web": frozenset({"web1"}), "mail": frozenset[str]()}


def test_it_is_there_for_the_next(tmp_path: Path) -> None:
    Drains(tmp_path).keep(DRAINED)
    assert Drains(tmp_path).of("web") == {"web1"}
    assert Drains(tmp_path).of("mail") == frozenset()


def test_what_cannot_be_kept_is_said_once_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run_dir = tmp_path / "not there"
    drains = Drains(run_dir)
    drains.keep(DRAINED)
    drains.keep(DRAINED)
    assert caplog.text.count("cannot be kept for the next agent") == 1
    run_dir.mkdir()
    drains.keep(DRAINED)
    assert Drains(run_dir).of("web") == {"web1"}


def test_nonsense_in_the_file_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "drained").write_text("[]")
    assert Drains(tmp_path).of("web") == frozenset()
