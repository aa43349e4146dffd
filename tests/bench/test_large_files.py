"""A configuration with 1000 virtual servers: what it costs to read it and to make the director's plan.

Processor time, because others use this machine too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

from tests.bench.figures import Figures
from tests.config.sources import ONE_VIP, config_of
from vipkeeper.config.virtual_servers import balancing_plan

pytestmark = pytest.mark.bench

SERVICES, SERVERS = 1000, 4
_Made = TypeVar("_Made")


def test_a_thousand_virtual_servers(figures: Figures) -> None:
    text = ONE_VIP + "".join(_service(number) for number in range(SERVICES))
    config, reading_s = _timed(lambda: config_of(text))
    plan, planning_s = _timed(lambda: balancing_plan(config))
    assert sum(len(service.real_servers) for service in plan.services) == SERVICES * SERVERS
    size = f"{SERVICES} virtual servers x {SERVERS} servers, one check each"
    figures.add(f"reading and judging a file of {size}", reading_s, "s", target=1.5)
    figures.add(f"the director's plan of {size}", planning_s, "s", target=0.3)


def _service(number: int) -> str:
    name = f"virtual_server.s{number}"
    servers = (
        f'[{name}.real_server.r{server}]\naddress = "10.{number // 250}.{number % 250}.{server + 10}"\n'
        f'http_get.web.url.page.path = "/health"\n'
        for server in range(SERVERS)
    )
    place = f'address = "192.{number // 250}.{number % 250}.1"\nport = 80\nprotocol = "tcp"'
    return f"[{name}]\n{place}\ndelay_loop = 5.0\n{''.join(servers)}"


def _timed(make: Callable[[], _Made]) -> tuple[_Made, float]:
    start_s = time.process_time()
    made = make()
    return made, time.process_time() - start_s
