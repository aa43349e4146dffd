"""The checks of many web servers through the runner, and what they cost, in a process of its own.

    python -m tests.bench.many_http_checks PORT COUNT DELAY_LOOP_S WINDOW_S

Each server has an address of loopback. Prints a JSON object.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import sys
import time
from pathlib import Path

from tests.bench.http_server import BODY
from vipkeeper.health.checkers.runner import CheckRunner
from vipkeeper.model.balancing import CheckKey, CheckKind, CheckPlan, HttpAsk, Pacing, Page, Reach, Standing

SETTLING = 1.5  # rounds until all have run and the memory of starting has been given back


def plans(port: int, count: int, delay_loop_s: float) -> dict[CheckKey, CheckPlan]:
    digest = hashlib.md5(BODY, usedforsecurity=False).hexdigest()
    pacing = Pacing(delay_loop_s=delay_loop_s, warmup_s=delay_loop_s)
    ask = HttpAsk((Page("/index.html", digest=digest),))
    return {
        CheckKey(f"web{number}", "one", "page"): CheckPlan(
            CheckKind.HTTP, "page", pacing, ask, Reach(f"127.1.{number // 250}.{number % 250 + 1}", port)
        )
        for number in range(count)
    }


async def measured(port: int, count: int, delay_loop_s: float, window_s: float) -> dict[str, float]:
    empty_mb = resident_mb()
    runner = CheckRunner(
        lambda _key, _state: None, clock=time.monotonic, chance=random.random, log=lambda *_a, **_k: None
    )
    checks = plans(port, count, delay_loop_s)
    runner.want(checks)
    await asyncio.sleep(delay_loop_s * SETTLING)
    before, cpu_s, begin_s = runner.run_count, time.process_time(), time.monotonic()
    await asyncio.sleep(window_s)
    cpu_s, took_s = time.process_time() - cpu_s, time.monotonic() - begin_s
    ran = runner.run_count - before
    up = sum(runner.state(key).standing is Standing.UP for key in checks)
    found = {
        "share_percent": cpu_s / took_s * 100,
        "ms_each": cpu_s * 1000 / max(1, ran),
        "a_second": ran / took_s,
        "up": up,
        "failed": runner.failed_count,
        "memory_mb": resident_mb(),
        "empty_mb": empty_mb,
    }
    await runner.close()
    return found


def resident_mb() -> float:
    text = Path("/proc/self/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


if __name__ == "__main__":
    numbers = [float(word) for word in sys.argv[1:]]
    print(json.dumps(asyncio.run(measured(int(numbers[0]), int(numbers[1]), numbers[2], numbers[3]))))
