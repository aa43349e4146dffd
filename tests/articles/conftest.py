"""One lab for each file of tests: making one takes longer than most tests.

Articles with virtual servers run under a kernel that has IPVS.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.articles.stage import Stage, make_stage
from tests.articles.web_farm import WebFarm, make_farm
from tests.uml.items import send_inside
from tests.uml.machine import IPVS_TABLE


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not IPVS_TABLE.exists():
        send_inside(items, "ipvs")


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with make_stage() as made:
        yield made


@pytest.fixture(scope="module")
def farm() -> Iterator[WebFarm]:
    with make_farm() as made:
        yield made
