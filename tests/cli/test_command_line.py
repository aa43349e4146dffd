"""Usage, exit codes and messages of the commands, without a store."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import run

GOOD = '[vip.web]\naddresses = ["192.0.2.10"]\ninterface = "lo"\n'


def written(directory: Path, text: str) -> str:
    path = directory / "vipkeeper.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "which command? see `vipkeeper --help`"),
        (("agnet",), "invalid choice: 'agnet'"),
        (("ls", "--endpoint", "http://a:1"), "unrecognized arguments: --endpoint"),
        (("ls", "-o", "yaml"), "invalid choice: 'yaml'"),
        (("check", "/nonexistent.toml"), "/nonexistent.toml: cannot be read: no such file"),
        (("forget",), "the following arguments are required: NODE"),
        (("agent", "--lease", "abc", "--vip", "web"), '--vip: "web" is not of the form NAME=ADDR'),
        (("agent", "--config", "/nonexistent.toml"), "/nonexistent.toml: cannot be read: no such file"),
        (("check", "/"), "/: cannot be read: is a directory; correct the path"),
        (("ls", "--endpoints", "ftp://x"), '--endpoints: etcd.endpoints[0]: "ftp://x" is not the address'),
        (
            ("ls", "--backend", "zk"),
            "--backend: backend: expected one of etcd, zookeeper, vrrp, found",
        ),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(words: tuple[str, ...], said: str) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


@pytest.mark.parametrize(
    "words",
    [("--help",), ("agent", "--help"), ("ls", "-h"), ("check", "-h"), ("restart", "-h"), ("forget", "-h")],
)
def test_help_lists_the_exit_codes(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert "77  a privilege is missing" in done.stdout


def test_the_agent_has_the_options_that_scripts_rely_on() -> None:
    text = run("agent", "--help").stdout
    for option in (
        *("--config", "--backend", "--endpoints", "--cluster", "--node", "--vip", "--priority", "--lease"),
        *("--lease-max", "--run-dir", "--log-format", "--cacert", "--cert", "--key", "--user"),
        "--password-file",
    ):
        assert f"  {option} " in text


def test_the_version_is_shown() -> None:
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("vipkeeper ")


def test_a_good_file_is_told_with_what_follows_from_it(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    done = run("check", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:2] == [
        f"{path}: no mistakes",
        "vip web: 192.0.2.10/32@lo, priority 100",
    ]
    assert "an owner that dies is replaced within 2.01 s" in done.stdout


def test_what_is_the_same_a_thousand_times_is_told_a_few_times(tmp_path: Path) -> None:
    servers = (
        f'[virtual_server.s{number}]\naddress = "192.0.2.{number}"\nport = 80\nprotocol = "tcp"\n'
        f'[virtual_server.s{number}.real_server.a]\naddress = "198.51.100.1"\n'
        for number in range(1, 9)
    )
    config = written(tmp_path, GOOD + "".join(servers))
    done = run("check", config)
    without_vip = [line for line in done.stderr.splitlines() if "no VIP has its address" in line]
    assert [line.partition(": ")[0] for line in without_vip] == [
        *(f"{config}:{line}" for line in (4, 10, 16, 22, 28)),
        "and 3 more like these",
    ]


def test_warnings_alone_do_not_fail_a_check(tmp_path: Path) -> None:
    text = 'failsafe = "off"\n' + GOOD.replace('"lo"', '"nothere0"') + "[lease]\nttl = 1\n"
    path = written(tmp_path, text)
    done = run("check", path)
    assert done.returncode == 0
    first, second = done.stderr.splitlines()
    assert first.startswith(f'{path}:4: vip.web.interface: this host has no interface "nothere0"; ')
    assert second.startswith(f"{path}:6: lease.ttl: a lease of 1 s does not outlive a leader change")
    assert first.endswith("(warning)")
    assert second.endswith("(warning)")


def test_mistakes_of_a_file_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD + 'prioritty = 3\n[lease]\nttl = "x"\n')
    done = run("check", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"{path}:4: vip.web.prioritty: unknown key; did you mean priority?",
        f'{path}:6: lease.ttl: expected a number of seconds above 0 up to 3600, found the text "x"; '
        "write for example ttl = 2.0",
        "vipkeeper: 2 mistakes, nothing done",
    ]


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"node = 'a'\nbad = '\xff'\n")
    done = run("check", str(path))
    assert done.returncode == 2
    assert done.stderr.startswith(f"{path}:2: is not UTF-8 text; save the file as UTF-8\n")


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/usr/bin/setpriv").exists(), reason="setpriv is missing")
def test_a_file_that_may_not_be_read_is_a_missing_privilege(tmp_path: Path) -> None:
    path = Path(written(tmp_path, GOOD))
    path.chmod(0)
    # Without CAP_DAC_OVERRIDE root itself may not read it.
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*drop, sys.executable, "-m", "vipkeeper", "check", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 77
    assert done.stderr == f"vipkeeper: {path}: may not be read by this user; run as a user who may\n"


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "vipkeeper", "check", written(tmp_path, GOOD)],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
