"""One line for each event: as text that can be cut at spaces, or as one JSON object."""

from __future__ import annotations

import json
import logging
import re
import shlex
from collections.abc import Iterator

import pytest

from vipkeeper.agent.logs import log, set_up_logging

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


@pytest.fixture(autouse=True)
def quiet_afterwards() -> Iterator[None]:
    """The logger belongs to the process; give it back as it was."""
    logger = logging.getLogger("vipkeeper")
    before = logger.handlers[:], logger.level, logger.propagate
    yield
    logger.handlers[:], logger.level, logger.propagate = before


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_text_has_the_event_its_fields_in_order_and_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("text", "info")
    log(logging.INFO, "holder", "nobody had owned it", vip="web", reason="first-claim", epoch=1)
    (line,) = lines(capsys)
    assert re.fullmatch(
        TIME + r" info holder vip=web reason=first-claim epoch=1 \| nobody had owned it", line
    )


def test_what_is_empty_is_left_out_and_zero_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("text", "info")
    log(logging.WARNING, "notice", detail="", owner=None, epoch=0)
    (line,) = lines(capsys)
    assert line.endswith("warning notice epoch=0")


@pytest.mark.parametrize("value", ["two words", 'say "yes"', "a=b", "", "plain", "tab\there", "new\nline"])
def test_a_value_can_be_read_back(capsys: pytest.CaptureFixture[str], value: str) -> None:
    set_up_logging("text", "info")
    log(logging.INFO, "event", vip="web", detail=value, last="x")
    (line,) = lines(capsys)
    words = dict(word.split("=", 1) for word in shlex.split(line)[3:])
    expected = {"vip": "web", "detail": value, "last": "x"}
    if not value:
        del expected["detail"]
    if "\n" in value or "\t" in value:
        expected["detail"] = json.dumps(value)[1:-1]
    assert words == expected


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("json", "info")
    log(logging.INFO, "holder", 'a "sentence"\nin two', vip="web", epoch=7, empty="")
    (line,) = lines(capsys)
    spoken = json.loads(line)
    assert re.fullmatch(TIME, spoken.pop("time"))
    assert spoken == {
        "level": "info",
        "event": "holder",
        "vip": "web",
        "epoch": 7,
        "message": 'a "sentence"\nin two',
    }


def test_what_is_below_the_level_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("text", "warning")
    log(logging.INFO, "quiet")
    log(logging.ERROR, "loud")
    assert [line.split()[2] for line in lines(capsys)] == ["loud"]


def test_setting_up_again_does_not_double_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("text", "info")
    set_up_logging("json", "info")
    log(logging.INFO, "once")
    assert [json.loads(line)["event"] for line in lines(capsys)] == ["once"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_error_brings_its_traceback(capsys: pytest.CaptureFixture[str], form: str) -> None:
    set_up_logging(form, "info")
    try:
        raise ValueError("what went wrong")
    except ValueError:
        logging.getLogger("vipkeeper").exception("said by the standard library")
    said = capsys.readouterr().err
    assert "ValueError: what went wrong" in said
    assert "said by the standard library" in said
