"""Metrics of virtual servers: what a director says over its socket, and what a scrape is without it."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from tests.agent.test_metrics import PATIENCE_S, samples
from tests.cli.served import answering
from tests.cli.served_director import MAIL, REPORT, WEB, WEB1, ServedDirector, served
from vipkeeper.agent.agent_metrics import with_director
from vipkeeper.agent.director_metrics import DirectorScrape, director_text, scrape_director
from vipkeeper.agent.local_socket import serve_lines
from vipkeeper.director.server_metrics import metrics_of
from vipkeeper.model.director_files import DIRECTOR_SOCKET
from vipkeeper.model.director_messages import DirectorAnswer, DirectorReport

Labels = tuple[tuple[str, str], ...]


def found_in(report: DirectorReport, restarts: int = 0) -> dict[tuple[str, Labels], float]:
    return samples(director_text(DirectorScrape(restarts, (*metrics_of(report), b"\n"))))


def of(virtual_server: str, real_server: str = "", **more: str) -> Labels:
    labels = {"virtual_server": virtual_server, "real_server": real_server, **more}
    return tuple(sorted((name, value) for name, value in labels.items() if value))


def test_the_values_are_those_of_the_director() -> None:
    found = found_in(replace(REPORT, reconciled=5, corrected=2, refused=("x", "y")), restarts=3)
    assert found["vipkeeper_director_up", ()] == 1
    assert found["vipkeeper_director_restarts_total", ()] == 3
    assert found["vipkeeper_ipvs_refused", ()] == 2
    assert found["vipkeeper_checks_total", (("result", "failed"),)] == 7
    assert found["vipkeeper_checks_total", (("result", "succeeded"),)] == 93
    assert found["vipkeeper_ipvs_readings_total", ()] == 5
    assert found["vipkeeper_ipvs_corrections_total", ()] == 2
    assert found["vipkeeper_virtual_server_up", of("web")] == 1
    assert found["vipkeeper_virtual_server_up", of("mail")] == 0
    assert found["vipkeeper_virtual_server_weight", of("web")] == 2
    assert found["vipkeeper_virtual_server_quorum", of("mail")] == 2
    assert found["vipkeeper_virtual_server_sorry_in_use", of("mail")] == 1
    assert found["vipkeeper_real_server_up", of("web", "web1")] == 1
    assert found["vipkeeper_real_server_up", of("web", "web2")] == 0
    assert found["vipkeeper_real_server_weight", of("web", "web1")] == 2
    assert found["vipkeeper_real_server_connections", of("web", "web1", kind="active")] == 12
    assert found["vipkeeper_real_server_bytes_total", of("web", "web1", direction="in")] == 0
    assert ("vipkeeper_real_server_connections", of("web", "web2", kind="active")) not in found


def test_nobody_is_woken_for_what_is_elsewhere_or_drained() -> None:
    drained = replace(WEB, real_servers=(replace(WEB1, state="draining"),))
    found = found_in(DirectorReport(virtual_servers=(replace(MAIL, state="absent"), drained)))
    assert ("vipkeeper_virtual_server_up", of("mail")) not in found
    assert ("vipkeeper_real_server_up", of("web", "web1")) not in found
    assert found["vipkeeper_real_server_drained", of("web", "web1")] == 1


def test_nobody_is_woken_for_what_a_check_said_before_it_was_suspended() -> None:
    found = found_in(DirectorReport(virtual_servers=(replace(WEB, checks_suspended=True),)))
    assert ("vipkeeper_real_server_up", of("web", "web2")) not in found
    assert found["vipkeeper_virtual_server_up", of("web")] == 1


def test_a_kernel_without_ipvs_is_a_metric() -> None:
    assert found_in(DirectorReport(missing="there is no IPVS"))["vipkeeper_ipvs_refused", ()] == 1


def test_a_scrape_asks_the_director(tmp_path: Path) -> None:
    with served(tmp_path, ServedDirector(REPORT)):
        seen = asyncio.run(scrape_director(str(tmp_path), 0, within_s=PATIENCE_S))
    text = with_director(lambda: b"own 1\n", seen)()
    assert text.startswith(b"own 1\n# HELP vipkeeper_director_up ")
    assert samples(text)["vipkeeper_virtual_server_up", of("web")] == 1


def test_without_virtual_servers_a_scrape_is_the_agent_s_own() -> None:
    assert with_director(lambda: b"own 1\n", None)() == b"own 1\n"


WHOLE = b"".join(metrics_of(REPORT))


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense", msgspec.json.encode(DirectorAnswer(error="no")), WHOLE[: len(WHOLE) // 2]]
)
def test_a_director_that_does_not_answer_well_is_down(tmp_path: Path, answer: bytes) -> None:
    """Half an answer would be half a line somewhere, and Prometheus would take none of the agent's own."""

    async def say(_line: bytes) -> bytes:
        return answer

    path = tmp_path / DIRECTOR_SOCKET
    with answering(path, lambda: serve_lines(path, say, "nobody can ask")):
        seen = asyncio.run(scrape_director(str(tmp_path), 4, within_s=PATIENCE_S))
    found = samples(director_text(seen))
    assert found == {("vipkeeper_director_up", ()): 0, ("vipkeeper_director_restarts_total", ()): 4}


def test_a_name_cannot_end_its_label() -> None:
    odd = 'a"b\\c\nd'
    found = found_in(DirectorReport(virtual_servers=(replace(WEB, name=odd),)))
    assert found["vipkeeper_virtual_server_up", of(odd)] == 1


def test_a_director_that_is_not_there_holds_up_nothing(tmp_path: Path) -> None:
    assert asyncio.run(scrape_director(str(tmp_path), 1)) == DirectorScrape(1, ())


def test_a_director_that_is_stuck_holds_up_a_scrape_for_no_longer_than_said(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as stuck:
        stuck.bind(str(tmp_path / DIRECTOR_SOCKET))
        stuck.listen()  # and it accepts nobody
        began_s = time.monotonic()
        assert asyncio.run(scrape_director(str(tmp_path), 0, within_s=0.2)) == DirectorScrape(0, ())
        assert time.monotonic() - began_s < PATIENCE_S / 2
