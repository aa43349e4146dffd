"""A director's control socket that answers with values a test wrote, for commands that ask."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec.structs import replace

from tests.cli.served import answering
from vipkeeper.agent.local_socket import serve_lines
from vipkeeper.director.server_metrics import metrics_of
from vipkeeper.model.director_files import DIRECTOR_SOCKET
from vipkeeper.model.director_messages import (
    Ask,
    CheckReport,
    DirectorAnswer,
    DirectorReport,
    RealServerReport,
    VirtualServerReport,
)
from vipkeeper.model.ipvs import Traffic

WEB1 = RealServerReport(
    name="web1",
    address="10.0.0.11",
    port=80,
    method="DR",
    state="up",
    reason="every check is well",
    weight=2,
    configured_weight=2,
    in_table=True,
    checks=(CheckReport("http_get", "health", "up", "status 200", ago_s=3.4),),
    active=12,
    inactive=3,
    persistent=0,
    traffic=Traffic(connections_per_s=4, bytes_in_per_s=2500, bytes_out_per_s=3_200_000),
)
WEB2 = RealServerReport(
    name="web2",
    address="10.0.0.12",
    port=80,
    method="DR",
    state="down",
    reason="http_get health: status 503",
    weight=0,
    configured_weight=2,
    in_table=False,
    checks=(
        CheckReport("tcp_check", "port", "up", "", ago_s=1.0),
        CheckReport("http_get", "health", "down", "status 503", ago_s=130.0, failures=7),
    ),
)
WEB = VirtualServerReport(
    name="web",
    keys=("tcp 192.0.2.80:80",),
    scheduler="wrr",
    state="up",
    quorum=1,
    weight=2,
    real_servers=(WEB1, WEB2),
    sorry_server="127.0.0.1:80",
    persistence_s=360,
    traffic=Traffic(connections_per_s=4, bytes_in_per_s=2500, bytes_out_per_s=3_200_000),
)
MAIL = VirtualServerReport(
    name="mail",
    keys=("fwmark 3 ipv6",),
    scheduler="mh",
    state="down",
    quorum=2,
    weight=0,
    real_servers=(
        RealServerReport("mx", "2001:db8::25", 25, "TUN", "down", "it is odd\x1b[2J", 0, 1, in_table=False),
    ),
    sorry_server="[2001:db8::9]:25",
    sorry_in_use=True,
    vips=("mail",),
)
REPORT = DirectorReport(virtual_servers=(WEB, MAIL), sync="master", checks_run=100, checks_failed=7)


class ServedDirector:
    """It keeps what it was asked, and may be told to answer otherwise."""

    def __init__(self, *reports: DirectorReport) -> None:
        self.reports = list(reports)
        self.error: str | None = None
        self.asked: list[Ask] = []

    async def answer(self, line: bytes) -> bytes:
        """The reports in turn, and the last one for ever."""
        ask = msgspec.json.decode(line, type=Ask)
        self.asked.append(ask)
        if self.error is not None:
            return msgspec.json.encode(DirectorAnswer(error=self.error))
        if ask.ask not in ("ipvs", "metrics"):
            return msgspec.json.encode(DirectorAnswer(servers=(f"web/{ask.server.rpartition('/')[2]}",)))
        report = self.reports.pop(0) if len(self.reports) > 1 else self.reports[0]
        if ask.ask == "metrics":
            return b"".join(metrics_of(report))
        return msgspec.json.encode(DirectorAnswer(ipvs=report))


@contextlib.contextmanager
def served(run_dir: Path, director: ServedDirector) -> Iterator[ServedDirector]:
    """The socket answers until the block ends."""
    path = run_dir / DIRECTOR_SOCKET
    with answering(path, lambda: serve_lines(path, director.answer, "nobody can ask")):
        yield director


def web1_as(
    state: str, *, active: int = 0, inactive: int = 0, persistent: int = 0, reason: str = ""
) -> DirectorReport:
    """One virtual server with one real server, which is so."""
    there = state != "drained"
    real = replace(
        WEB1,
        state=state,
        reason=reason,
        weight=2 if state == "up" else 0,
        in_table=there,
        active=active if there else None,
        inactive=inactive if there else None,
        persistent=persistent if there else None,
    )
    return DirectorReport(virtual_servers=(replace(WEB, real_servers=(real,)),))
