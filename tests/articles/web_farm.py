"""Two directors, two web servers behind them, and a client that says who served it.

Rules of this file: the client counts what it got; the real servers are set up by `vipkeeper realserver`, as
an operator would, and a director's own web server says sorry.
"""

from __future__ import annotations

import contextlib
import http.client
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from tests.articles.stage import VIPS, Stage, wait
from tests.articles.web_server import PORT
from vipkeeper.lab.network import Host
from vipkeeper.lab.processes import LabProcess

_ANSWER_S = 3.0
_POLL_S = 0.05
_PATIENCE_S = 60.0


class WebServer:
    """One of them, over all its restarts."""

    def __init__(self, stage: Stage, host: Host, name: str) -> None:
        self.host = host
        self.name = name
        self._process = LabProcess(
            f"web server {name}",
            (sys.executable, "-m", "tests.articles.web_server", name),
            log=stage.lab.directory / f"{name}.log",
            namespace=host.namespace,
        )

    @property
    def address(self) -> str:
        return self.host.ipv4

    def start(self) -> None:
        """Returns when it serves."""
        before = self._ready()
        self._process.start()
        deadline = time.monotonic() + _PATIENCE_S
        while self._ready() == before:
            self._process.require_running()
            assert time.monotonic() < deadline, self._process.log_end()
            time.sleep(_POLL_S)

    def _ready(self) -> int:
        log = self._process.log
        return log.read_text().count("ready") if log.exists() else 0

    def stop(self) -> None:
        self._process.stop()


@dataclass(frozen=True, slots=True)
class WebFarm:
    """`sorry` has a web server for each director."""

    stage: Stage
    webs: tuple[WebServer, WebServer]
    sorry: tuple[WebServer, WebServer]

    def ask(self, vip: str) -> str | None:
        """Who serves a client of this VIP; None: nobody."""

        def there() -> str | None:
            connection = http.client.HTTPConnection(vip, PORT, timeout=_ANSWER_S)
            with contextlib.closing(connection):
                try:
                    connection.request("GET", "/")
                    return connection.getresponse().read().decode()
                except (OSError, http.client.HTTPException):
                    return None

        return self.stage.lab.network.client.namespace.call(there)

    def served(self, vip: str, times: int) -> Counter[str | None]:
        """Who serves so many clients, one after the other."""
        return Counter(self.ask(vip) for _ in range(times))

    def wait_until_served_by(self, vip: str, *servers: WebServer) -> None:
        """By all of these in turn, and by nobody else. Raises AssertionError."""
        names = {server.name for server in servers}
        found: list[Counter[str | None]] = []

        def as_told() -> bool:
            found.append(self.served(vip, 2 * len(names)))
            return found[-1].keys() == names

        wait(as_told, f"served by others than {names}: {found[-3:]}")

    def wait_until_tables_are(self, hosts: Iterable[Host], lines: Iterable[str]) -> None:
        """In any order. Raises AssertionError."""
        wanted = sorted(lines)
        for host in hosts:
            wait(partial(self._is_table, host, wanted), f"{host.name} has not {wanted}")

    def _is_table(self, host: Host, wanted: list[str]) -> bool:
        return table_of(host) == wanted


def table_of(host: Host) -> list[str]:
    """As `ipvsadm -Sn` writes it."""
    return sorted(line.rstrip() for line in host.namespace.run("ipvsadm", "-Sn").splitlines())


@contextlib.contextmanager
def make_farm(stage: Stage) -> Iterator[WebFarm]:
    """The web servers run, and have each VIP on their loopback."""
    first, second, third, fourth = stage.lab.network.hosts
    webs = WebServer(stage, third, "web1"), WebServer(stage, fourth, "web2")
    sorry = WebServer(stage, first, "sorry1"), WebServer(stage, second, "sorry2")
    vips = [word for vip in VIPS for word in ("--vip", vip)]
    with contextlib.ExitStack() as stack:
        for web in webs:
            place = ("--run-dir", str(stage.lab.directory / f"realserver-{web.name}"))
            command = (sys.executable, "-m", "vipkeeper", "realserver", "up", *vips, *place)
            web.host.namespace.run(*command)
        for server in (*webs, *sorry):
            stack.callback(server.stop)
            server.start()
        yield WebFarm(stage, webs, sorry)
