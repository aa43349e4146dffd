"""HTTP_GET and SSL_GET: the real server is well when it gives the right pages.

Rules of this file: IO. One page at each turn, in their order; of a server that is out all of them have to be
right one after the other before it is in again, at one turn with `fast_recovery`. A body is read to its end
even when only its status counts, so that the server's own log does not complain of us.
"""

from __future__ import annotations

from vipkeeper.health.checkers.conversation import Conversation, PlainConversation
from vipkeeper.health.checkers.http_answer import HttpAnswer
from vipkeeper.health.checkers.http_request import request
from vipkeeper.health.checkers.page_search import search
from vipkeeper.health.checkers.results import Failed, Turn
from vipkeeper.health.checkers.sockets import connected
from vipkeeper.health.checkers.tls_contexts import context_for
from vipkeeper.health.checkers.tls_conversation import TlsConversation
from vipkeeper.model.balancing import CheckOutcome, HttpAsk, Page, Reach, Tls


async def check(ask: HttpAsk, reach: Reach, *, timeout_s: float, turn: Turn) -> CheckOutcome:
    """One page, or all that are left. Raises Failed and CannotCheck."""
    at = turn.parts % len(ask.pages)
    while True:
        page = ask.pages[at]
        try:
            found = await _judged(page, ask, reach, timeout_s=timeout_s)
        except Failed as failed:
            raise Failed(f"{page.path}: {failed}") from failed
        at += 1
        is_part = at < len(ask.pages)
        if not is_part or turn.up or not ask.fast_recovery:
            return CheckOutcome(ok=True, detail=f"{page.path}: {found}", part=is_part)


async def fetched(page: Page, ask: HttpAsk, reach: Reach, *, timeout_s: float) -> tuple[HttpAnswer, str]:
    """The answer, and what is missing of it. `timeout_s` counts for connecting, and again for the answer."""
    asking = request(page, ask.protocol, reach)
    answer = HttpAnswer(wants_digest=bool(page.digest), wants_body=bool(page.regex))
    sock = await connected(reach, timeout_s=timeout_s)
    try:
        plain = PlainConversation(sock, reach, timeout_s=timeout_s)
        if ask.tls is None:
            missing = await _exchange(plain, asking, answer)
        else:
            missing = await _exchange_over_tls(plain, asking, answer, page, ask.tls)
    finally:
        sock.close()
    return answer, missing


async def _judged(page: Page, ask: HttpAsk, reach: Reach, *, timeout_s: float) -> str:
    """What was found, in words. Raises Failed for the first thing that is not as it must be."""
    answer, missing = await fetched(page, ask, reach, timeout_s=timeout_s)
    if page.status and not any(low <= answer.status <= high for low, high in page.status):
        raise Failed(f"status {answer.status} instead of {_ranges(page.status)}")
    found = [f"status {answer.status}"]
    if page.digest:
        if answer.digest != page.digest:
            raise Failed(f"its MD5 is {answer.digest} instead of {page.digest}")
        found.append("the right MD5")
    if page.regex:
        await search(page, answer.body)
        found.append("no match, as wanted" if page.regex_no_match else "a match")
    if missing:
        found.append(missing)
    return ", ".join(found)


async def _exchange(conversation: Conversation, asking: bytes, answer: HttpAnswer) -> str:
    await conversation.send(asking)
    while not answer.complete:
        data = await conversation.receive()
        if not data:
            return answer.closed()
        answer.feed(data)
    return ""


async def _exchange_over_tls(
    plain: PlainConversation, asking: bytes, answer: HttpAnswer, page: Page, tls: Tls
) -> str:
    name = tls.sni or (_without_port(page.host) if tls.enable_sni else "")
    conversation = await TlsConversation.begin(plain, context_for(tls), name)
    missing = await _exchange(conversation, asking, answer)
    if page.tls_compliant:
        await conversation.hear_goodbye()
    return missing


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _ranges(wanted: tuple[tuple[int, int], ...]) -> str:
    return " ".join(str(low) if low == high else f"{low}-{high}" for low, high in wanted)
