"""The control socket: who may ask, what is answered, and that clients cost the agent little."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from tests.contract.event_loop import on_loop
from vipkeeper.agent.control_socket import serve_control
from vipkeeper.agent.short_conversations import LONGEST_REQUEST, MOST_CLIENTS
from vipkeeper.model.agent_report import Answer, Report, VipReport

PATIENCE_S = 30.0
STATUS = b'{"ask":"status"}\n'


def report_of(*, vips: int = 1) -> Report:
    return Report(
        node="n1",
        prefix="/vipkeeper/c1/",
        vips=tuple(VipReport(f"v{number}", "holder", "first-claim", "", 3, "n1") for number in range(vips)),
        electorate=(),
        promises_given=(),
        store_confirms=True,
        store_confirmed_ago_ms=12,
    )


@contextlib.asynccontextmanager
async def serving(run_dir: Path, status: Callable[[], Report] = report_of) -> AsyncIterator[Path]:
    task = asyncio.create_task(serve_control(run_dir, status))
    path = run_dir / "control"
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not await _is_open(path):
                assert not task.done(), task
                await asyncio.sleep(0.01)
        yield path
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _is_open(path: Path) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def ask(path: Path, request: bytes = STATUS) -> bytes:
    """What comes back until the agent closes; b"" if it hung up."""
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_unix_connection(path)
        try:
            writer.write(request)
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def answered_at_last(path: Path) -> bytes:
    """The first answer; clients that went away are noticed in their turn."""
    while True:
        if answer := await ask(path):
            return answer
        await asyncio.sleep(0.01)


def decoded(answer: bytes) -> Answer:
    assert answer.endswith(b"\n")
    return msgspec.json.decode(answer, type=Answer)


@on_loop
async def test_status_is_answered_again_and_again(tmp_path: Path) -> None:
    async with serving(tmp_path) as path:
        for _ in range(3):
            assert decoded(await ask(path)).status == report_of()


@pytest.mark.parametrize("request_line", [b"\n", b"status\n", b"[]\n", b'{"ask":1}\n', b"\xff\n"])
def test_nonsense_is_told_what_to_send(tmp_path: Path, request_line: bytes) -> None:
    @on_loop
    async def story() -> None:
        async with serving(tmp_path) as path:
            answer = decoded(await ask(path, request_line))
            assert answer.status is None
            assert "send one line of JSON" in (answer.error or "")
            assert decoded(await ask(path)).status is not None

    story()


@on_loop
async def test_a_question_of_a_later_version_is_refused_in_words(tmp_path: Path) -> None:
    async with serving(tmp_path) as path:
        answer = decoded(await ask(path, b'{"ask":"drain"}\n'))
        assert "knows nothing but status" in (answer.error or "")


@on_loop
async def test_a_request_that_is_too_long_is_hung_up_on(tmp_path: Path) -> None:
    async with serving(tmp_path) as path:
        assert await ask(path, b" " * LONGEST_REQUEST + STATUS) == b""
        assert decoded(await ask(path, b" " * (LONGEST_REQUEST // 2) + STATUS)).status is not None


@on_loop
@pytest.mark.slow
async def test_silent_clients_are_hung_up_on_and_others_are_answered_meanwhile(tmp_path: Path) -> None:
    async with serving(tmp_path) as path, asyncio.timeout(PATIENCE_S):
        silent = [await asyncio.open_unix_connection(path) for _ in range(MOST_CLIENTS - 1)]
        assert decoded(await ask(path)).status is not None
        for reader, writer in silent:
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()


@on_loop
async def test_clients_beyond_the_limit_are_turned_away_and_nothing_is_left_of_them(tmp_path: Path) -> None:
    async with serving(tmp_path) as path, asyncio.timeout(PATIENCE_S):
        silent = [await asyncio.open_unix_connection(path) for _ in range(MOST_CLIENTS)]
        assert await ask(path) == b""
        for _, writer in silent:
            writer.close()
        assert await answered_at_last(path)


@on_loop
@pytest.mark.slow
async def test_a_reader_that_does_not_read_is_hung_up_on(tmp_path: Path) -> None:
    async with serving(tmp_path, lambda: report_of(vips=20_000)) as path, asyncio.timeout(PATIENCE_S):
        with socket.socket(socket.AF_UNIX) as lazy:
            lazy.connect(str(path))
            lazy.sendall(STATUS)
            whole = await ask(path)
            hung_up = select.poll()
            hung_up.register(lazy, 0)  # POLLHUP alone
            assert await asyncio.to_thread(hung_up.poll, PATIENCE_S * 1000)
            taken = sum(len(chunk) for chunk in iter(lambda: lazy.recv(2**16), b""))
    assert 0 < taken < len(whole)


def test_root_and_the_group_of_the_directory_may_ask(tmp_path: Path) -> None:
    group = tmp_path.stat().st_gid

    @on_loop
    async def story() -> None:
        async with serving(tmp_path) as path:
            found = path.stat()
            assert stat.S_ISSOCK(found.st_mode)
            assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o660, os.geteuid(), group)

    story()


@pytest.mark.root
def test_the_group_is_that_of_the_directory_whatever_ours_is(tmp_path: Path) -> None:
    os.chown(tmp_path, -1, 4242)

    @on_loop
    async def story() -> None:
        async with serving(tmp_path) as path:
            assert path.stat().st_gid == 4242

    story()


@on_loop
async def test_the_socket_of_a_killed_agent_is_replaced_and_none_is_left_behind(tmp_path: Path) -> None:
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / "control"))
    dead.close()
    async with serving(tmp_path) as path:
        assert decoded(await ask(path)).status is not None
    assert not path.exists()


def test_a_directory_without_room_for_a_socket_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    deep = tmp_path / ("x" * 120)
    deep.mkdir()
    asyncio.run(serve_control(deep, report_of))
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "choose a shorter one" in record.getMessage()
