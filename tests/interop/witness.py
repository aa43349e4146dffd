"""Programs and FIFOs of the tests of notifications: what was told, and what was there in that moment.

Rules of this file: a program writes down what it found when it ran; nothing is judged here.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.interop.configured_agent import PATIENCE_S, ConfiguredAgent, configured_agent
from tests.interop.segment import Segment
from vipkeeper.lab.network import Host, vip_ipv4

# Name, state, whom it runs as, what it was called with, and how many of its addresses it found in place.
WITNESS = """\
#!/bin/sh
there=$(ip -o address show dev eth0 | grep -c -F "$VIPKEEPER_ADDRESSES/")
echo "$VIPKEEPER_VIP$VIPKEEPER_GROUP $VIPKEEPER_STATE by $(id -un) args $* there $there" >> {dir}/witnessed
while [ -e {dir}/hold ]; do sleep 0.1; done
"""


def wait(true: Callable[[], bool], otherwise: str) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end_s, otherwise
        time.sleep(0.05)


class Witness:
    """A program, and what it wrote down."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / "witness"
        self.path.write_text(WITNESS.format(dir=directory))
        self.path.chmod(0o755)
        directory.chmod(0o777)

    def wrote(self) -> list[str]:
        file = self.directory / "witnessed"
        return file.read_text().splitlines() if file.exists() else []

    def states(self, name: str = "web") -> list[str]:
        return [line.split()[1] for line in self.wrote() if line.split()[0] == name]

    def wait_for(self, *states: str, name: str = "web") -> None:
        wait(lambda: self.states(name) == list(states), f"it was not told {states}: {self.wrote()}")

    def hold(self) -> None:
        (self.directory / "hold").touch()

    def go_on(self) -> None:
        (self.directory / "hold").unlink()


def vip(name: str, number: int, vrid: int, more: str = "", *, priority: int = 100) -> str:
    return (
        f'[vip.{name}]\naddresses = ["{vip_ipv4(number)}"]\ninterface = "eth0"\npriority = {priority}\n'
        f"[vip.{name}.vrrp]\nvrid = {vrid}\nadvert_interval = 0.2\n{more}\n"
    )


def notified(witness: Witness, name: str = "web", number: int = 0, *, user: str = "root") -> str:
    any_program = f'any = {{ script = "{witness.path} any", user = "{user}" }}'
    return vip(name, number, 51 + number, f"[vip.{name}.notify]\n{any_program}")


@contextlib.contextmanager
def agent_of(segment: Segment, text: str, host: int = 0) -> Iterator[ConfiguredAgent]:
    with configured_agent(segment.network.hosts[host], segment.directory, text) as agent:
        agent.start()
        yield agent


def cut(segment: Segment, host: Host, *, up: bool) -> None:
    segment.network.switch.configure(f"link set {host.lan_port} {'up' if up else 'down'}")


class Lines:
    """What was written to a FIFO."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._read = b""

    def now(self) -> list[str]:
        with contextlib.suppress(BlockingIOError):
            self._read += os.read(self._file, 65536)
        return self._read.decode().splitlines()

    def until(self, count: int) -> list[str]:
        wait(lambda: len(self.now()) >= count, f"no {count} lines: {self.now()}")
        return self.now()
