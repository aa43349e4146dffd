"""The mail queue at work with real servers: order, patience, and that nobody is held up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine

import pytest
from msgspec.structs import replace

from tests.notify.mail_servers import Inbox, dawdling, free_port, serving
from tests.notify.test_mail_text import MAIL
from tests.notify.told import Journal, until
from vipkeeper.config.notify_schema import Mail as MailSettings
from vipkeeper.notify.mail_delivery import END_LIMIT_S, TIMES_OF_AN_ANSWER, MailDelivery
from vipkeeper.notify.memory import Mail


def settings(port: int, timeout_s: float = 10.0) -> MailSettings:
    return MailSettings(
        smtp_server=f"127.0.0.1:{port}", smtp_helo_name="lb1", smtp_connect_timeout_s=timeout_s
    )


def mails(count: int) -> list[Mail]:
    now_s = time.monotonic()
    return [replace(MAIL, subject=f"number {number}", made_at_s=now_s) for number in range(count)]


class Bench:
    def __init__(self) -> None:
        self.journal = Journal()

    def delivery(self, port: int, timeout_s: float = 10.0) -> MailDelivery:
        return MailDelivery(settings(port, timeout_s), self.journal, time.monotonic)


def play(story: Callable[[Bench], Coroutine[object, object, None]]) -> None:
    async def played() -> None:
        async with asyncio.timeout(100):
            await story(Bench())

    asyncio.run(played())


def test_in_order_and_each_once() -> None:
    async def story(bench: Bench) -> None:
        inbox = Inbox()
        with serving(inbox) as port:
            delivery = bench.delivery(port)
            for mail in mails(20):
                delivery.add(mail)
            await until(lambda: delivery.waiting == 0)
            await delivery.end()
        assert inbox.subjects() == [f"number {number}" for number in range(20)]
        assert (delivery.counts.sent, delivery.counts.put_off, delivery.counts.given_up) == (20, 0, 0)

    play(story)


def test_a_greylisting_server_gets_it_later_and_still_in_order() -> None:
    async def story(bench: Bench) -> None:
        inbox = Inbox("451 greylisted, come again")
        with serving(inbox) as port:
            delivery = bench.delivery(port)
            for mail in mails(3):
                delivery.add(mail)
            await until(lambda: delivery.waiting == 0)
            await delivery.end()
        assert inbox.subjects() == ["number 0", "number 1", "number 2"]
        (put_off,) = bench.journal.said("mail-put-off")
        assert "451 greylisted" in put_off
        assert "2 others wait" in put_off

    play(story)


def test_a_mail_that_is_refused_is_told_of_and_the_next_one_goes() -> None:
    async def story(bench: Bench) -> None:
        inbox = Inbox("554 no")
        with serving(inbox) as port:
            delivery = bench.delivery(port)
            for mail in mails(2):
                delivery.add(mail)
            await until(lambda: delivery.waiting == 0)
            await delivery.end()
        assert inbox.subjects() == ["number 1"]
        (given_up,) = bench.journal.said("mail-given-up")
        assert "554 no" in given_up
        assert delivery.counts.given_up == 1

    play(story)


@pytest.mark.slow
def test_a_server_that_comes_back_gets_all_of_it() -> None:
    async def story(bench: Bench) -> None:
        inbox, port = Inbox(), free_port()
        delivery = bench.delivery(port)
        for mail in mails(2):
            delivery.add(mail)
        await until(lambda: delivery.counts.put_off >= 2)
        with serving(inbox, port=port):
            await until(lambda: delivery.waiting == 0)
            await delivery.end()
        assert inbox.subjects() == ["number 0", "number 1"]
        assert [level for level, event, _ in bench.journal.lines if event == "mail-put-off"][:2] == [30, 10]

    play(story)


def test_a_reload_with_another_server_sends_what_waits_there_at_once() -> None:
    async def story(bench: Bench) -> None:
        """On a clock that stands still, so no wait would ever be over."""
        inbox = Inbox()
        delivery = MailDelivery(settings(free_port()), bench.journal, lambda: 0.0)
        delivery.add(mails(1)[0])
        await until(lambda: delivery.counts.put_off == 1)
        with serving(inbox) as port:
            delivery.reconfigure(settings(port))
            await until(lambda: delivery.waiting == 0)
            await delivery.end()
        assert inbox.subjects() == ["number 0"]

    play(story)


def test_a_silent_server_holds_up_nothing_but_the_mail() -> None:
    async def story(bench: Bench) -> None:
        with dawdling() as port:
            delivery = bench.delivery(port, timeout_s=60.0)
            delivery.add(mails(1)[0])
            lateness_s = 0.0
            for _ in range(50):
                began_s = time.monotonic()
                await asyncio.sleep(0.01)
                lateness_s = max(lateness_s, time.monotonic() - began_s)
            assert lateness_s < 1.0, "the loop goes on; it would stand for a minute"
            began_s = time.monotonic()
            await delivery.end()
            assert time.monotonic() - began_s < 10 * END_LIMIT_S
        (given_up,) = bench.journal.said("mail-given-up")
        assert "the agent ends" in given_up

    play(story)


@pytest.mark.slow
def test_a_server_that_answers_byte_by_byte_is_not_waited_for_for_ever() -> None:
    async def story(bench: Bench) -> None:
        with dawdling(b"220-" * 1000) as port:
            delivery = bench.delivery(port, timeout_s=0.5)
            delivery.add(mails(1)[0])
            await until(lambda: delivery.counts.put_off == 1)
            await delivery.end()
        (put_off, *_) = bench.journal.said("mail-put-off")
        assert f"took longer than {TIMES_OF_AN_ANSWER * 0.5:g} s" in put_off

    play(story)


@pytest.mark.slow
def test_at_the_end_what_waits_has_one_more_chance() -> None:
    async def story(bench: Bench) -> None:
        inbox, port = Inbox(), free_port()
        delivery = bench.delivery(port)
        for mail in mails(3):
            delivery.add(mail)
        await until(lambda: delivery.counts.put_off == 3)  # and now it waits for 8 s
        with serving(inbox, port=port):
            await delivery.end()
        assert inbox.subjects() == ["number 0", "number 1", "number 2"]

    play(story)
