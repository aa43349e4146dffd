"""`check`, `convert` and the others with a keepalived.conf, as a user runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import run

GOOD = """\
global_defs {
    router_id lb1
}
vrrp_instance VI_1 {
    state BACKUP
    interface lo0
    virtual_router_id 51
    priority 150
    virtual_ipaddress {
        192.0.2.10
    }
}
"""
TYPO = GOOD.replace("    priority", "    advert_itn 2\n    priority")
CONTRADICTION = GOOD.replace("BACKUP", "MASTER\n    nopreempt")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keepalived.conf"
    path.write_text(GOOD)
    return path


def test_check_says_what_follows(file: Path) -> None:
    done = run("check", str(file))
    assert done.returncode == 0
    assert f"{file}: no mistakes\nvip VI_1: 192.0.2.10/32@lo0, priority 150\n" in done.stdout
    assert 'interface: this host has no interface "lo0"' in done.stderr


def test_check_judges_the_file_as_leases(file: Path) -> None:
    done = run("check", str(file), "--backend", "etcd")
    assert done.returncode == 0
    assert "lease 2 s, renewed every 0.5 s" in done.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TYPO, "8:5: advert_itn: "),
        (CONTRADICTION, "6:5: nopreempt: it has no effect with state MASTER"),
    ],
)
def test_what_keepalived_runs_in_spite_of_is_a_warning(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    done = run("check", str(file))
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, f"{file}: no mistakes")
    (line,) = [line for line in done.stderr.splitlines() if said in line]
    assert line.endswith("(warning; keepalived reports it too)")


def test_check_ends_with_2_for_what_an_agent_refuses(file: Path) -> None:
    file.write_text(GOOD.replace("    state", "    use_ipvlan\n    state"))
    done = run("check", str(file))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{file}:5: use_ipvlan: it is not done here" in done.stderr


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (GOOD, 0),
        (TYPO, 5),
        (
            f'vrrp_script x {{\n    script "/bin/true"\n}}\n{GOOD}'.replace(
                "    state", "    track_script { x }\n    state"
            ),
            6,
        ),
    ],
)
def test_check_like_keepalived_ends_as_keepalived_does(file: Path, text: str, code: int) -> None:
    file.write_text(text)
    done = run("check", "--like-keepalived", str(file))
    assert (done.returncode, done.stdout) == (code, "")
    assert bool(done.stderr) == bool(code)


def test_like_keepalived_a_missing_file_is_4(file: Path) -> None:
    assert run("check", "--like-keepalived", str(file.with_name("none.conf"))).returncode == 4


def test_convert_makes_a_file_that_check_accepts(file: Path) -> None:
    made = file.with_name("vipkeeper.toml")
    done = run("convert", str(file), "--output", str(made))
    assert (done.returncode, done.stdout) == (0, "")
    assert made.stat().st_mode & 0o777 == 0o600
    assert run("check", str(made)).returncode == 0
    assert made.read_text() == run("convert", str(file)).stdout


def test_convert_writes_over_nothing(file: Path) -> None:
    done = run("convert", str(file), "--output", str(file))
    assert done.returncode == 2
    assert f"--output: {file} is there already; name another file" in done.stderr
    assert file.read_text() == GOOD


def test_convert_for_a_store(file: Path) -> None:
    assert '\nbackend = "zookeeper"\n' in run("convert", str(file), "--backend", "zookeeper").stdout


def test_commands_that_ask_the_agent_read_it_too(file: Path) -> None:
    for command in (("ls",), ("restart",), ("vrrp", "stats")):
        done = run(
            *command, "--config", str(file), *(() if command == ("ls",) else ("--run-dir", str(file.parent)))
        )
        assert done.returncode == 69, done.stderr


def test_ls_wants_to_know_which_store(file: Path) -> None:
    done = run("ls", "--config", str(file), "--endpoints", "http://127.0.0.1:1")
    assert done.returncode == 2
    assert "add --backend etcd or --backend zookeeper" in done.stderr
