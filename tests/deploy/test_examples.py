"""The example configurations are accepted as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import run

EXAMPLES = Path(__file__).resolve().parents[2] / "deploy" / "examples"
FILES = sorted(EXAMPLES.glob("*.toml"))
# What a build machine lacks and the example's host has.
OF_THE_HOST = ("this host has no interface", "this host has no readable file")


def test_there_are_examples() -> None:
    names = {path.stem for path in FILES}
    assert names == {"one-vip", "dual-stack", "tls", "zookeeper", "vrrp"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_check_accepts_the_example(path: Path) -> None:
    done = run("check", str(path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{path}: no mistakes\n")
    for line in done.stderr.splitlines():
        assert any(lacking in line for lacking in OF_THE_HOST), line
