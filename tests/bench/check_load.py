"""Thousands of TCP checks in a process of their own. Prints what it measured as one line.

`python -m tests.bench.check_load COUNT PORT`: COUNT real servers, all of them one server on the loopback
(another process), each checked every 5 s. The kernel's work for both ends is charged to whoever connects
there, so the figure is an upper bound.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
import time
from pathlib import Path

import msgspec

from vipkeeper.health.checkers.runner import CheckRunner
from vipkeeper.model.balancing import CheckKey, CheckKind, CheckPlan, CheckState, Pacing, Reach, TcpAsk

INTERVAL_S = 5.0
WINDOW_S = 15.0
PROBE_S = 0.01


class CheckLoad(msgspec.Struct, frozen=True):
    """`part` of one core over the window; `longest_ms`: how late the event loop came to something else."""

    checks: int
    failed: int
    part: float
    us_each: float
    longest_ms: float
    idle_mb: float
    used_mb: float


async def measure(count: int, port: int) -> CheckLoad:
    runner = CheckRunner(_tell, clock=time.monotonic, chance=random.random, log=_log)
    before_mb = resident_mb()
    pacing = Pacing(delay_loop_s=INTERVAL_S, warmup_s=INTERVAL_S)
    runner.want(
        {
            CheckKey(f"service {n // 4}", f"server {n}", "tcp_check port"): CheckPlan(
                CheckKind.TCP, "port", pacing, TcpAsk(), Reach("127.0.0.1", port)
            )
            for n in range(count)
        }
    )
    idle_mb = resident_mb() - before_mb
    await asyncio.sleep(INTERVAL_S + 1.0)  # each has run once
    checks = runner.run_count
    processor_s, begun_s = time.process_time(), time.monotonic()
    longest_s = await _longest_delay_s(WINDOW_S)
    processor_s, elapsed_s = time.process_time() - processor_s, time.monotonic() - begun_s
    checks = runner.run_count - checks
    used_mb = resident_mb() - before_mb
    failed = runner.failed_count
    await runner.close()
    part, us_each = processor_s / elapsed_s, processor_s / max(1, checks) * 1e6
    return CheckLoad(checks, failed, part, us_each, longest_s * 1e3, idle_mb, used_mb)


async def _longest_delay_s(window_s: float) -> float:
    """How much later than wanted a timer came, at most."""
    loop = asyncio.get_running_loop()
    until_s, longest_s = loop.time() + window_s, 0.0
    while loop.time() < until_s:
        wanted_s = loop.time() + PROBE_S
        await asyncio.sleep(PROBE_S)
        longest_s = max(longest_s, loop.time() - wanted_s)
    return longest_s


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def _tell(_key: CheckKey, _state: CheckState) -> None:
    """The director is not a part of this."""


def _log(level: int, event: str, message: str = "", **fields: object) -> None:
    if level >= logging.WARNING:
        print(event, message, fields, file=sys.stderr)


if __name__ == "__main__":
    print(msgspec.json.encode(asyncio.run(measure(int(sys.argv[1]), int(sys.argv[2])))).decode())
