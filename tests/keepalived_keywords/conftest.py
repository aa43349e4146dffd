"""The real keepalived, once for the tests of this folder that ask for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.keepalived_keywords.real_keepalived import INTERFACES, RealKeepalived
from vipkeeper.lab.namespaces import make_namespace, new_lab_name


@pytest.fixture(scope="session")
def keepalived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealKeepalived]:
    with make_namespace(new_lab_name(), "judge") as namespace:
        for interface in INTERFACES:
            namespace.configure(f"link add {interface} type bridge", f"link set {interface} up")
        yield RealKeepalived(namespace, tmp_path_factory.mktemp("judge"))
