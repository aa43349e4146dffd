"""docs/configuration.md is what the schema says, for every setting."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tests.config.sources import ONE_VIP, mistakes_of
from vipkeeper.config.mistakes import dotted
from vipkeeper.config.reference import reference
from vipkeeper.config.typed_document import setting_paths

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_current() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    assert page == reference(), "run: python -m vipkeeper.config.reference > docs/configuration.md"


def test_every_setting_has_its_row() -> None:
    rows = [line for line in reference().splitlines() if line.startswith("| `")]
    assert len(rows) == len(list(setting_paths()))
    for path, row in zip(sorted(setting_paths()), sorted(rows), strict=False):
        assert all(cell.strip() for cell in row.split("|")[3:4]), dotted(path)


def test_examples_of_the_page_can_be_pasted() -> None:
    blocks = reference().split("\n\n    ", 1)[1].split("\n## ", 1)[0]
    example = "\n".join(line.removeprefix("    ") for line in f"    {blocks}".splitlines())
    assert mistakes_of(example) == []
    assert tomllib.loads(example)["vip"]["web"]["interface"] == "eth0"
    assert mistakes_of(ONE_VIP) == []
