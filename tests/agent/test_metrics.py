"""Metrics as Prometheus reads them: its own parser judges the text, over a real connection."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.cli.router_reports import BACKUP, MASTER
from tests.cli.router_reports import report_of as router_report_of
from tests.cli.served_director import REPORT as DIRECTOR
from tests.contract.event_loop import on_loop
from vipkeeper.agent.counts import Counts
from vipkeeper.agent.director_metrics import DirectorScrape, director_text
from vipkeeper.agent.metrics_server import serve_metrics
from vipkeeper.agent.metrics_text import metrics_text
from vipkeeper.agent.peer_wire import Malformed
from vipkeeper.config.peer_address import PeerAddress
from vipkeeper.director.server_metrics import metrics_of
from vipkeeper.model.agent_report import ElectorReport, Report, TrackReport, VipReport
from vipkeeper.model.messages import RefusedBecause

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 30.0
LABELS = {"version": "1", "node": "n1", "cluster": "c1", "backend": "etcd", "fence": "bpf"}
COUNTS = Counts(
    decisions={("holder", "first-claim"): 2, ("standby", "owner-alive"): 1},
    promises_given=5,
    refusals={RefusedBecause.STORE_ANSWERS: 3},
    dropped={Malformed.FORGED: 4},
)


def report_of(*vips: VipReport) -> Report:
    return Report(
        node="n1",
        prefix="/vipkeeper/c1/",
        vips=vips,
        electorate=(ElectorReport("n2", answers=True), ElectorReport("n3", answers=False, refusal="no")),
        promises_given=(),
        store_confirms=False,
        store_confirmed_ago_ms=2500,
        tracks=(
            TrackReport("file", "maint", "up", "it says 5", ("web",), 5),
            TrackReport("script", "nginx", "down", "exit code 1", ("web",)),
            TrackReport("script", "slow", "unknown", "", ("web",)),
        ),
    )


ON_PROMISES = report_of(
    VipReport(
        "web", "holder", "first-claim", "", 3, "n1", 1500, True, ("n2",), priority=95, weights="100 -5 maint"
    ),
    VipReport('odd "name"\n', "standby", "owner-alive", "", 7, "n2", members=("out", "in")),
)


def samples(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


ALL_TEXTS = (
    metrics_text(ON_PROMISES, COUNTS, LABELS),
    metrics_text(router_report_of(MASTER), COUNTS, LABELS),
    director_text(DirectorScrape(0, (*metrics_of(DIRECTOR), b"\n"))),
)


def test_the_values_are_those_of_the_report() -> None:
    found = samples(metrics_text(ON_PROMISES, COUNTS, LABELS))
    web = (("vip", "web"),)
    assert found["vipkeeper_vip_holder", web] == 1
    assert found["vipkeeper_vip_holder", (("vip", 'odd "name"\n'),)] == 0
    assert found["vipkeeper_vip_epoch", web] == 3
    assert found["vipkeeper_sync_group_member", (("group", 'odd "name"\n'), ("vip", "in"))] == 1
    assert found["vipkeeper_vip_priority", web] == 95
    assert found["vipkeeper_track_number", (("track", "maint"),)] == 5
    assert ("vipkeeper_track_up", (("kind", "file"), ("track", "maint"))) not in found
    assert found["vipkeeper_track_up", (("kind", "script"), ("track", "nginx"))] == 0
    assert ("vipkeeper_track_up", (("kind", "script"), ("track", "slow"))) not in found
    role = (("reason", "first-claim"), ("role", "holder"), ("vip", "web"))
    assert found["vipkeeper_vip_role", role] == 1
    assert found["vipkeeper_lease_seconds_left", ()] == 1.5
    assert found["vipkeeper_held_on_promises", ()] == 1
    assert found["vipkeeper_promised_by", (("node", "n2"),)] == 1
    assert found["vipkeeper_promised_by", (("node", "n3"),)] == 0
    assert found["vipkeeper_electorate_answers", (("node", "n2"),)] == 1
    assert found["vipkeeper_electorate_answers", (("node", "n3"),)] == 0
    assert found["vipkeeper_store_confirmed_seconds_ago", ()] == 2.5
    assert found["vipkeeper_decisions_total", (("reason", "first-claim"), ("role", "holder"))] == 2
    assert found["vipkeeper_promises_given_total", ()] == 5
    assert found["vipkeeper_promise_refusals_total", (("because", "store-answers"),)] == 3
    assert found["vipkeeper_promise_refusals_total", (("because", "too-long"),)] == 0
    assert found["vipkeeper_datagrams_dropped_total", (("reason", "forged"),)] == 4
    assert found["vipkeeper_build_info", tuple(sorted(LABELS.items()))] == 1


def test_a_node_that_holds_nothing_has_no_lease_and_no_promise() -> None:
    idle = report_of(VipReport("web", "standby", "owner-alive", "", 3, "n2"))
    found = samples(metrics_text(idle, COUNTS, LABELS))
    assert found["vipkeeper_lease_seconds_left", ()] == 0
    assert found["vipkeeper_held_on_promises", ()] == 0
    assert found["vipkeeper_promised_by", (("node", "n2"),)] == 0


def test_every_metric_is_in_the_documentation_and_none_else() -> None:
    told = {
        (sample.name, frozenset(sample.labels))
        for text in ALL_TEXTS
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }
    page = (ROOT / "docs" / "operations.md").read_text()
    rows = re.findall(r"^\| `(vipkeeper_\w+)(?:\{([\w,]+)\})?` \|", page, re.MULTILINE)
    assert {(name, frozenset(labels.split(",")) - {""}) for name, labels in rows} == told
    assert len(rows) == len(told)


def test_every_metric_is_explained_to_people() -> None:
    for text in ALL_TEXTS:
        for family in text_string_to_metric_families(text.decode()):
            assert family.documentation.endswith("."), family.name


def test_virtual_routers_are_counted() -> None:
    found = samples(metrics_text(router_report_of(MASTER, BACKUP), COUNTS, LABELS))
    web, mail = (("vip", "web"),), (("vip", "mail"),)
    assert (found["vipkeeper_vip_holder", web], found["vipkeeper_vip_holder", mail]) == (1, 0)
    assert found["vipkeeper_vrrp_priority", (*web, ("vrid", "51"))] == 120
    assert found["vipkeeper_vrrp_vrid_taken", (*web, ("vrid", "51"))] == 0
    assert found["vipkeeper_vrrp_vrid_taken", (*mail, ("vrid", "52"))] == 1
    assert found["vipkeeper_vrrp_advertisements_sent_total", web] == 10
    assert found["vipkeeper_vrrp_advertisements_received_total", mail] == 9
    assert found["vipkeeper_vrrp_discarded_total", (("reason", "checksum"), *web)] == 7
    assert found["vipkeeper_vrrp_became_master_total", web] == 4


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


async def exchange(own: PeerAddress, request: bytes) -> bytes:
    """One request, as soon as the server is there."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                reader, writer = await asyncio.open_connection(own.address, own.port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.write(request)
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            return answer


