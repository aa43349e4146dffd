"""One agent at a time in a run directory; its identity and its pins outlive it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vipkeeper.agent.run_directory import RunDirectory
from vipkeeper.model.errors import ConfigError, MissingPrivilege
from vipkeeper.model.messages import GivenPromise

ROOT = Path(__file__).resolve().parents[2]

HOLD = """
import sys
from vipkeeper.agent.run_directory import RunDirectory
directory = RunDirectory(sys.argv[1])
print(directory.incarnation, flush=True)
sys.stdin.read()
"""


@contextmanager
def another_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the directory until it is told to end; its first line says that it does."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_second_process_is_refused_and_told_which_one_is_there(tmp_path: Path) -> None:
    with another_process(tmp_path) as process:
        assert first_line(process)
        with pytest.raises(ConfigError, match=rf"in use by another agent \(pid {process.pid}\)") as refused:
            RunDirectory(str(tmp_path))
    assert "--run-dir and --node" in str(refused.value)


def test_a_killed_process_leaves_no_lock_behind(tmp_path: Path) -> None:
    with another_process(tmp_path) as process:
        incarnation = first_line(process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        directory = RunDirectory(str(tmp_path))
    assert directory.incarnation == incarnation
    assert (tmp_path / "agent.pid").read_text() == f"{os.getpid()}\n"
    directory.close()


def test_a_refused_process_leaves_the_pid_of_the_holder(tmp_path: Path) -> None:
    with another_process(tmp_path) as process:
        assert first_line(process)
        with pytest.raises(ConfigError):
            RunDirectory(str(tmp_path))
        assert (tmp_path / "agent.pid").read_text() == f"{process.pid}\n"


def test_closing_frees_it_and_takes_the_pid_away(tmp_path: Path) -> None:
    directory = RunDirectory(str(tmp_path))
    directory.close()
    assert not (tmp_path / "agent.pid").exists()
    RunDirectory(str(tmp_path)).close()


def test_the_incarnation_is_this_boot_and_this_directory(tmp_path: Path) -> None:
    seen = []
    for place in ("one", "one", "two"):
        directory = RunDirectory(str(tmp_path / place))
        seen.append(directory.incarnation)
        directory.close()
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert all(incarnation.split("/")[1] == boot_id for incarnation in seen)
    assert seen[0] == seen[1] != seen[2]


def test_a_half_written_instance_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "instance").write_text("\n")
    directory = RunDirectory(str(tmp_path))
    instance = directory.incarnation.rpartition("/")[2]
    directory.close()
    assert len(instance) == 16
    assert (tmp_path / "instance").read_text() == instance + "\n"


def test_a_pin_belongs_to_its_cluster_and_outlives_the_agent(tmp_path: Path) -> None:
    directory = RunDirectory(str(tmp_path))
    assert directory.pinned_cluster("main") is None
    directory.pin_cluster("main", "c1")
    directory.pin_cluster("main", "c2")
    directory.close()
    again = RunDirectory(str(tmp_path))
    assert again.pinned_cluster("main") == "c2"
    assert again.pinned_cluster("other") is None
    again.close()
    assert not list(tmp_path.glob("*.new"))


def test_a_path_that_is_no_directory_is_a_mistake_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="choose another --run-dir"):
        RunDirectory(str(tmp_path / "file" / "run"))


def test_a_directory_that_may_not_be_made_names_the_privilege() -> None:
    # sysfs refuses a new directory to everybody, to root as well.
    with pytest.raises(MissingPrivilege, match="run the agent as a user that may"):
        RunDirectory("/sys/vipkeeper-test")


def test_a_revision_belongs_to_its_kind_of_store_and_its_cluster(tmp_path: Path) -> None:
    directory = RunDirectory(str(tmp_path))
    assert directory.known_revision("etcd", "main") == 0
    directory.keep_revision("etcd", "main", 500)
    directory.keep_revision("etcd", "main", 7)  # a store that went back: the lower one counts from then on
    directory.close()
    again = RunDirectory(str(tmp_path))
    assert again.known_revision("etcd", "main") == 7
    assert again.known_revision("zookeeper", "main") == 0
    assert again.known_revision("etcd", "other") == 0
    again.close()


def test_a_revision_that_is_none_counts_as_unknown(tmp_path: Path) -> None:
    (tmp_path / "revision-etcd-main").write_text("\n")
    directory = RunDirectory(str(tmp_path))
    assert directory.known_revision("etcd", "main") == 0
    directory.close()


def test_another_cluster_name_is_refused_until_the_pin_is_removed(tmp_path: Path) -> None:
    directory = RunDirectory(str(tmp_path))
    directory.require_cluster("main")
    directory.pin_cluster("main", "c1")
    (tmp_path / "cluster-half.new").write_text("")  # a write that a kill has interrupted
    directory.require_cluster("main")
    with pytest.raises(ConfigError, match='Stop every agent of "main" first') as refused:
        directory.require_cluster("other")
    assert str(refused.value).endswith(f"then remove {tmp_path / 'cluster-main'}")
    (tmp_path / "cluster-main").unlink()
    directory.require_cluster("other")
    directory.close()


PROMISES = (GivenPromise("node-a", "m/b/i", "digest", 1234.5),)


def test_promises_outlive_the_process(tmp_path: Path) -> None:
    directory = RunDirectory(str(tmp_path))
    assert directory.promises() == ()
    directory.keep_promises(PROMISES)
    directory.close()
    again = RunDirectory(str(tmp_path))
    assert again.promises() == PROMISES
    again.keep_promises(())
    assert again.promises() == ()
    again.close()


@pytest.mark.parametrize("content", [b"", b"{", b'{"incarnation": 3}'])
def test_promises_that_cannot_be_read_are_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "promises").write_bytes(content)
    directory = RunDirectory(str(tmp_path))
    assert directory.promises() == ()
    directory.close()


def test_promises_of_another_boot_mean_nothing(tmp_path: Path) -> None:
    directory = RunDirectory(str(tmp_path))
    directory.keep_promises(PROMISES)
    kept = tmp_path / "promises"
    kept.write_text(kept.read_text().replace(directory.incarnation, "another machine/another boot/x"))
    assert directory.promises() == ()
    directory.close()


def test_ah_numbers_are_kept_for_the_next_process(tmp_path: Path) -> None:
    directory = RunDirectory(str(tmp_path))
    assert directory.ah_sequences() == {}
    directory.keep_ah_sequences({"web": 0xFFFF_FFFD, "mail": 7})
    directory.close()
    again = RunDirectory(str(tmp_path))
    assert again.ah_sequences() == {"web": 0xFFFF_FFFD, "mail": 7}
    (tmp_path / "ah-sequences").write_text("{")  # a disk that was full
    assert again.ah_sequences() == {}
    again.close()
