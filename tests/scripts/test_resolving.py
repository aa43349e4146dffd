"""Which program a text means, and why it may not run: real files with real owners."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.scripts.conftest import MakeScript
from vipkeeper.config.notify_schema import Scripts
from vipkeeper.scripts.accounts import own_account
from vipkeeper.scripts.resolving import resolve_program, why_not

SECURE = Scripts(enable_script_security=True)


def test_quotes_hold_words_together_and_no_shell_reads_them() -> None:
    program = resolve_program("test -n 'two words' $HOME", Scripts())
    assert program.argv[1:] == ("-n", "two words", "$HOME")
    assert program.argv[0].endswith("/test")


def test_a_path_after_a_less_than_sign_asks_whether_it_can_be_read() -> None:
    program = resolve_program("</etc/passwd", Scripts())
    assert program.argv[1:] == ("-r", "/etc/passwd")


@pytest.mark.parametrize("text", ["", "   ", "'unclosed", "''"])
def test_a_text_without_a_program_is_refused(text: str) -> None:
    assert resolve_program(text, Scripts()).refused


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no-such-program-anywhere", "PATH"),
        ("/nowhere/check.sh", "cannot be found"),
        ("/etc", "is a directory"),
        ("/etc/passwd", "chmod a+x /etc/passwd"),
    ],
)
def test_what_cannot_run_is_refused_with_what_to_do(text: str, says: str) -> None:
    assert says in resolve_program(text, Scripts()).refused


@pytest.mark.parametrize(("user", "group"), [("no-such-user", None), (None, "no-such-group")])
def test_who_does_not_exist_is_refused(user: str | None, group: str | None) -> None:
    refused = resolve_program("true", Scripts(), user=user, group=group).refused
    assert "there is no" in refused
    assert "add --system no-such" in refused


def test_the_words_of_the_script_come_before_those_of_all() -> None:
    scripts = Scripts(user="daemon", group="daemon")
    general = resolve_program("true", scripts).account
    assert general is not None
    assert general.name == "daemon"
    own = resolve_program("true", scripts, user="nobody").account
    assert own is not None
    assert (own.name, own.groups) == ("nobody", (own.gid,))


@pytest.mark.root
def test_with_security_root_has_to_be_named() -> None:
    assert "user" in resolve_program("true", SECURE).refused
    assert resolve_program("true", SECURE, user="root").refused == ""
    assert resolve_program("true", Scripts()).refused == ""


@pytest.mark.root
class TestScriptSecurity:
    """Anybody who could change what runs as root."""

    @pytest.fixture
    def script(self, make_script: MakeScript, tmp_path: Path) -> Path:
        (tmp_path / "etc").mkdir(mode=0o755)
        made = make_script("exit 0")
        return made.rename(tmp_path / "etc" / "check.sh")

    @staticmethod
    def refused(script: Path) -> str:
        return resolve_program(str(script), SECURE, user="root").refused

    def test_a_file_of_root_in_directories_of_root_may_run(self, script: Path) -> None:
        assert self.refused(script) == ""

    def test_a_file_that_all_may_write(self, script: Path) -> None:
        script.chmod(0o757)
        assert f"chmod o-w {script}" in self.refused(script)

    def test_a_file_that_a_group_may_write(self, script: Path) -> None:
        script.chmod(0o775)
        assert self.refused(script) == ""  # the group is root's
        os.chown(script, 0, 1)
        assert f"chmod g-w {script}" in self.refused(script)

    def test_a_file_of_somebody_else(self, script: Path) -> None:
        os.chown(script, 1, 0)
        assert f"chown -h root {script}" in self.refused(script)

    def test_a_directory_on_the_way(self, script: Path) -> None:
        script.parent.chmod(0o777)
        assert f"chmod o-w {script.parent}" in self.refused(script)
        script.parent.chmod(0o1777)  # sticky: nobody but root can rename what is root's
        assert self.refused(script) == ""

    def test_a_directory_behind_a_link(self, script: Path, tmp_path: Path) -> None:
        link = tmp_path / "link.sh"
        link.symlink_to(script)
        assert self.refused(link) == ""
        script.parent.chmod(0o777)
        assert f"chmod o-w {script.parent}" in self.refused(link)

    def test_a_directory_that_only_the_link_is_in(self, script: Path, tmp_path: Path) -> None:
        (tmp_path / "open").mkdir()
        link = tmp_path / "open" / "link.sh"
        link.symlink_to(script)
        (tmp_path / "open").chmod(0o777)
        assert f"chmod o-w {tmp_path / 'open'}" in self.refused(link)

    def test_without_security_it_runs_and_is_told(self, script: Path) -> None:
        script.chmod(0o757)
        program = resolve_program(str(script), Scripts(), user="root")
        assert program.refused == ""
        assert f"chmod o-w {script}" in program.warning

    def test_what_does_not_run_as_root_may_be_anybody_s(self, script: Path) -> None:
        script.chmod(0o757)
        assert resolve_program(str(script), SECURE, user="nobody").refused == ""
        script.chmod(0o4757)
        assert "chmod" in resolve_program(str(script), SECURE, user="nobody").refused

    def test_it_is_asked_again_after_a_change(self, script: Path) -> None:
        program = resolve_program(str(script), SECURE, user="root")
        assert why_not(program) == ""
        script.chmod(0o757)
        assert f"chmod o-w {script}" in why_not(program)


def test_own_account_has_a_name() -> None:
    assert own_account().name
