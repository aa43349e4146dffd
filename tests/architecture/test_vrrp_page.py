"""docs/vrrp.md says of each reason what the program says, and its examples are those in deploy/."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.wire.discards import DiscardReason

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "vrrp.md"
DEPLOY = ROOT / "deploy"

# Only a capture can hold these; docs/vrrp-tools.md has them.
OF_CAPTURES = {DiscardReason.FRAGMENT, DiscardReason.INCOMPLETE}


def unexplained(page: str) -> list[str]:
    """Reasons that the page lacks, or explains in other words than the program does."""
    rows = set(re.findall(r"^\| `([\w-]+)` \| (.+?) \|", page, re.MULTILINE))
    reasons = (*RouterReason, *(each for each in DiscardReason if each not in OF_CAPTURES))
    return [each.value for each in reasons if (each.value, each.explained) not in rows]


def told_to_all(reason: RouterReason) -> str:
    """What the page says to do about it."""
    found = re.search(rf"^\| `{reason.value}` \| .+ \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    return found.group(1) if found else ""


def test_every_reason_is_explained_as_the_program_does() -> None:
    assert unexplained(PAGE.read_text()) == []
    for reason in RouterReason:
        assert told_to_all(reason), reason


@pytest.mark.parametrize("text", [RouterReason.RESUMED.value, DiscardReason.TTL.explained])
def test_a_reason_that_is_missing_or_told_otherwise_is_found(text: str) -> None:
    assert len(unexplained(PAGE.read_text().replace(text, "something else"))) == 1


def shown(page: str) -> Iterator[str]:
    """The indented blocks of the page, without their indentation."""
    for block in re.findall(r"(?:^    .*\n|^\n)+", page, re.MULTILINE):
        yield re.sub(r"^    ", "", block, flags=re.MULTILINE).strip("\n")


def without_comments(text: str) -> str:
    lines = (line for line in text.splitlines() if not line.lstrip().startswith(("#", "!")))
    return re.sub(r"\n{2,}", "\n\n", "\n".join(lines)).strip("\n")


def is_whole(text: str, page: str) -> bool:
    """All of the file in one block."""
    return any(without_comments(text) in block for block in shown(page))


@pytest.mark.parametrize("name", ["examples/vrrp.toml", "vrrp/keepalived.conf", "vrrp/frr.conf"])
def test_what_it_shows_is_what_is_in_deploy(name: str) -> None:
    page, text = PAGE.read_text(), (DEPLOY / name).read_text()
    assert is_whole(text, page)
    assert not is_whole(text.replace("51", "52"), page)
