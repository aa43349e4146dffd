"""The seam to files: the real ones and those in memory keep the same rules."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.keepalived_conf.memory_files import MemoryFiles
from vipkeeper.config.keepalived_files import HostFiles, surroundings_of_this_host
from vrrp_compat.keepalived_conf.config_files import ConfigFiles, Unreadable
from vrrp_compat.keepalived_conf.reading import read_configuration

Make = Callable[[Mapping[str, bytes]], ConfigFiles]


@pytest.fixture(params=["memory", "host"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Puts files below tmp_path, in memory or on the disk."""

    def make_files(contents: Mapping[str, bytes]) -> ConfigFiles:
        if request.param == "memory":
            return MemoryFiles({f"{tmp_path}/{name}": content for name, content in contents.items()})
        for name, content in contents.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return HostFiles()

    return make_files


def test_what_is_in_a_file(make: Make, tmp_path: Path) -> None:
    assert make({"a": b"x\r\n\xff\0"}).read(f"{tmp_path}/a") == b"x\r\n\xff\0"


def test_a_file_that_is_not_there(make: Make, tmp_path: Path) -> None:
    assert make({}).read(f"{tmp_path}/a") == Unreadable("no such file or directory")


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a.conf", ["a.conf"]),
        ("*.conf", ["a.conf", "b.conf"]),
        ("?.conf", ["a.conf", "b.conf"]),
        ("[bc].conf", ["b.conf"]),
        ("*", ["a.conf", "b.conf", "c.txt"]),
        (".*", [".hidden.conf"]),
        ("*/*.conf", ["d/e.conf"]),
        ("no.conf", []),
        ("no*.conf", []),
    ],
)
def test_what_a_pattern_names(make: Make, tmp_path: Path, pattern: str, names: list[str]) -> None:
    files = make(dict.fromkeys(["c.txt", "b.conf", "a.conf", ".hidden.conf", "d/e.conf"], b""))
    found = [path for path in files.matching(f"{tmp_path}/{pattern}") if path != f"{tmp_path}/d"]
    assert found == [f"{tmp_path}/{name}" for name in names]


def test_what_cannot_be_read_on_a_host(tmp_path: Path) -> None:
    files = HostFiles()
    os.mkfifo(tmp_path / "fifo")
    assert files.read(f"{tmp_path}/fifo") == Unreadable("is not a regular file")
    assert files.read(str(tmp_path)) == Unreadable("is a directory")
    assert isinstance(files.read("a\0b"), Unreadable)
    assert files.matching("a\0*") == ()


def test_a_configuration_of_this_host(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/a.conf").write_text("a ${_PWD} ${_RANDOM}\ninclude ../b.conf")
    (tmp_path / "b.conf").write_text("b")
    main = tmp_path / "keepalived.conf"
    main.write_text("include conf.d/*.conf\n@here c\n@there d")
    written = read_configuration(str(main), HostFiles(), surroundings_of_this_host("here"))
    assert [statement.keyword.text for statement in written.statements] == ["a", "b", "c"]
    assert written.statements[0].words[0].text == f"{tmp_path}/conf.d"
    assert written == read_configuration(str(main), HostFiles(), surroundings_of_this_host("here"))
