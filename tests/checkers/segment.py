"""A director and a real server in namespaces of their own, with firewalls between that refuse by port.

Rules of this file: rejections and silences are those of nftables on the server; a check runs in a thread
that is in the director's namespace.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from tests.checkers.servers import PATIENCE_S
from vipkeeper.health.checkers.results import CannotCheck
from vipkeeper.lab.namespaces import Namespace, make_namespace, new_lab_name
from vipkeeper.lab.run_command import run_command
from vipkeeper.model.balancing import CheckOutcome

SERVER_IPV4, SERVER_IPV6, SERVER_LINK_LOCAL = "10.77.0.2", "fd77::2", "fe80::77"
NOBODY_IPV4 = "10.77.0.99"
PORTLESS = 7000  # nobody listens
RESET, UNREACHABLE, PROHIBITED, DROPPED = 7001, 7002, 7003, 7004

_SERVER_RULES = f"""
table inet refuse {{
  chain input {{
    type filter hook input priority 0;
    tcp dport {RESET} reject with tcp reset
    meta l4proto {{ tcp, udp }} th dport {UNREACHABLE} reject with icmpx type host-unreachable
    meta l4proto {{ tcp, udp }} th dport {PROHIBITED} reject with icmpx type admin-prohibited
    meta l4proto {{ tcp, udp }} th dport {DROPPED} drop
  }}
}}
"""
_DIRECTOR_RULES = """
table inet own {
  counter marked { }
  chain output {
    type filter hook output priority 0;
    meta mark 7 counter name marked
    udp dport 7005 drop
  }
}
"""


@dataclass(frozen=True, slots=True)
class Segment:
    director: Namespace
    server: Namespace

    def ask(self, checking: Callable[[], Coroutine[Any, Any, CheckOutcome]]) -> CheckOutcome:
        """What a check finds that runs on the director.

        The kernel's table of neighbours is one for all namespaces; while others fill it, ask again.
        """
        until_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self.director.call(lambda: asyncio.run(checking()))
            except CannotCheck as trouble:
                if "gc_thresh3" not in str(trouble) or time.monotonic() > until_s:
                    raise
                time.sleep(0.05)

    def marked_packets(self) -> int:
        listed = json.loads(self.director.run("nft", "-j", "list", "counters"))
        counted: int = next(entry["counter"]["packets"] for entry in listed["nftables"] if "counter" in entry)
        return counted


@contextlib.contextmanager
def make_segment() -> Iterator[Segment]:
    name = new_lab_name()
    with make_namespace(name, "lb") as director, make_namespace(name, "rs") as server:
        run_command(
            *("ip", "link", "add", "eth0", "netns", director.name, "type", "veth"),
            *("peer", "name", "eth0", "netns", server.name),
        )
        for namespace, host in ((director, 1), (server, 2)):
            namespace.configure(
                f"address add 10.77.0.{host}/24 dev eth0",
                f"address add fd77::{host}/64 dev eth0 nodad",
                "link set eth0 up",
            )
        director.configure(
            "address add 10.77.0.9/24 dev eth0",
            "link add other type veth peer name nowhere",
            "link set other up",
            "link set nowhere up",
            "route add prohibit 198.51.100.1/32",
        )
        # A host that is off is known by three unanswered requests for its address; 0.3 s instead of 3 s.
        director.run("sysctl", "-qw", "net.ipv4.neigh.eth0.retrans_time_ms=100")
        server.run("nft", "-f", "-", text_input=_SERVER_RULES)
        director.run("nft", "-f", "-", text_input=_DIRECTOR_RULES)
        server.configure(f"address add {SERVER_LINK_LOCAL}/64 dev eth0 nodad")
        yield Segment(director, server)
