"""The store is opened from the configuration; a password file that cannot be used is named, never shown."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.contract.event_loop import on_loop
from vipkeeper.agent.stores import open_store
from vipkeeper.config.schema import Config
from vipkeeper.model.errors import ConfigError


def config(password_file: Path) -> Config:
    etcd = {
        "endpoints": ["http://127.0.0.1:2379"],
        "username": "vipkeeper",
        "password_file": str(password_file),
    }
    return msgspec.convert({"node": "a", "etcd": etcd}, Config)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"\xff\xfe", "cannot be read: not UTF-8 text"),
        (b"", "is empty; put the password there"),
        (b"\nsecret\n", "is empty; put the password there"),
    ],
    ids=["absent", "binary", "empty", "empty line"],
)
def test_a_password_file_that_cannot_be_used(tmp_path: Path, content: bytes | None, said: str) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)

    @on_loop
    async def run() -> None:
        with pytest.raises(ConfigError) as refused:
            open_store(config(file))
        (mistake,) = refused.value.mistakes
        assert "etcd.password_file" in mistake
        assert said in mistake
        assert "secret" not in mistake

    run()


@on_loop
async def test_a_password_file_of_zookeeper_is_named_as_such(tmp_path: Path) -> None:
    zookeeper = {"username": "vipkeeper", "password_file": str(tmp_path / "absent")}
    settings = {"node": "a", "backend": "zookeeper", "zookeeper": zookeeper}
    with pytest.raises(ConfigError, match=r"zookeeper\.password_file"):
        open_store(msgspec.convert(settings, Config))


@pytest.mark.parametrize(
    ("backend", "theirs", "others"), [("etcd", "grpclib", "kazoo"), ("zookeeper", "kazoo", "grpclib")]
)
def test_only_the_chosen_backend_is_loaded(backend: str, theirs: str, others: str) -> None:
    program = f"""
import asyncio, sys
from vipkeeper.agent.stores import open_store
from vipkeeper.config.schema import Config
async def run():
    await open_store(Config(backend={backend!r})).close()
asyncio.run(run())
assert {theirs!r} in sys.modules
assert {others!r} not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@on_loop
async def test_nothing_is_sent_before_it_is_asked() -> None:
    store = open_store(msgspec.convert({"node": "a", "etcd": {"endpoints": ["http://127.0.0.1:1"]}}, Config))
    await store.close()
