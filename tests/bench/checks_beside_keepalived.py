"""The same HTTP checks by us and by keepalived, one after the other in one kernel that has IPVS.

    python -m tests.bench.checks_beside_keepalived COUNT DELAY_LOOP_S WINDOW_S

Prints a JSON object: processor seconds for each check, of either.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.http_server import BODY
from tests.bench.many_http_checks import SETTLING

_TICKS = os.sysconf("SC_CLK_TCK")
_VIRTUAL = """
virtual_server 10.9.{high}.{low} 80 {{
    delay_loop {delay_loop_s:g}
    protocol TCP
    lb_algo rr
    lb_kind NAT
    real_server 127.1.{high}.{low} {port} {{
        HTTP_GET {{
            url {{
                path /index.html
                digest {digest}
            }}
        }}
    }}
}}
"""


def keepalived_conf(port: int, count: int, delay_loop_s: float) -> str:
    digest = hashlib.md5(BODY, usedforsecurity=False).hexdigest()
    return "".join(
        _VIRTUAL.format(
            high=number // 250, low=number % 250 + 1, delay_loop_s=delay_loop_s, port=port, digest=digest
        )
        for number in range(count)
    )


def keepalived_ms_each(port: int, count: int, delay_loop_s: float, window_s: float) -> float:
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory, "keepalived.conf")
        config.write_text(keepalived_conf(port, count, delay_loop_s))
        command = ["keepalived", "--dont-fork", "--check", "--use-file", str(config)]
        pids = ["--pid", f"{directory}/pid", "--checkers_pid", f"{directory}/checkers"]
        with running([*command, *pids]):
            time.sleep(delay_loop_s * SETTLING + 1)
            checkers = int(Path(directory, "checkers").read_text())
            before_s, begin_s = processor_s(checkers), time.monotonic()
            time.sleep(window_s)
            used_s, took_s = processor_s(checkers) - before_s, time.monotonic() - begin_s
            alive = sum(
                line.split()[3] == "1"
                for line in Path("/proc/net/ip_vs").read_text().splitlines()
                if line.lstrip().startswith("->") and "Masq" in line
            )
            assert alive == count, f"keepalived has {alive} of {count} servers in"
    return used_s * 1000 / (count / delay_loop_s * took_s)


def processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def beside(count: int, delay_loop_s: float, window_s: float) -> dict[str, float]:
    with running([sys.executable, "-m", "tests.bench.http_server", "0"]) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        numbers = [str(number) for number in (port, count, delay_loop_s, window_s)]
        ours = subprocess.run(
            [sys.executable, "-m", "tests.bench.many_http_checks", *numbers],
            check=True,
            capture_output=True,
            text=True,
        )
        theirs_ms = keepalived_ms_each(port, count, delay_loop_s, window_s)
    return {"ours_ms": json.loads(ours.stdout)["ms_each"], "keepalived_ms": theirs_ms}


if __name__ == "__main__":
    print(json.dumps(beside(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))))
