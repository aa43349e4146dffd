"""Where the kernel has no IPVS, the tests that need it run under one that has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ipvs.director import Director, make_director
from tests.uml.items import send_inside
from tests.uml.machine import IPVS_TABLE


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not IPVS_TABLE.exists():
        send_inside(items, "ipvs")


@pytest.fixture(scope="module")
def one_director() -> Iterator[Director]:
    with make_director() as made:
        yield made


@pytest.fixture
def director(one_director: Director) -> Director:
    """A namespace with an empty table. A file's tests share it, for a namespace takes a while to make."""
    one_director.empty()
    return one_director
