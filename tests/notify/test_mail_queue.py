"""Which mail is sent next and when, in time that the test makes pass."""

from __future__ import annotations

from msgspec.structs import replace

from tests.notify.test_mail_text import MAIL
from vipkeeper.notify.mail_queue import (
    FIRST_WAIT_S,
    GIVEN_UP_AFTER_S,
    LONGEST_WAIT_S,
    MOST_WAITING,
    MailQueue,
)


def test_the_waits_grow_and_stay_below_a_limit_until_it_is_given_up() -> None:
    queue, now_s, waits = MailQueue(), 0.0, []
    queue.add(MAIL)
    while queue.deferred(MAIL, MAIL.recipients, now_s):
        waits.append(queue.wait_s(now_s))
        now_s += waits[-1]
    assert waits[:3] == [FIRST_WAIT_S, 2 * FIRST_WAIT_S, 4 * FIRST_WAIT_S]
    assert max(waits) == LONGEST_WAIT_S
    assert GIVEN_UP_AFTER_S <= now_s <= GIVEN_UP_AFTER_S + LONGEST_WAIT_S
    assert queue.first() is None
    assert queue.wait_s(now_s) == 0


def test_after_a_success_nothing_is_waited_for() -> None:
    queue, second = MailQueue(), replace(MAIL, subject="second")
    queue.add(MAIL)
    queue.add(second)
    queue.deferred(MAIL, MAIL.recipients, 0.0)
    assert queue.first() is MAIL, "the order stays"
    queue.done(MAIL)
    assert (queue.first(), queue.wait_s(0.0)) == (second, 0.0)
    queue.deferred(second, second.recipients, 0.0)
    assert queue.wait_s(0.0) == FIRST_WAIT_S


def test_only_those_who_have_not_got_it_get_it_again() -> None:
    queue = MailQueue()
    queue.add(MAIL)
    queue.deferred(MAIL, ("ops@example.com",), 0.0)
    assert queue.first() == replace(MAIL, recipients=("ops@example.com",))


def test_a_full_queue_gives_up_its_oldest() -> None:
    queue = MailQueue()
    mails = [replace(MAIL, subject=str(number)) for number in range(MOST_WAITING + 1)]
    assert [queue.add(mail) for mail in mails] == [*[None] * MOST_WAITING, mails[0]]
    queue.done(mails[0])  # it was being sent meanwhile
    assert queue.first() is mails[1]
