"""One lab for each file of tests: making one takes longer than most tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.articles.stage import Stage, make_stage


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with make_stage() as made:
        yield made
