"""Many checks at once: what a reload touches, what waits, what is told, what is only logged."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest

from tests.checkers.servers import LONG_S, SHORT_S, datagram_server, listening, overloaded, until
from vipkeeper.health.checkers.runner import MOST_STARTS_A_TURN, CheckRunner
from vipkeeper.model.balancing import (
    Ask,
    CheckKey,
    CheckKind,
    CheckPlan,
    CheckState,
    FileAsk,
    MiscAsk,
    Pacing,
    Reach,
    Standing,
    TcpAsk,
    UdpAsk,
    WatchedFile,
)
from vipkeeper.scripts.accounts import own_account

# Each runs once at the start and, as far as a test is concerned, never again.
ONCE = Pacing(delay_loop_s=3600.0, warmup_s=0.0, connect_timeout_s=LONG_S)
OFTEN = Pacing(delay_loop_s=0.02, warmup_s=0.0, delay_before_retry_s=0.02, connect_timeout_s=LONG_S)
KINDS: dict[type[Ask], CheckKind] = {
    TcpAsk: CheckKind.TCP,
    UdpAsk: CheckKind.UDP,
    MiscAsk: CheckKind.MISC,
    FileAsk: CheckKind.FILE,
}
SILENT = UdpAsk("", require_reply=True)


def key(name: str, service: str = "web") -> CheckKey:
    return CheckKey(service, name, "the check")


def plan(ask: Ask, reach: Reach | None, pacing: Pacing = ONCE) -> CheckPlan:
    return CheckPlan(KINDS[type(ask)], "check", pacing, ask, reach)


class Watched:
    """A runner with what it told and logged."""

    def __init__(self, most_running: int | None = None) -> None:
        self.told: list[tuple[CheckKey, CheckState]] = []
        self.lines: list[tuple[int, str]] = []
        self.runner = CheckRunner(
            lambda key, state: self.told.append((key, state)),
            clock=time.monotonic,
            chance=lambda: 0.5,
            log=self._log,
            most_running=most_running,
        )

    def standing(self, name: str) -> Standing:
        return self.runner.state(key(name)).standing

    def problems(self) -> list[str]:
        return [message for level, message in self.lines if level >= logging.WARNING]

    def _log(self, level: int, event: str, message: str = "", **fields: object) -> None:
        del event, fields
        self.lines.append((level, message))


@contextlib.asynccontextmanager
async def running(most_running: int | None = None) -> AsyncIterator[Watched]:
    watched = Watched(most_running)
    try:
        yield watched
    finally:
        await watched.runner.close()


def run(story: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await story()

    asyncio.run(whole())


def test_a_server_that_goes_and_comes_back_is_told_once_each_time() -> None:
    async def story() -> None:
        async with running() as watched:
            with listening() as (_, reach):
                watched.runner.want({key("a"): plan(TcpAsk(), reach, OFTEN)})
                await until(lambda: watched.standing("a") is Standing.UP)
            await until(lambda: watched.standing("a") is Standing.DOWN)
            with listening(port=reach.port):
                await until(lambda: watched.standing("a") is Standing.UP)
                runs = watched.runner.run_count
                await until(lambda: watched.runner.run_count > runs)
            said = [(state.standing, state.detail) for _, state in watched.told]
            assert said == [
                (Standing.UP, "connected"),
                (Standing.DOWN, f"connection refused by 127.0.0.1:{reach.port}"),
                (Standing.UP, "connected"),
            ]

    run(story)


def test_a_reload_touches_only_what_changed() -> None:
    async def story() -> None:
        async with running() as watched, datagram_server() as server:
            server.automatic = b"yes"
            checks = {key(name): plan(SILENT, server.reach) for name in "abc"}
            watched.runner.want(checks)
            await until(lambda: watched.runner.run_count == 3)
            same = msgspec.msgpack.decode(msgspec.msgpack.encode(checks[key("a")]), type=CheckPlan)
            changed = plan(UdpAsk("0a", require_reply=True), server.reach)
            watched.runner.want({key("a"): same, key("b"): changed, key("d"): checks[key("a")]})
            assert (watched.standing("a"), watched.standing("b")) == (Standing.UP, Standing.UNKNOWN)
            await until(lambda: watched.runner.run_count == 5)
            assert sorted(server.heard)[3:] == [bytes(16), b"\x0a"]
            assert [name for name in "abcd" if watched.runner.report(key(name))] == ["a", "b", "d"]
            told = [named.real_server for named, _ in watched.told]
            assert sorted(told[:3]) + sorted(told[3:]) == ["a", "b", "c", "b", "d"]

    run(story)


def test_one_that_gets_the_name_of_another_is_alone_with_it() -> None:
    """Else the other would run on, and say that this one is down."""

    async def story() -> None:
        async with running() as watched, datagram_server() as server:
            server.automatic = b"yes"
            with listening() as (_, refused):
                pass
            well = plan(SILENT, server.reach, OFTEN)
            watched.runner.want({key("a"): plan(TcpAsk(), refused, OFTEN), key("b"): well})
            await until(lambda: len(watched.told) == 2)
            watched.runner.rename({key("b"): key("a")})
            watched.runner.want({key("a"): well})
            assert watched.standing("a") is Standing.UP
            heard, failed = len(server.heard), watched.runner.failed_count
            await until(partial(server.has_heard, heard + 5))
            assert (watched.runner.failed_count, len(watched.told)) == (failed, 2)

    run(story)


def test_another_pace_keeps_what_a_check_said() -> None:
    async def story() -> None:
        async with running() as watched, datagram_server() as server:
            server.automatic = b"yes"
            watched.runner.want({key("a"): plan(SILENT, server.reach)})
            await until(lambda: watched.runner.run_count == 1)
            watched.runner.want({key("a"): plan(SILENT, server.reach, OFTEN)})
            assert watched.standing("a") is Standing.UP
            await until(lambda: watched.runner.run_count > 3)
            assert len(watched.told) == 1

    run(story)


def test_no_more_run_at_once_than_may_and_the_wait_is_no_part_of_their_time() -> None:
    async def story() -> None:
        async with running(most_running=2) as watched, datagram_server() as server:
            watched.runner.want({key(name): plan(SILENT, server.reach) for name in "abcdef"})
            for asked in range(2, 7):
                await until(partial(server.has_heard, asked))
                assert watched.runner.running == 2
                server.answer(b"yes", server.senders[asked - 2])
            server.answer(b"yes", server.senders[5])
            await until(lambda: watched.runner.run_count == 6)
            assert watched.runner.failed_count == 0

    run(story)


def test_a_crowd_begins_little_by_little() -> None:
    async def story() -> None:
        async with running() as watched, datagram_server() as server:
            most = 0
            watched.runner.want({key(str(n)): plan(SILENT, server.reach) for n in range(100)})
            while watched.runner.running < 100:
                before = watched.runner.running
                await asyncio.sleep(0)
                most = max(most, watched.runner.running - before)
            assert most == MOST_STARTS_A_TURN

    run(story)


def test_suspended_checks_do_not_run_and_keep_what_they_said() -> None:
    async def story() -> None:
        async with running() as watched, datagram_server() as server:
            server.automatic = b"yes"
            other = UdpAsk("0a", require_reply=True)
            checks = {
                key("a", "web"): plan(SILENT, server.reach, OFTEN),
                key("b", "mail"): plan(other, server.reach, OFTEN),
            }
            watched.runner.want(checks)
            await until(lambda: len(watched.told) == 2)
            server.automatic = None
            await until(lambda: watched.runner.running == 2)
            watched.runner.suspend({"web"})
            await until(lambda: watched.runner.running == 1)
            watched.runner.want(checks)  # a reload wakes none of them
            server.heard.clear()
            server.automatic = b"yes"
            server.answer(b"yes", server.senders[-1])
            server.answer(b"yes", server.senders[-2])
            await until(partial(server.has_heard, 5))
            assert set(server.heard) == {b"\x0a"}
            assert watched.standing("a") is Standing.UP
            watched.runner.suspend(())
            await until(lambda: bytes(16) in server.heard)

    run(story)


def test_a_check_that_is_suspended_and_resumed_again_and_again_runs_once() -> None:
    async def story() -> None:
        async with running() as watched, datagram_server() as server:
            watched.runner.want({key("a"): plan(SILENT, server.reach)})
            for _ in range(5):
                watched.runner.suspend({"web"})
                watched.runner.suspend(())
            await until(partial(server.has_heard, 1))
            for _ in range(50):
                await asyncio.sleep(0)
                assert watched.runner.running == 1

    run(story)


def test_a_check_that_is_taken_away_at_any_moment_leaves_room_for_others() -> None:
    async def story() -> None:
        async with running(most_running=1) as watched, datagram_server() as server:
            for turns in range(12):
                watched.runner.want({key("a"): plan(SILENT, server.reach)})
                for _ in range(turns):
                    await asyncio.sleep(0)
                watched.runner.want({})
            server.automatic = b"yes"
            watched.runner.want({key("b"): plan(SILENT, server.reach)})
            await until(lambda: watched.standing("b") is Standing.UP)

    run(story)


def test_what_this_node_lacks_is_one_line_of_the_log_and_no_failure() -> None:
    async def story() -> None:
        async with running() as watched:
            with listening() as (_, listens):
                reach = msgspec.structs.replace(listens, bindto="203.0.113.77")
                watched.runner.want({key(str(n)): plan(TcpAsk(), reach) for n in range(5)})
                await until(lambda: watched.runner.run_count == 5)
            assert watched.told == []
            assert watched.runner.failed_count == 0
            (problem,) = watched.problems()
            assert "no interface has that address" in problem
            report = watched.runner.report(key("0"))
            assert report is not None
            assert (report.state, report.failures) == ("unknown", 0)
            assert "no interface has that address" in report.detail

    run(story)


def test_a_defect_of_one_check_is_told_and_stops_no_other() -> None:
    async def story() -> None:
        async with running() as watched, datagram_server() as server:
            server.automatic = b"yes"
            no_hexadecimal = plan(UdpAsk("zz"), server.reach, OFTEN)
            watched.runner.want({key("a"): no_hexadecimal, key("b"): plan(SILENT, server.reach)})
            await until(lambda: watched.runner.run_count > 3)
            assert (watched.standing("a"), watched.standing("b")) == (Standing.UNKNOWN, Standing.UP)
            (problem,) = watched.problems()
            assert "Please report this" in problem

    run(story)


def test_every_failure_is_logged_only_if_that_is_wanted() -> None:
    async def story(*, all_failures: bool) -> list[str]:
        pacing = msgspec.structs.replace(OFTEN, retry=2, log_all_failures=all_failures)
        async with running() as watched:
            with listening() as (_, reach):
                watched.runner.want({key("a"): plan(TcpAsk(), reach, pacing)})
                await until(lambda: watched.standing("a") is Standing.UP)
            await until(lambda: watched.standing("a") is Standing.DOWN)
            runs = watched.runner.run_count
            await until(lambda: watched.runner.run_count > runs + 2)
            return [message for level, message in watched.lines if level >= logging.INFO]

    assert len(asyncio.run(story(all_failures=False))) == 1
    assert len(asyncio.run(story(all_failures=True))) == 3


def test_one_silent_server_delays_nobody_else() -> None:
    async def story() -> None:
        async with running() as watched:
            with overloaded() as silent, listening() as (_, well):
                watched.runner.want(
                    {
                        **{key(str(n)): plan(TcpAsk(), silent) for n in range(20)},
                        key("well"): plan(TcpAsk(), well),
                    }
                )
                await until(lambda: watched.standing("well") is Standing.UP)
                await until(lambda: watched.runner.running == 20)

    run(story)


def test_a_file_says_at_once_and_whenever_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "drain"
    path.write_text("3")
    ask = FileAsk("drain", weight=-2)
    out = FileAsk("drain", weight=0)

    async def story() -> None:
        async with running() as watched:
            files = {"drain": WatchedFile(str(path))}
            checks = {key("a"): plan(ask, None), key("b"): plan(out, None)}
            watched.runner.want(checks, files=files)
            said = dict(watched.told)
            assert said[key("a")].changes_weight_by == -6
            assert said[key("b")].standing is Standing.DOWN
            path.write_text("0")
            await until(lambda: watched.standing("b") is Standing.UP)
            assert watched.runner.state(key("a")).changes_weight_by == 0
            watched.runner.want({**checks, key("c"): plan(FileAsk("drain", 1), None)}, files=files)
            assert watched.standing("c") is Standing.UP
            assert len(watched.told) == 5

    run(story)


@pytest.mark.parametrize(("dynamic", "weight"), [(True, 3), (False, None)])
def test_a_program_gives_a_weight_only_if_that_is_wanted(
    tmp_path: Path, dynamic: bool, weight: int | None
) -> None:
    says = tmp_path / "code"
    program = tmp_path / "check.sh"
    program.write_text(f"#!/bin/sh\nexit $(cat {says})\n")
    program.chmod(0o755)
    says.write_text("5")
    ask = MiscAsk(str(program), LONG_S, dynamic, user=own_account().name)

    async def story() -> None:
        async with running() as watched:
            pacing = msgspec.structs.replace(OFTEN, retry=0)
            watched.runner.want({key("a"): plan(ask, None, pacing)})
            await until(lambda: watched.runner.run_count > 0)
            state = watched.runner.state(key("a"))
            assert (state.standing is Standing.UP, state.weight) == (dynamic, weight)
            says.write_text("1")
            await until(lambda: watched.standing("a") is Standing.DOWN)
            assert watched.runner.state(key("a")).weight == weight  # it is what it was when it comes back
            says.write_text("0")
            await until(lambda: watched.standing("a") is Standing.UP)
            assert watched.runner.state(key("a")).weight == weight

    run(story)


def test_a_program_that_takes_too_long_fails_and_one_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    missing = tmp_path / "not-there"

    async def story() -> None:
        async with running() as watched:
            watched.runner.want(
                {
                    key("slow"): plan(MiscAsk("sleep 60", SHORT_S), None),
                    key("missing"): plan(MiscAsk(str(missing), LONG_S), None, OFTEN),
                }
            )
            await until(lambda: watched.standing("slow") is Standing.DOWN)
            assert watched.runner.state(key("slow")).detail == "took longer than 0.2 s"
            assert watched.standing("missing") is Standing.UNKNOWN
            assert any("cannot be found" in problem for problem in watched.problems())
            missing.write_text("#!/bin/sh\necho all is well\n")
            missing.chmod(0o755)
            await until(lambda: watched.standing("missing") is Standing.UP)
            assert watched.runner.state(key("missing")).detail == "exit code 0: all is well"

    run(story)
