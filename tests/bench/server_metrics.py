"""A scrape of 1000 virtual servers: what it costs the director, and how long it holds the agent's loop.

`python -m tests.bench.server_metrics` prints one line. The director is another process, with a table in
memory, so what the kernel takes to count is not in it.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from tests.bench.ipvs_load import large_table
from vipkeeper.agent.agent_metrics import with_director
from vipkeeper.agent.director_metrics import scrape_director
from vipkeeper.agent.local_socket import serve_lines
from vipkeeper.agent.metrics_server import serve_metrics
from vipkeeper.config.peer_address import PeerAddress
from vipkeeper.director.director import Director
from vipkeeper.director.requests import answer_to
from vipkeeper.kernel.memory_ipvs import MemoryIpvs
from vipkeeper.model.balancing import (
    BalancingPlan,
    CheckKind,
    CheckPlan,
    Pacing,
    Reach,
    RealServerPlan,
    ServicePlan,
    TcpAsk,
)
from vipkeeper.model.director_files import DIRECTOR_SOCKET
from vipkeeper.model.ipvs import AddressKey

SCRAPES = 10
_PORT = 19318
_SELDOM = Pacing(warmup_s=86400.0)


class MetricsLoad(msgspec.Struct, frozen=True):
    """`held_ms`: processor time of the longest turn of the agent's event loop; `director_ms`: a scrape."""

    megabytes: float
    held_ms: float
    agent_ms: float
    director_ms: float
    director_idle_mb: float
    director_mb: float


def large_plan() -> BalancingPlan:
    """Each real server with a check that does not run."""
    services = []
    for key, server in large_table().servers.items():
        assert isinstance(key, AddressKey)
        reals = tuple(
            RealServerPlan(
                f"server-{place.address}",
                place,
                how,
                checks=(
                    CheckPlan(CheckKind.TCP, "port", _SELDOM, TcpAsk(), Reach(place.address, place.port)),
                ),
            )
            for place, how in server.destinations.items()
        )
        services.append(ServicePlan(f"service-{key.address}", (key,), server.service, reals))
    return BalancingPlan(tuple(services))


async def serve(run_dir: Path) -> None:
    """As a director does, until it is killed."""
    director = Director(run_dir, MemoryIpvs, lambda _message: None, time.monotonic)
    director.follow(large_plan())
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    idle_mb = _peak_mb()
    serving = asyncio.create_task(
        serve_lines(run_dir / DIRECTOR_SOCKET, lambda line: answer_to(line, director), "nobody can ask")
    )
    before_s = time.process_time()
    await ended.wait()
    took_ms = (time.process_time() - before_s) * 1e3 / SCRAPES
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    await director.end(keep=True)
    (run_dir / "cost").write_bytes(msgspec.json.encode((took_ms, idle_mb, _peak_mb())))


async def scrapes(run_dir: Path) -> tuple[float, float, float]:
    """Size, longest turn, and processor time of one."""

    async def scrape() -> Callable[[], bytes]:
        return with_director(lambda: b"", await scrape_director(str(run_dir), 0, within_s=60.0))

    server = asyncio.create_task(serve_metrics(PeerAddress("127.0.0.1", _PORT), scrape))
    # Who scrapes is another process: reading 4 MB is not the agent's work.
    took_ms, longest_ms, megabytes = 0.0, 0.0, 0.0
    for _ in range(SCRAPES + 1):
        scraper = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _SCRAPER, stdout=asyncio.subprocess.PIPE
        )
        assert scraper.stdout is not None
        reading = asyncio.create_task(scraper.stdout.read())
        before_s, turn_s = time.process_time(), time.thread_time()
        first = not megabytes
        while not reading.done():
            await asyncio.sleep(0.001)
            now_s = time.thread_time()
            longest_ms = longest_ms if first else max(longest_ms, (now_s - turn_s) * 1e3)
            turn_s = now_s
        took_ms += 0.0 if first else (time.process_time() - before_s) * 1e3
        megabytes = int(reading.result()) / 1e6
        await scraper.wait()
    server.cancel()
    await asyncio.gather(server, return_exceptions=True)
    return megabytes, longest_ms, took_ms / SCRAPES


_SCRAPER = f"""
import time, urllib.request
for _ in range(100):
    try:
        print(len(urllib.request.urlopen("http://127.0.0.1:{_PORT}/metrics", timeout=60).read()))
        break
    except ConnectionRefusedError:
        time.sleep(0.05)
"""


def measure() -> MetricsLoad:
    with tempfile.TemporaryDirectory() as text:
        run_dir = Path(text)
        child = os.fork()
        if child == 0:
            asyncio.run(serve(run_dir))
            os._exit(0)
        try:
            while not (run_dir / DIRECTOR_SOCKET).exists():
                time.sleep(0.05)
            megabytes, held_ms, agent_ms = asyncio.run(scrapes(run_dir))
        finally:
            os.kill(child, signal.SIGTERM)
            os.waitpid(child, 0)
        director_ms, idle_mb, peak_mb = msgspec.json.decode(
            (run_dir / "cost").read_bytes(), type=tuple[float, float, float]
        )
    return MetricsLoad(megabytes, held_ms, agent_ms, director_ms * SCRAPES / (SCRAPES + 1), idle_mb, peak_mb)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(msgspec.json.encode(measure()).decode())
