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
    rows: dict[str, dict[str, str]] = {}
    for section in reference().split("\n## ")[1:]:
        places, _, text = section.partition("\n")
        cells = [line.split("|") for line in text.splitlines() if line.startswith("| `")]
        for place in places.split(", "):
            rows[place] = {cell[1].split("`")[1]: cell[3] for cell in cells}
    for path in setting_paths():
        place = f"[{dotted(path[:-1])}]" if len(path) > 1 else "Top of the file"
        assert rows[place].pop(str(path[-1])).strip(), dotted(path)
    assert not any(rows.values())


def test_examples_of_the_page_can_be_pasted() -> None:
    blocks = reference().split("\n\n    ", 1)[1].split("\n## ", 1)[0]
    example = "\n".join(line.removeprefix("    ") for line in f"    {blocks}".splitlines())
    assert mistakes_of(example) == []
    assert tomllib.loads(example)["vip"]["web"]["interface"] == "eth0"
    assert mistakes_of(ONE_VIP) == []
