"""Regular expressions on pages: what matches, and that a bad one costs only its own check."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.checkers.asked import outcome
from tests.checkers.scripted_servers import Script, serving
from vipkeeper.health.checkers import page_search
from vipkeeper.health.checkers.page_search_process import Found, Search, searched
from vipkeeper.health.checkers.results import CannotCheck, Failed
from vipkeeper.model.balancing import HttpAsk, Page

# Each try fails after few steps, and there are so many of them that no limit of steps helps.
WIDE = Page("/", regex="(?:.{0,900}?)[yz]", regex_options=("no_start_optimize", "no_dotstar_anchor"))
WIDE_BODY = b"x" * 1_000_000


@pytest.fixture(autouse=True, scope="module")
def no_process_stays() -> Iterator[None]:
    yield
    page_search.end_searching()


def verdict(page: Page, body: bytes) -> str:
    """Why not, or nothing."""
    try:
        asyncio.run(page_search.search(page, body))
    except Failed as failed:
        return str(failed)
    return ""


@pytest.mark.parametrize(
    ("regex", "options", "body", "matches"),
    [
        ("[Oo]k", (), b"it is ok", True),
        ("[Oo]k", (), b"it is OK", False),
        ("ok", ("caseless",), b"it is OK", True),
        ("^ok$", (), b"a\nok\nb", False),
        ("^ok$", ("multiline",), b"a\nok\nb", True),
        ("a.b", (), b"a\nb", False),
        ("a.b", ("dotall",), b"a\nb", True),
        ("o k # why", ("extended",), b"ok", True),
        ("ok", ("anchored",), b"it is ok", False),
        ("it", ("anchored",), b"it is ok", True),
        ("a.c", (), "aéc".encode(), False),
        ("a.c", ("utf",), "aéc".encode(), True),
        ("(?<n>[[:digit:]])\\h\\k<n>\\z", (), b"7 7", True),  # PCRE's own words, that `re` does not know
        ("(*UTF)é", ("caseless",), "É".encode(), True),
        ("ok", ("caseless", "never_utf"), b"OK", True),
    ],
)
def test_expressions_and_options(regex: str, options: tuple[str, ...], body: bytes, matches: bool) -> None:
    page = Page("/", regex=regex, regex_options=options)
    assert verdict(page, body) == ("" if matches else f'the body does not match "{regex}"')
    against = Page("/", regex=regex, regex_options=options, regex_no_match=True)
    assert verdict(against, body) == (f'the body matches "{regex}"' if matches else "")


@pytest.mark.parametrize(
    ("least", "most", "matches"),
    [(0, None, True), (3, None, True), (4, None, False), (0, 4, True), (0, 3, False), (3, 4, True)],
)
def test_where_a_match_may_begin(least: int, most: int | None, matches: bool) -> None:
    page = Page("/", regex="ok", regex_min_offset=least, regex_max_offset=most)
    assert (verdict(page, b"---ok") == "") is matches


@pytest.mark.parametrize(
    ("page", "body"),
    [
        pytest.param(Page("/", regex="(a+)+$"), b"a" * 60 + b"b", id="too many steps"),
        pytest.param(WIDE, WIDE_BODY, id="too much time"),
    ],
)
def test_one_that_takes_for_ever_fails_and_the_next_is_searched(page: Page, body: bytes) -> None:
    assert "takes too long on this page" in verdict(page, body)
    assert verdict(Page("/", regex="ok"), b"ok") == ""


def test_the_event_loop_goes_on_meanwhile() -> None:
    async def turns() -> int:
        searching = asyncio.ensure_future(page_search.search(WIDE, WIDE_BODY))
        count = 0
        while not searching.done():
            await asyncio.sleep(0.01)
            count += 1
        assert isinstance(searching.exception(), Failed)
        return count

    assert asyncio.run(turns()) > 3  # 0.25 s of another process


def test_a_search_that_is_cancelled_leaves_no_answer_to_the_next() -> None:
    async def cancelled() -> None:
        searching = asyncio.ensure_future(page_search.search(WIDE, WIDE_BODY))
        await asyncio.sleep(0.05)
        searching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await searching
        await page_search.search(Page("/", regex="ok"), b"ok")

    asyncio.run(cancelled())


def test_those_that_wait_while_a_process_is_ended_get_their_own_answers() -> None:
    """Who waits and who comes later must not ask side by side: answers have no name on them."""
    good, bad = Page("/", regex="ok"), Page("/", regex="ok", regex_no_match=True)

    async def each() -> list[BaseException | None]:
        searches = [asyncio.ensure_future(page_search.search(WIDE, WIDE_BODY))]
        searches += [asyncio.ensure_future(page_search.search(good, b"ok")) for _ in range(5)]
        await asyncio.wait(searches[:1])
        await asyncio.sleep(0)  # the next one has its turn, and a process begins
        searches += [asyncio.ensure_future(page_search.search(bad, b"ok")) for _ in range(5)]
        return await asyncio.wait_for(asyncio.gather(*searches, return_exceptions=True), 30)

    costly, *others = asyncio.run(each())
    assert isinstance(costly, Failed)
    assert [isinstance(other, Failed) for other in others] == [False] * 5 + [True] * 5


def test_a_process_that_somebody_killed_is_no_verdict() -> None:
    async def killed() -> None:
        await page_search.search(Page("/", regex="ok"), b"ok")
        (child,) = children()
        os.kill(child, signal.SIGKILL)
        with pytest.raises(CannotCheck, match="ended with -9"):
            await page_search.search(Page("/", regex="ok"), b"ok")
        await page_search.search(Page("/", regex="ok"), b"ok")

    asyncio.run(killed())


def test_a_process_that_somebody_stopped_is_replaced() -> None:
    search = Search(b"ok", b"ok")

    async def stopped() -> None:
        searcher = page_search.Searcher()
        assert await searcher.found(search) is Found.MATCH
        (child,) = set(children()) - before
        os.kill(child, signal.SIGSTOP)
        searcher.limit_s, usual_s = 0.2, searcher.limit_s
        with pytest.raises(CannotCheck, match="somebody stopped it"):
            await searcher.found(search)
        searcher.limit_s = usual_s
        assert await searcher.found(search) is Found.MATCH
        searcher.end()

    before = set(children())
    asyncio.run(asyncio.wait_for(stopped(), 60))


def children() -> list[int]:
    done = subprocess.run(["pgrep", "-P", str(os.getpid())], capture_output=True, text=True, check=False)
    return [pid for pid in map(int, done.stdout.split()) if is_ours(pid)]


def is_ours(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123 - bytes of /proc
            return b"page_search_process" in file.read()
    except FileNotFoundError:
        return False


def test_the_process_ends_with_the_one_that_began_it() -> None:
    """Even when that one is killed: the pair of sockets closes."""
    begin = (
        "import asyncio, os, signal\n"
        "from vipkeeper.health.checkers import page_search\n"
        "from vipkeeper.model.balancing import Page\n"
        "asyncio.run(page_search.search(Page('/', regex='ok'), b'ok'))\n"
        "print(page_search._SEARCHER._process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", begin], capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    for _ in range(1000):
        if not is_ours(pid):
            return
        time.sleep(0.01)
    pytest.fail("it lives on")


def test_through_a_check() -> None:
    body = b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 100_000 + b"state: fine"
    with serving(Script(body)) as script:
        well = outcome(HttpAsk((Page("/", regex="state: (fine|busy)"),)), script.port)
        ill = outcome(HttpAsk((Page("/", regex="state: down"),)), script.port)
    assert (well.ok, well.detail) == (True, "/: status 200, a match")
    assert (ill.ok, ill.detail) == (False, '/: the body does not match "state: down"')


def test_the_first_mebibyte_is_searched() -> None:
    inside = b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * (2**20 - 2) + b"ok"
    with serving(Script(inside)) as script:
        assert outcome(HttpAsk((Page("/", regex="ok"),)), script.port).ok
    with serving(Script(inside.replace(b"xok", b"xxok"))) as script:
        assert not outcome(HttpAsk((Page("/", regex="ok"),)), script.port).ok


def test_the_process_itself_says_when_it_is_too_much() -> None:
    assert searched(Search(b"(*LIMIT_MATCH=100)(a+)+$", b"a" * 60 + b"b")) is Found.TOO_COSTLY
    assert searched(Search(b"ok", b"ok")) is Found.MATCH
