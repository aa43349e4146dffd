"""Where the kernel has no IPVS, the tests that need it run under one that has."""

from __future__ import annotations

import pytest

from tests.uml.items import send_inside
from tests.uml.machine import IPVS_TABLE


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not IPVS_TABLE.exists():
        send_inside(items, "ipvs")
