"""What is shown and counted of checks, beside what is told."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tests.checkers.servers import listening, until
from tests.checkers.test_runner import OFTEN, key, plan, run, running
from vipkeeper.model.balancing import FileAsk, TcpAsk, WatchedFile


def test_a_check_that_this_node_cannot_make_is_shown_with_its_age() -> None:
    async def story() -> None:
        with listening() as (_, reach):
            nowhere = msgspec.structs.replace(reach, bind_if="nowhere0")
            async with running() as watched:
                watched.runner.want({key("a"): plan(TcpAsk(), nowhere, OFTEN)})
                await until(lambda: watched.runner.run_count > 0)
                shown = watched.runner.report(key("a"))
                assert shown is not None
                assert "could not be asked: there is no interface nowhere0" in shown.detail
                assert (shown.state, shown.failures, watched.runner.failed_count) == ("unknown", 0, 0)
                assert shown.ago_s is not None

    run(story)


def test_a_file_is_no_run_and_its_number_no_failed_one(tmp_path: Path) -> None:
    (tmp_path / "drain").write_text("1")

    async def story() -> None:
        async with running() as watched:
            files = {"drain": WatchedFile(str(tmp_path / "drain"))}
            watched.runner.want({key("a"): plan(FileAsk("drain", 0), None)}, files=files)
            shown = watched.runner.report(key("a"))
            assert shown is not None
            assert shown.state == "down"
            assert (watched.runner.run_count, watched.runner.failed_count) == (0, 0)

    run(story)