async def served(*requests: bytes) -> list[bytes]:
    own = PeerAddress("127.0.0.1", free_port())

    async def scrape() -> Callable[[], bytes]:
        return partial(metrics_text, ON_PROMISES, COUNTS, LABELS)

    server = asyncio.create_task(serve_metrics(own, scrape))
    try:
        return [await exchange(own, request) for request in requests]
    finally:
        server.cancel()
        await asyncio.gather(server, return_exceptions=True)


@on_loop
async def test_it_speaks_http() -> None:
    get, again, head, other, post = await served(
        b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /metrics?x=1 HTTP/1.0\r\n\r\n",
        b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
    )
    head_of_get, body = get.split(b"\r\n\r\n", 1)
    assert head_of_get.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4")
    assert f"Content-Length: {len(body)}".encode() in head_of_get
    assert samples(body)["vipkeeper_held_on_promises", ()] == 1
    assert again.startswith(b"HTTP/1.1 200 OK")
    assert head == head_of_get + b"\r\n\r\n"
    assert other.startswith(b"HTTP/1.1 404 ")
    assert post.startswith(b"HTTP/1.1 405 ")


@pytest.mark.parametrize("request_text", [b"\r\n\r\n", b"GET\r\n\r\n", b"\xff\xfe \x00\r\n\r\n"])
def test_nonsense_is_answered(request_text: bytes) -> None:
    @on_loop
    async def story() -> None:
        (answer,) = await served(request_text)
        assert answer.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 405 "))

    story()


@pytest.mark.slow
def test_an_address_that_is_taken_is_a_warning_and_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    async def told_of_it() -> None:
        while True:
            if caplog.records:
                return
            await asyncio.sleep(0.01)

    async def scrape() -> Callable[[], bytes]:
        return lambda: b"x"

    @on_loop
    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            own = PeerAddress("127.0.0.1", taken.getsockname()[1])
            server = asyncio.create_task(serve_metrics(own, scrape))
            async with asyncio.timeout(PATIENCE_S):
                await told_of_it()
        assert (await exchange(own, b"GET /metrics HTTP/1.1\r\n\r\n")).endswith(b"\r\n\r\nx")
        server.cancel()
        await asyncio.gather(server, return_exceptions=True)

    story()
    (record,) = caplog.records
    assert "change metrics.listen" in record.getMessage()


def test_an_agent_starts_without_loading_them() -> None:
    program = "import sys, vipkeeper.agent.supervisor; print('prometheus_client' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
