"""Running a program of the operator: real processes, and nothing of them left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.scripts.conftest import MakeProgram, MakeScript
from vipkeeper.config.notify_schema import Scripts
from vipkeeper.scripts.accounts import own_account
from vipkeeper.scripts.launching import launchers_for
from vipkeeper.scripts.program import Ending, Outcome, Program
from vipkeeper.scripts.resolving import resolve_program
from vipkeeper.scripts.running import TAIL_BYTES, end_cancelled, run_program

PATIENCE_S = 30.0


def run(program: Program, *arguments: str, timeout_s: float = PATIENCE_S) -> Outcome:
    return asyncio.run(run_program(program, timeout_s=timeout_s, extra_arguments=arguments))


def alive(pid: int) -> bool:
    """A zombie is not: it waits for its parent alone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return fields.rpartition(")")[2].split()[0] != "Z"


def wait_until(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end_s, "it never came"
        time.sleep(0.02)


def arguments_of(user: str) -> str:
    """The command lines of all that runs as this user."""
    command = ["ps", "-u", user, "-o", "args="]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def numbers(path: Path) -> list[int]:
    return [int(word) for word in path.read_text().split()] if path.exists() else []


@pytest.mark.parametrize("code", [0, 1, 42, 126, 127])
def test_the_exit_code_is_the_outcome(make_program: MakeProgram, code: int) -> None:
    outcome = run(make_program(f"exit {code}"))
    assert (outcome.ending, outcome.code) == (Ending.EXITED, code)
    assert outcome.succeeded == (code == 0)


def test_a_signal_is_told_by_its_name(make_program: MakeProgram) -> None:
    outcome = run(make_program("kill -SEGV $$"))
    assert outcome.ending is Ending.KILLED
    assert outcome.explained == "killed by SIGSEGV"
    assert not outcome.succeeded


def test_the_end_of_what_it_wrote_is_kept(make_program: MakeProgram) -> None:
    outcome = run(make_program(f"head -c {50 * TAIL_BYTES} /dev/zero; echo; echo the reason >&2; exit 3"))
    assert outcome.output.endswith("the reason")
    assert len(outcome.output) <= TAIL_BYTES


def test_arguments_arrive_as_they_are(make_program: MakeProgram) -> None:
    outcome = run(make_program('for each; do echo "<$each>"; done'), "two words", "", "$HOME;`id`")
    assert outcome.output.split("\n") == ["<two words>", "<>", "<$HOME;`id`>"]


def test_nothing_dangerous_is_in_its_environment(make_script: MakeScript) -> None:
    program = make_script("env")
    asked = "import asyncio, sys; from vipkeeper.scripts import resolving, running; " + (
        "from vipkeeper.config.notify_schema import Scripts; "
        "found = resolving.resolve_program(sys.argv[1], Scripts(), user=sys.argv[2]); "
        "print(asyncio.run(running.run_program(found, timeout_s=30, environment={'OWN': '1'})).output)"
    )
    printed = subprocess.run(
        [sys.executable, "-c", asked, str(program), own_account().name],
        env={**os.environ, "LD_LIBRARY_PATH": "/nowhere", "IFS": "x", "NOTIFY_SOCKET": "@x", "KEPT": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    names = {line.partition("=")[0] for line in printed.splitlines()}
    assert {"OWN", "KEPT", "PATH"} <= names
    assert names.isdisjoint({"LD_LIBRARY_PATH", "NOTIFY_SOCKET"})
    assert "IFS=x" not in printed


def test_it_reads_nothing_and_inherits_no_descriptor(make_program: MakeProgram) -> None:
    with Path("/dev/zero").open("rb") as ours:
        os.set_inheritable(ours.fileno(), True)
        outcome = run(make_program("cat; ls -l /proc/$$/fd"))
    assert "/dev/zero" not in outcome.output
    assert "/dev/null" in outcome.output


def test_a_hanging_script_is_ended_with_all_that_it_started(
    make_program: MakeProgram, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    outcome = run(
        make_program(f"sleep 600 & echo $! > {pids}; sleep 600 & echo $! >> {pids}; wait"), timeout_s=1.0
    )
    assert outcome.ending is Ending.TIMED_OUT
    assert "longer than 1 s" in outcome.explained
    assert len(numbers(pids)) == 2
    wait_until(lambda: not any(alive(pid) for pid in numbers(pids)))


def test_who_ignores_sigterm_is_killed(make_program: MakeProgram, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    body = f"trap '' TERM; sleep 600 & echo $$ $! > {pids}; while :; do wait; done"
    assert run(make_program(body), timeout_s=1.0).ending is Ending.TIMED_OUT
    assert len(numbers(pids)) == 2
    wait_until(lambda: not any(alive(pid) for pid in numbers(pids)))


def test_children_that_outlive_a_leader_which_took_sigterm_are_killed(
    make_program: MakeProgram, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    body = f"(trap '' TERM; sleep 600 & echo $! > {pids}; while :; do wait; done) & wait"
    assert run(make_program(body), timeout_s=1.0).ending is Ending.TIMED_OUT
    wait_until(lambda: not any(alive(pid) for pid in numbers(pids)))


def test_a_server_started_in_the_background_lives_on_and_may_write(
    make_program: MakeProgram, tmp_path: Path
) -> None:
    """A notify script starts one, and a closed pipe would kill it."""
    go, done = tmp_path / "go", tmp_path / "done"
    body = f"(until test -e {go}; do sleep 0.05; done; echo a word && echo it lives > {done}) & exit 0"

    async def both() -> None:
        assert (await run_program(make_program(body), timeout_s=PATIENCE_S)).succeeded
        go.touch()
        await asyncio.to_thread(wait_until, done.exists)

    asyncio.run(both())


def test_a_cancelled_run_is_ended(make_program: MakeProgram, tmp_path: Path) -> None:
    pids = tmp_path / "pids"

    async def cancel() -> None:
        task = asyncio.create_task(
            run_program(make_program(f"echo $$ > {pids}; exec sleep 600"), timeout_s=600)
        )
        await asyncio.to_thread(wait_until, lambda: bool(numbers(pids)))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(wait_until, lambda: not alive(numbers(pids)[0]))
        await end_cancelled(1.0)

    asyncio.run(cancel())


def test_no_zombie_is_left(make_program: MakeProgram) -> None:
    async def many() -> list[Outcome]:
        program = make_program("exit 0")
        return await asyncio.gather(*(run_program(program, timeout_s=PATIENCE_S) for _ in range(20)))

    assert all(outcome.succeeded for outcome in asyncio.run(many()))
    zombies = subprocess.run(
        ["ps", "--ppid", str(os.getpid()), "-o", "stat="], capture_output=True, text=True, check=False
    ).stdout
    assert "Z" not in zombies


def test_it_dies_with_the_agent(make_script: MakeScript, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = make_script(f"echo $$ > {pids}; exec sleep 600")
    asked = "import asyncio, sys; from vipkeeper.scripts import resolving, running; " + (
        "from vipkeeper.config.notify_schema import Scripts; "
        "found = resolving.resolve_program(sys.argv[1], Scripts(), user=sys.argv[2]); "
        "asyncio.run(running.run_program(found, timeout_s=600))"
    )
    agent = subprocess.Popen([sys.executable, "-c", asked, str(script), own_account().name])
    wait_until(lambda: bool(numbers(pids)))
    agent.send_signal(signal.SIGKILL)
    agent.wait()
    wait_until(lambda: not alive(numbers(pids)[0]))


def test_one_that_is_replaced_while_it_runs_is_examined_again(
    make_program: MakeProgram, make_script: MakeScript
) -> None:
    program = make_program("exit 0")
    assert run(program).succeeded
    make_script("exit 7").chmod(0o644)
    outcome = run(program)
    assert outcome.ending is Ending.NOT_STARTED
    assert "chmod a+x" in outcome.explained
    make_script("exit 7")
    assert run(program).code == 7


def test_an_interpreter_that_is_missing_is_no_exit_code(make_script: MakeScript, tmp_path: Path) -> None:
    script = tmp_path / "strange.sh"
    script.write_text("#!/nowhere/python\n")
    script.chmod(0o755)
    outcome = run(resolve_program(str(script), Scripts(), user=own_account().name))
    assert outcome.ending is Ending.NOT_STARTED
    assert "No such file" in outcome.explained


def test_at_the_end_what_was_cancelled_and_ignores_sigterm_is_killed(
    make_program: MakeProgram, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    body = f"trap '' TERM; echo $$ > {pids}; while :; do sleep 600; done"

    async def story() -> None:
        task = asyncio.create_task(run_program(make_program(body), timeout_s=600))
        await asyncio.to_thread(wait_until, lambda: bool(numbers(pids)))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await end_cancelled(0.2)

    asyncio.run(story())
    wait_until(lambda: not alive(numbers(pids)[0]))


@pytest.mark.root
def test_it_runs_as_its_user_without_any_capability(open_script: MakeScript) -> None:
    script = open_script("id -u; id -g; id -G; grep CapEff /proc/self/status; echo $HOME")
    outcome = run(resolve_program(str(script), Scripts(), user="nobody"))
    uid, gid, groups, capabilities, home = outcome.output.splitlines()
    assert (uid, gid, groups) == ("65534", "65534", "65534")
    assert int(capabilities.split()[1], 16) == 0
    assert home != os.environ.get("HOME")


@pytest.mark.root
def test_a_script_of_another_user_is_ended_too(open_script: MakeScript) -> None:
    script = open_script("trap '' TERM; while :; do sleep 0.2; done")
    program = resolve_program(str(script), Scripts(), user="nobody")
    assert run(program, timeout_s=1.0).ending is Ending.TIMED_OUT
    wait_until(lambda: str(script) not in arguments_of("nobody"))


@pytest.mark.root
def test_it_has_ordinary_priority_though_the_agent_has_not(make_script: MakeScript) -> None:
    script = make_script("nice")
    asked = "import asyncio, os, sys; os.nice(-10 - os.nice(0)); " + (
        "from vipkeeper.scripts import resolving, running; "
        "from vipkeeper.config.notify_schema import Scripts; "
        "found = resolving.resolve_program(sys.argv[1], Scripts(), user='root'); "
        "print(asyncio.run(running.run_program(found, timeout_s=30)).output)"
    )
    printed = subprocess.run(
        [sys.executable, "-c", asked, str(script)], capture_output=True, text=True, check=True
    ).stdout
    assert printed == "0\n"


def test_it_is_no_more_worth_than_others_when_memory_runs_out() -> None:
    """Not every kernel lets a test have a score below 0, so what would undo it is run from 0."""
    words = [word for command in launchers_for(-900, 0) for word in command]
    assert words[1:4] == ["-n", "0", "--"]
    printed = subprocess.run(
        [*words, "cat", "/proc/self/oom_score_adj"], capture_output=True, text=True, check=True
    ).stdout
    assert printed == "0\n"
    assert launchers_for(0, 0)[0][0].endswith("setpriv")
