"""Two directors, two web servers behind them, and a client that says who served it.

Rules of this file: the client counts what it got, and knows from ARP which director it speaks to; the real
servers are set up by `vipkeeper realserver`, as by an operator, and a director's own web server says sorry.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.articles.stage import VIPS, Node
from vipkeeper.lab.lab import Lab, make_lab
from vipkeeper.lab.network import Host

PORT = 80
_ANSWER_S = 3.0
_POLL_S = 0.2
# Under User-Mode Linux an agent starts in five seconds, and on a busy machine in thirty.
_PATIENCE_S = 90.0


class WebServer:
    """Says its name, whatever is asked for. A thread of this process; its socket is in the namespace."""

    def __init__(self, host: Host, name: str) -> None:
        self.host = host
        self.name = name
        self._serving: ThreadingHTTPServer | None = None

    @property
    def address(self) -> str:
        return self.host.ipv4

    def start(self) -> None:
        """From now on it serves."""
        server = ThreadingHTTPServer(("", PORT), self._handler(), bind_and_activate=False)
        server.socket.close()
        server.socket = self.host.namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
        server.server_bind()
        server.server_activate()
        threading.Thread(target=server.serve_forever, args=(_POLL_S,), name=self.name).start()
        self._serving = server

    def stop(self) -> None:
        """From now on its port is closed."""
        if self._serving is not None:
            self._serving.shutdown()
            self._serving.server_close()
            self._serving = None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        body = self.name.encode()

        class SaysTheName(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_words: object) -> None:
                """A check comes each second."""

        return SaysTheName


@dataclass(frozen=True, slots=True)
class WebFarm:
    """`sorry` has a web server for each director."""

    lab: Lab
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

        return self.lab.network.client.namespace.call(there)

    def served(self, vip: str, times: int) -> Counter[str | None]:
        """Who serves so many clients, one after the other."""
        return Counter(self.ask(vip) for _ in range(times))

    def wait_until_served_by(self, vip: str, *servers: WebServer, through: Node) -> None:
        """By all of these in turn, by nobody else, and through this director. Raises AssertionError."""
        names = {server.name for server in servers}
        found: list[object] = []

        def as_told() -> bool:
            served = self.served(vip, 2 * len(names))
            found[:] = [served, self._speaks_to(vip)]
            return served.keys() == names and found[1] == through.host.mac

        wait_long(as_told, f"not served by {names} through {through.host.name}", found)

    def _speaks_to(self, vip: str) -> str | None:
        words = self.lab.network.client.namespace.run("ip", "neigh", "show", "to", vip).split()
        return words[words.index("lladdr") + 1] if "lladdr" in words else None

    def wait_until_tables_are(self, nodes: Iterable[Node], lines: Iterable[str]) -> None:
        """In any order. Raises AssertionError."""
        wanted = sorted(lines)
        for node in nodes:
            wait_long(partial(_is_table, node, wanted), f"{node.host.name} has not {wanted}")


def _is_table(node: Node, wanted: list[str]) -> bool:
    return table_of(node) == wanted


def wait_long(true: Callable[[], bool], otherwise: str, found: object = "") -> None:
    """Until it is true. Raises AssertionError."""
    deadline = time.monotonic() + _PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, f"{otherwise} {found}"
        time.sleep(_POLL_S)


def table_of(node: Node) -> list[str]:
    """As `ipvsadm -Sn` writes it."""
    return sorted(line.rstrip() for line in node.host.namespace.run("ipvsadm", "-Sn").splitlines())


@contextlib.contextmanager
def make_farm() -> Iterator[WebFarm]:
    """The web servers run, and have each VIP on their loopback."""
    with make_lab(hosts=4, etcd_members=1) as lab, contextlib.ExitStack() as stack:
        first, second, third, fourth = lab.network.hosts
        webs = WebServer(third, "web1"), WebServer(fourth, "web2")
        sorry = WebServer(first, "sorry1"), WebServer(second, "sorry2")
        vips = [word for vip in VIPS for word in ("--vip", vip)]
        for web in webs:
            place = ("--run-dir", str(lab.directory / f"realserver-{web.name}"))
            web.host.namespace.run(sys.executable, "-m", "vipkeeper", "realserver", "up", *vips, *place)
        for server in (*webs, *sorry):
            server.start()
            stack.callback(server.stop)
        yield WebFarm(lab, webs, sorry)
