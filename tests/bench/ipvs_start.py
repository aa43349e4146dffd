"""From start to a full IPVS table: our agent and keepalived, with the same table. Prints one line.

`python -m tests.bench.ipvs_start`, as root in a network namespace whose IPVS table may be emptied.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.bench.ipvs_load import large_table
from tests.uml.machine import IPVS_TABLE
from vipkeeper.kernel.ipvs_host import IpvsHost
from vipkeeper.model.ipvs import AddressKey, VirtualServer

INTERFACE = "lan0"
ROUNDS = 3
_LIMIT_S = 120.0
_LOOK_S = 0.02
_HEADER_LINES = 3


class IpvsStart(msgspec.Struct, frozen=True):
    """Seconds to the full table, round by round; memory once it is there."""

    toml_s: list[float]
    conf_s: list[float]
    keepalived_s: list[float]
    modules_s: list[float]  # Python and the agent's and director's modules, and nothing else
    keepalived_mb: float  # all its processes, as all of these: their share of what they share
    agent_mb: float
    director_mb: float


def measure() -> IpvsStart:
    ipvs = IpvsHost()
    with _interface(), tempfile.TemporaryDirectory() as text:
        home = Path(text)
        toml, conf = home / "agent.toml", home / "keepalived.conf"
        toml.write_text(_toml())
        conf.write_text(_keepalived_conf())
        keepalived = ["keepalived", "--dont-fork", f"--use-file={conf}", f"--pid={home / 'main'}"]
        keepalived += [f"--vrrp_pid={home / 'vrrp'}", f"--checkers_pid={home / 'checkers'}"]
        toml_s, conf_s, keepalived_s = list[float](), list[float](), list[float]()
        modules_s = list[float]()
        for number in range(ROUNDS):
            modules_s.append(_loading_s())
            for took_s, command in (
                (keepalived_s, keepalived),
                (toml_s, _agent(toml, home / f"toml{number}")),
                (conf_s, _agent(conf, home / f"conf{number}")),
            ):
                ipvs.flush()
                with _running(command) as started:
                    took_s.append(_until_full(started))
                    memory_mb = [_shared_fairly_mb(pid) for pid in _tree(started.pid)]
                if command is keepalived:
                    keepalived_mb = sum(memory_mb)
                else:
                    agent_mb, director_mb = memory_mb
        ipvs.flush()
    return IpvsStart(toml_s, conf_s, keepalived_s, modules_s, keepalived_mb, agent_mb, director_mb)


def _agent(config: Path, run_dir: Path) -> list[str]:
    words = ("--config", str(config), "--backend", "vrrp", "--node", "one", "--run-dir", str(run_dir))
    return [sys.executable, "-m", "vipkeeper", "agent", *words]


def _loading_s() -> float:
    modules = "vipkeeper.cli.agent_command, vipkeeper.agent.supervisor, vipkeeper.director.process"
    started_s = time.monotonic()
    subprocess.run([sys.executable, "-c", f"import {modules}"], check=True)
    return time.monotonic() - started_s


def _until_full(started: subprocess.Popen[bytes]) -> float:
    """Seconds since this was called, right after the start."""
    start_s = time.monotonic()
    wanted = _HEADER_LINES + sum(1 + len(server.destinations) for server in large_table().servers.values())
    while _lines() < wanted:
        took_s = time.monotonic() - start_s
        assert started.poll() is None, "it ended"
        assert took_s < _LIMIT_S, f"{_lines()} lines of {wanted}"
        time.sleep(_LOOK_S)
    return time.monotonic() - start_s


def _lines() -> int:
    return IPVS_TABLE.read_bytes().count(b"\n")


def _tree(pid: int) -> list[int]:
    """A process and its children, in the order of their start."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def _shared_fairly_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    (kilobytes,) = re.findall(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(kilobytes) / 1024


@contextlib.contextmanager
def _interface() -> Iterator[None]:
    lines = (
        f"link add {INTERFACE} type dummy",
        f"address add 10.250.0.1/24 dev {INTERFACE}",
        f"link set {INTERFACE} up",
    )
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines).encode(), check=True)
    yield
    subprocess.run(["ip", "link", "del", INTERFACE], check=True)


@contextlib.contextmanager
def _running(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Killed at the end, with its children: how long it takes to leave is not asked here."""
    with tempfile.TemporaryFile() as said, subprocess.Popen(command, stdout=said, stderr=said) as started:
        try:
            yield started
        except BaseException:
            said.seek(0)
            print(said.read().decode(errors="replace")[-2000:])
            raise
        finally:
            if started.poll() is None:
                for pid in _tree(started.pid):  # the parent first, which would start the others again
                    os.kill(pid, signal.SIGKILL)


def _services() -> Iterator[tuple[str, AddressKey, VirtualServer]]:
    for number, (key, server) in enumerate(large_table().servers.items()):
        assert isinstance(key, AddressKey)
        yield f"s{number}", key, server


def _toml() -> str:
    lines = [f'[vip.web]\naddresses = ["10.250.0.100"]\ninterface = "{INTERFACE}"\n[vip.web.vrrp]\nvrid = 51']
    for name, key, server in _services():
        lines += [
            f'[virtual_server.{name}]\naddress = "{key.address}"\nport = {key.port}\nprotocol = "tcp"',
            f'lvs_sched = "{server.service.scheduler}"',
        ]
        for place, (one, how) in enumerate(server.destinations.items()):
            lines += [
                f"[virtual_server.{name}.real_server.r{place}]",
                f'address = "{one.address}"\nport = {one.port}\nweight = {how.weight}',
            ]
    return "\n".join(lines) + "\n"


def _keepalived_conf() -> str:
    lines = [
        f"vrrp_instance web {{\n interface {INTERFACE}\n virtual_router_id 51\n priority 100",
        " virtual_ipaddress {\n  10.250.0.100\n }\n}",
    ]
    for _, key, server in _services():
        lines.append(f"virtual_server {key.address} {key.port} {{\n protocol TCP\n lvs_method NAT")
        lines.append(f" lvs_sched {server.service.scheduler}")
        lines += [
            f" real_server {one.address} {one.port} {{\n  weight {how.weight}\n }}"
            for one, how in server.destinations.items()
        ]
        lines.append("}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(msgspec.json.encode(measure()).decode())
