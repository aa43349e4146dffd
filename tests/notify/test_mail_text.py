"""The words of a mail: keepalived's subjects, and no way to smuggle anything in."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.notify.told import told
from vipkeeper.model.state_changes import VipState
from vipkeeper.notify.mail_text import Mail, bare_address, body, message, subject
from vipkeeper.notify.notification import Kind

MAIL = Mail(
    subject="[lb1] VRRP Instance web - Entering MASTER state",
    body="=> VRRP Instance is now owning VRRP VIPs <=\n",
    recipients=("ops@example.com", "Zoë <zoe@example.com>"),
    sender="vipkeeper@lb1",
    date="Sat, 31 Jan 2026 12:00:00 +0000",
    message_id="<1@lb1>",
    made_at_s=0.0,
)


@pytest.mark.parametrize(
    ("kind", "state", "text"),
    [
        (Kind.INSTANCE, "MASTER", "[lb1] VRRP Instance web - Entering MASTER state"),
        (Kind.INSTANCE, "FAULT", "[lb1] VRRP Instance web - Entering FAULT state"),
        (Kind.GROUP, "BACKUP", "[lb1] VRRP Group web - Entering BACKUP state"),
    ],
)
def test_the_subject_is_the_one_that_filters_know(kind: Kind, state: str, text: str) -> None:
    assert subject("lb1", told(VipState(state), kind=kind)) == text


def test_the_body_says_what_keepalived_says_and_then_what_there_is_to_know() -> None:
    changed = told(VipState.BACKUP, previous=VipState.MASTER)
    assert body("node-a", "2026-01-31T12:00:00Z", changed).splitlines() == [
        "=> VRRP Instance is no longer owning VRRP VIPs <=",
        "",
        "Node:       node-a",
        "VIP:        web",
        "State:      BACKUP",
        "Before:     MASTER",
        "Since:      2026-01-31T12:00:00Z",
        "Why:        why as told",
        "Addresses:  192.0.2.1/32, 2001:db8::1",
        "Priority:   100",
        "Epoch:      7",
    ]
    group = body("n", "now", replace(changed, kind=Kind.GROUP))
    assert group.startswith("=> All VRRP group instances are now in BACKUP state <=\n\n")


def test_a_mail_names_everybody_and_says_that_a_machine_wrote_it() -> None:
    made = message(MAIL)
    assert made["To"] == "ops@example.com, Zoë <zoe@example.com>"
    assert made["From"] == "vipkeeper@lb1"
    assert made["Auto-Submitted"] == "auto-generated"
    assert made.get_content() == MAIL.body
    assert b"Zoe" not in made.as_bytes()
    assert made.as_bytes().isascii()


@pytest.mark.parametrize("break_of_line", ["\r\n", "\n", "\r", "\x0b", "\u2028", "\x00"])
def test_no_name_can_begin_a_header(break_of_line: str) -> None:
    evil = f"web{break_of_line}Bcc: all@example.com{break_of_line}{break_of_line}body"
    made = message(replace(MAIL, subject=subject(evil, told(name=evil))))
    assert made["Bcc"] is None
    assert len(made.as_bytes().split(b"\n\n", 1)[1].strip().splitlines()) == 1
    assert "\nBcc:" not in made.as_string()
    fact = body("n", "now", told(name=evil))
    assert "\nBcc" not in fact


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ops@example.com", "ops@example.com"),
        ("Ops Team <ops@example.com>", "ops@example.com"),
        ("root", "root"),
        ("ops+vip@example.com", "ops+vip@example.com"),
        ("zoë@example.com", "zoë@example.com"),
    ],
)
def test_addresses(text: str, address: str) -> None:
    assert bare_address(text) == address


@pytest.mark.parametrize(
    "text", ["", "  ", "a@b, c@d", "ops@example.com\nRCPT TO:<x@y>", "two words", "<>", "Ops <a@b> x"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write user@host or Name <user@host>"):
        bare_address(text)
