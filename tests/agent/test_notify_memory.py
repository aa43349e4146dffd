"""What one agent leaves to the next in the run directory."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from vipkeeper.agent.notify_memory import NotifyMemory
from vipkeeper.agent.run_directory import RunDirectory
from vipkeeper.model.server_changes import ServerState
from vipkeeper.model.state_changes import VipState
from vipkeeper.notify.memory import Mail
from vipkeeper.notify.notification import Kind

STATES = {(Kind.INSTANCE, "a b"): VipState.MASTER, (Kind.GROUP, "g"): VipState.FAULT}
MAIL = Mail("subject", "Zoë\n", ("ops@example.com",), "me", "date", "<1@here>", 12.5)


def test_the_next_agent_finds_it(tmp_path: Path) -> None:
    with closing(RunDirectory(str(tmp_path))) as directory:
        memory = NotifyMemory(directory)
        assert (memory.states(), memory.take_mails()) == ({}, [])
        memory.keep_states(STATES)
        memory.keep_mails([MAIL])
    with closing(RunDirectory(str(tmp_path))) as directory:
        memory = NotifyMemory(directory)
        assert memory.states() == STATES
        assert memory.take_mails() == [MAIL]
        assert memory.take_mails() == [], "once"


def test_the_next_agent_finds_what_was_told_of_servers(tmp_path: Path) -> None:
    told = {("web", ""): ServerState.UP, ("web", "a b/c"): ServerState.DOWN}
    with closing(RunDirectory(str(tmp_path))) as directory:
        memory = NotifyMemory(directory)
        assert memory.servers() == {}
        memory.keep_servers({})
        assert directory.kept("told-servers") is None, "without servers nothing is written"
        memory.keep_servers(told)
    with closing(RunDirectory(str(tmp_path))) as directory:
        memory = NotifyMemory(directory)
        assert memory.servers() == told
        memory.keep_servers({})
        assert NotifyMemory(directory).servers() == {}
        directory.keep("told-servers", b'[["web","","FUTURE"]]')
        assert NotifyMemory(directory).servers() == {}


def test_after_a_reboot_nothing_is_known(tmp_path: Path) -> None:
    with closing(RunDirectory(str(tmp_path))) as directory:
        NotifyMemory(directory).keep_states(STATES)
    (tmp_path / "instance").write_text("another\n")  # as another boot id: another incarnation
    with closing(RunDirectory(str(tmp_path))) as directory:
        assert NotifyMemory(directory).states() == {}


@pytest.mark.parametrize(
    "text", ["", "{", '{"incarnation": 1}', '{"incarnation": "INCARNATION", "value": ["no"]}']
)
def test_what_cannot_be_read_is_as_if_it_were_not_there(tmp_path: Path, text: str) -> None:
    with closing(RunDirectory(str(tmp_path))) as directory:
        for name in ("told-states", "waiting-mails"):
            (tmp_path / name).write_text(text.replace("INCARNATION", directory.incarnation))
        memory = NotifyMemory(directory)
        assert (memory.states(), memory.take_mails()) == ({}, [])


def test_words_of_another_version_are_left_out(tmp_path: Path) -> None:
    with closing(RunDirectory(str(tmp_path))) as directory:
        directory.keep(
            "told-states", b'{"INSTANCE a":"FUTURE","OTHER b":"MASTER","":"MASTER","GROUP g":"STOP"}'
        )
        assert NotifyMemory(directory).states() == {(Kind.GROUP, "g"): VipState.STOP}


def test_an_agent_has_begun_until_it_ends_in_order(tmp_path: Path) -> None:
    for begun in (False, True):
        with closing(RunDirectory(str(tmp_path))) as directory:
            assert directory.has_begun is begun
            directory.begin()
    with closing(RunDirectory(str(tmp_path))) as directory:
        directory.end()
        assert not directory.has_begun
