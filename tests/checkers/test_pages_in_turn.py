"""Several pages through the runner: one that is wrong takes the server out, and all bring it back."""

from __future__ import annotations

import asyncio

from tests.checkers.scripted_servers import Script, serving
from tests.checkers.servers import until
from tests.checkers.test_runner import OFTEN, key
from vipkeeper.health.checkers.runner import CheckRunner
from vipkeeper.model.balancing import (
    CheckKey,
    CheckKind,
    CheckPlan,
    CheckState,
    HttpAsk,
    Page,
    Reach,
    Standing,
)

OK = b"HTTP/1.0 200 OK\r\n\r\nhello"
BUSY = OK.replace(b"200", b"503")
WEB = key("web1")


def run_through(script: Script, *, fast: bool) -> list[CheckState]:
    """In, then out by the second page, then in again. Gives what was told."""
    told: list[CheckState] = []

    def tell(_key: CheckKey, state: CheckState) -> None:
        told.append(state)

    async def go() -> None:
        loop = asyncio.get_running_loop()
        runner = CheckRunner(tell, clock=loop.time, chance=lambda: 0.0, log=lambda *_a, **_k: None)
        ask = HttpAsk((Page("/a"), Page("/b"), Page("/c")), fast_recovery=fast)
        runner.want({WEB: CheckPlan(CheckKind.HTTP, "pages", OFTEN, ask, Reach("127.0.0.1", script.port))})
        await until(lambda: len(told) == 1)
        script.by_path["/b"] = BUSY
        await until(lambda: len(told) == 2)
        script.by_path.clear()
        script.requests.clear()
        await until(lambda: len(told) == 3)
        await runner.close()

    with serving(script):
        asyncio.run(go())
    return told


def test_out_by_one_page_and_in_by_all() -> None:
    for fast in (False, True):
        script = Script(OK)
        told = run_through(script, fast=fast)
        assert [state.standing for state in told] == [Standing.UP, Standing.DOWN, Standing.UP]
        assert told[1].detail == "/b: status 503 instead of 200-299"
        recovery = " ".join(script.paths)
        assert "/a /b /c" in recovery
