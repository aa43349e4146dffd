"""The ZooKeeper example starts with SASL switched on, and vipkeeper's example gets on with it."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.commands import run
from vipkeeper.lab.zookeeper_servers import JAVA, MAIN_CLASS

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
START_TIMEOUT_S = 60.0
OTHERS = (
    "server.1=10.0.0.11:2888:3888\n",
    "server.2=10.0.0.12:2888:3888\n",
    "server.3=10.0.0.13:2888:3888\n",
)

pytestmark = pytest.mark.zookeeper


@dataclass(frozen=True)
class Server:
    """A running server, made from the example, and vipkeeper's configuration for it."""

    port: int
    config: Path
    password: Path


def replaced(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


def make_files(directory: Path, port: int) -> Server:
    """The examples with this machine's paths and port, without the other servers, with SASL switched on."""
    (directory / "zoo.cfg").write_text(
        replaced(
            (DEPLOY / "zookeeper" / "zoo.cfg").read_text(),
            *((line, "") for line in OTHERS),
            ("/var/lib/zookeeper/vipkeeper", str(directory / "data")),
            ("clientPortAddress=10.0.0.11", "clientPortAddress=127.0.0.1"),
            ("clientPort=2181", f"clientPort={port}"),
            ("#authProvider", "authProvider"),
            ("#sessionRequire", "sessionRequire"),
        )
    )
    (directory / "jaas.conf").write_text((DEPLOY / "zookeeper" / "jaas.conf").read_text())
    password = directory / "password"
    password.write_text("change this\n")
    config = directory / "zookeeper.toml"
    config.write_text(
        replaced(
            (DEPLOY / "examples" / "zookeeper.toml").read_text(),
            ("10.0.0.11:2181", f"127.0.0.1:{port}"),
            (', "10.0.0.12:2181", "10.0.0.13:2181"', ""),
            ("/etc/vipkeeper/zookeeper-password", str(password)),
        )
    )
    return Server(port, config, password)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("zookeeper")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = make_files(directory, port)
    jaas = f"-Djava.security.auth.login.config={directory / 'jaas.conf'}"
    log = directory / "log"
    with log.open("wb") as output:
        command = [*JAVA, jaas, MAIN_CLASS, str(directory / "zoo.cfg")]
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while run("ls", "--config", str(made.config)).returncode != 0:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield made
    finally:
        process.kill()
        process.wait()


def test_vipkeeper_logs_in_with_the_examples(server: Server) -> None:
    done = run("ls", "--config", str(server.config), "-o", "json")
    assert (done.returncode, json.loads(done.stdout)) == (0, [])


def test_a_wrong_password_is_told_and_not_shown(server: Server, tmp_path: Path) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("guessed\n")
    done = run("ls", "--config", str(server.config), "--password-file", str(wrong))
    assert done.returncode == 69
    assert "correct the ZooKeeper username or password" in done.stderr
    assert "guessed" not in done.stderr


def test_nobody_gets_in_without_a_login(server: Server) -> None:
    done = run("ls", "--backend", "zookeeper", "--endpoints", f"127.0.0.1:{server.port}")
    assert done.returncode == 69
    assert "this server wants SASL" in done.stderr


def test_the_four_letter_word_of_the_example_answers(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"srvr")
        assert b"Mode: standalone" in b"".join(iter(lambda: connection.recv(4096), b""))
