"""How far the store had come is written down when there is something new, and a full disk is told once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from vipkeeper.agent.logs import set_up_logging
from vipkeeper.agent.revision_memory import RevisionMemory
from vipkeeper.agent.run_directory import RunDirectory
from vipkeeper.config.schema import Config


@pytest.fixture(autouse=True)
def quiet_afterwards() -> Iterator[None]:
    """The logger belongs to the process; give it back as it was."""
    logger = logging.getLogger("vipkeeper")
    before = logger.handlers[:], logger.level, logger.propagate
    yield
    logger.handlers[:], logger.level, logger.propagate = before


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[RunDirectory]:
    opened = RunDirectory(str(tmp_path / "run"))
    yield opened
    opened.close()


class Store:
    """How far it has come; None while that is not to be kept."""

    def __init__(self) -> None:
        self.revision: int | None = None


def test_what_is_not_to_be_kept_leaves_what_is(directory: RunDirectory) -> None:
    store = Store()
    memory = RevisionMemory(directory, Config(cluster="main"), lambda: store.revision)
    for revision, kept in ((None, 0), (5, 5), (None, 5), (9, 9), (2, 2)):
        store.revision = revision
        memory.keep()
        assert directory.known_revision("etcd", "main") == kept


def test_an_unchanged_number_is_not_written_again(directory: RunDirectory, tmp_path: Path) -> None:
    memory = RevisionMemory(directory, Config(cluster="main"), lambda: 5)
    memory.keep()
    file = tmp_path / "run" / "revision-etcd-main"
    file.unlink()
    memory.keep()
    assert not file.exists()


def test_a_directory_that_takes_no_write_is_told_once_and_tried_again(
    directory: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logging("text", "info")
    store = Store()
    memory = RevisionMemory(directory, Config(cluster="main"), lambda: store.revision)
    obstacle = tmp_path / "run" / "revision-etcd-main.new"
    obstacle.mkdir()  # where the new file would be written; root itself cannot open it for that
    for store.revision in (5, 6):
        memory.keep()
    (line,) = capsys.readouterr().err.splitlines()
    assert "revision-not-kept" in line
    obstacle.rmdir()
    memory.keep()
    assert directory.known_revision("etcd", "main") == 6
