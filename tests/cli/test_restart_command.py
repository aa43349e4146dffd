"""`vipkeeper restart` ends exactly the agent of one run directory, and no other process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.commands import run

# Takes the run directory as an agent does, says so, and waits for SIGUSR2.
HOLDER = """
import signal, sys
from vipkeeper.agent.run_directory import RunDirectory
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
directory = RunDirectory(sys.argv[1])
print("locked", flush=True)
signal.sigwait({signal.SIGUSR2})
directory.close()
"""


@contextmanager
def holder(run_dir: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDER, str(run_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "locked\n"
            yield process
        finally:
            process.kill()


def test_the_agent_is_ended_by_sigusr2_and_waited_for(tmp_path: Path) -> None:
    with holder(tmp_path) as agent:
        done = run("restart", "--run-dir", str(tmp_path))
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"agent {agent.pid} ended after ")
        assert agent.wait(timeout=30) == 0


def test_the_run_directory_may_come_from_the_file(tmp_path: Path) -> None:
    config = tmp_path / "x.toml"
    # Other mistakes of the file do not keep its agent from being restarted.
    config.write_text(f'run_dir = "{tmp_path}/run"\n[lease]\nttl = "x"\n')
    with holder(tmp_path / "run") as agent:
        assert run("restart", "--config", str(config)).returncode == 0
        assert agent.wait(timeout=30) == 0


def refused(run_dir: Path) -> bool:
    done = run("restart", "--run-dir", str(run_dir))
    sentence = f"no agent runs with the run directory {run_dir}; start one, or name another --run-dir"
    return (done.returncode, done.stdout, done.stderr) == (69, "", f"vipkeeper: {sentence}\n")


def test_without_an_agent_there_is_nothing_to_end(tmp_path: Path) -> None:
    assert refused(tmp_path)
    (tmp_path / "agent.pid").write_text("garbage\n")
    assert refused(tmp_path)
    (tmp_path / "agent.pid").write_text("-1\n")
    assert refused(tmp_path)


def test_a_pid_that_now_belongs_to_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    with subprocess.Popen(["sleep", "600"]) as bystander:
        try:
            (tmp_path / "agent.pid").write_text(f"{bystander.pid}\n")
            assert refused(tmp_path)
            assert bystander.poll() is None
        finally:
            bystander.kill()


def test_a_pid_of_nobody_is_no_agent(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
        (tmp_path / "agent.pid").write_text(f"{ended.pid}\n")
        assert refused(tmp_path)
    assert os.getpid() != ended.pid
