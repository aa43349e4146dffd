"""The words of mail about virtual and real servers, as keepalived 2.2.7 wrote subjects and beginnings."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from vipkeeper.model.server_changes import ServerState
from vipkeeper.notify.server_mail_text import body, subject
from vipkeeper.notify.server_notification import (
    QuorumNotification,
    RealServerNotification,
    ServerNotification,
)

UP, DOWN, STOP = ServerState.UP, ServerState.DOWN, ServerState.STOP
REAL = RealServerNotification(
    virtual_server="web",
    virtual_address="[192.0.2.80]:tcp:80",
    real_server="web1",
    real_address="[10.0.0.11]:tcp:8081",
    state=DOWN,
    previous=UP,
    detail="status 503\nBcc: everybody",
)
QUORUM = QuorumNotification(
    virtual_server="web", virtual_address="[192.0.2.80]:tcp:80", state=UP, previous=DOWN, weight=3, quorum=2
)


@pytest.mark.parametrize(("state", "word"), [(UP, "UP"), (DOWN, "DOWN"), (STOP, "DOWN")])
def test_the_subject_is_the_one_that_filters_know(state: ServerState, word: str) -> None:
    about = f"[lb1] Realserver [10.0.0.11]:tcp:8081 of virtual server [192.0.2.80]:tcp:80 - {word}"
    assert subject("lb1", replace(REAL, state=state)) == about
    assert subject("lb1", replace(QUORUM, state=state)) == f"[lb1] Virtualserver [192.0.2.80]:tcp:80 - {word}"


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (REAL, "=> CHECK failed on service <="),
        (replace(REAL, state=UP), "=> CHECK succeeded on service <="),
        (replace(REAL, state=STOP), "=> Shutting down <="),
        (QUORUM, "=> Gained quorum 2 <= 3 <="),
        (replace(QUORUM, state=DOWN, weight=1), "=> Lost quorum 2 > 1 <="),
        (replace(QUORUM, previous=None), "=> Starting with quorum up 2 <= 3 <="),
        (replace(QUORUM, previous=None, state=DOWN, weight=0), "=> Starting with quorum down 2 > 0 <="),
        (replace(QUORUM, state=STOP), "=> Shutting down <="),
    ],
)
def test_the_text_begins_as_keepalived_s(told: ServerNotification, line: str) -> None:
    assert body("n1", "now", told).splitlines()[0] == line


def test_the_text_goes_on_with_what_there_is_to_know() -> None:
    assert body("n1", "now", REAL).splitlines()[1:] == [
        "",
        "Node:           n1",
        "Virtual server: web [192.0.2.80]:tcp:80",
        "State:          DOWN",
        "Before:         UP",
        "Since:          now",
        "Why:            status 503 Bcc: everybody",
        "Real server:    web1 [10.0.0.11]:tcp:8081",
    ]
    assert body("n1", "now", QUORUM).splitlines()[-1] == "Weight:         3 is well, and the quorum is 2"
