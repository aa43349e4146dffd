"""The store is opened from the configuration; a password file that cannot be used is named, never shown."""

from __future__ import annotations

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
async def test_nothing_is_sent_before_it_is_asked() -> None:
    store = open_store(msgspec.convert({"node": "a", "etcd": {"endpoints": ["http://127.0.0.1:1"]}}, Config))
    await store.close()
