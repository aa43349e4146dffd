"""`vipkeeper ipvs` as a user sees it, beside a director that answers with what a test says."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import msgspec
from msgspec.structs import replace

from tests.cli.commands import run
from tests.cli.served_director import MAIL, REPORT, WEB, WEB1, ServedDirector, served
from vipkeeper.cli.ipvs_table import HEADINGS, rows
from vipkeeper.model.director_messages import CheckReport, DirectorReport, RealServerReport

# One cell each; what is not there is a dash.
TABLE = """\
NAME|ADDRESS|HOW|STATE|WEIGHT|ACTIVE|INACTIVE|CONNS/S|IN|OUT|WHY (LAST CHECK)
web|tcp 192.0.2.80:80|wrr, persistent 360 s|up|2 of 1|-|-|4|2.5 kB/s|3.2 MB/s|-
web1|10.0.0.11:80|DR|up|2|12|3|4|2.5 kB/s|3.2 MB/s|every check is well (3 s ago)
web2|10.0.0.12:80|DR|down, out|0 (of 2)|-|-|-|-|-|http_get health: status 503 (7 times, 2 min ago)
(sorry server)|127.0.0.1:80|-|waits|-|-|-|-|-|-|-
mail|fwmark 3 ipv6|mh|down|0 of 2|-|-|-|-|-|quorum lost: 0 of 2 is well
mx|[2001:db8::25]:25|TUN|down, out|0 (of 1)|-|-|-|-|-|it is odd?[2J
(sorry server)|[2001:db8::9]:25|-|in use|-|-|-|-|-|-|-
connections are synchronised as master
"""


def cells(shown: str) -> str:
    """Its lines, with one bar between columns."""
    return "".join(re.sub("  +", "|", line.strip()) + "\n" for line in shown.splitlines())


def ipvs(run_dir: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run("ipvs", "--run-dir", str(run_dir), *words)


def test_the_table_says_what_there_is_to_know(tmp_path: Path) -> None:
    with served(tmp_path, ServedDirector(REPORT)):
        done = ipvs(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert cells(done.stdout) == TABLE


def test_json_is_the_director_s_report(tmp_path: Path) -> None:
    with served(tmp_path, ServedDirector(REPORT)):
        asked = ipvs(tmp_path, "--json"), ipvs(tmp_path, "-o", "json")
    for done in asked:
        assert done.returncode == 0
        assert msgspec.json.decode(done.stdout, type=DirectorReport) == REPORT


def test_one_virtual_server_alone(tmp_path: Path) -> None:
    with served(tmp_path, ServedDirector(REPORT)):
        done = ipvs(tmp_path, "mail", "--json")
        unknown = ipvs(tmp_path, "nail")
    assert [each["name"] for each in json.loads(done.stdout)["virtual_servers"]] == ["mail"]
    assert unknown.returncode == 2
    assert "there is no virtual server nail; there are: web, mail" in unknown.stderr


def test_what_is_missing_in_the_kernel_is_said_and_the_exit_code_says_so(tmp_path: Path) -> None:
    missing = "this kernel has no IPVS; load ip_vs, and nothing else is missing"
    for report in (replace(REPORT, missing=missing), replace(REPORT, refused=(missing,))):
        with served(tmp_path, ServedDirector(report)):
            done = ipvs(tmp_path)
        assert (done.returncode, done.stderr) == (1, f"vipkeeper: {missing}\n")
        assert cells(done.stdout) == TABLE


def test_without_virtual_servers_it_says_so(tmp_path: Path) -> None:
    with served(tmp_path, ServedDirector(DirectorReport())):
        done = ipvs(tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert "no virtual server is configured" in done.stderr


def test_without_a_director_it_says_what_to_do(tmp_path: Path) -> None:
    done = ipvs(tmp_path)
    assert (done.returncode, done.stdout) == (69, "")
    assert "no agent runs with this run directory, its configuration has none, or it" in done.stderr
    (tmp_path / "director").touch()
    refused = ipvs(tmp_path)
    assert refused.returncode == 69
    assert "has ended" in refused.stderr


def test_a_director_that_refuses_is_told_of(tmp_path: Path) -> None:
    director = ServedDirector(REPORT)
    director.error = "not now"
    with served(tmp_path, director):
        done = ipvs(tmp_path)
    assert done.returncode == 69
    assert "refused to answer" in done.stderr
    assert "not now" in done.stderr


def cell(heading: str, real: RealServerReport) -> str:
    _, row = rows([replace(WEB, real_servers=(real,), sorry_server=None)])
    return row[HEADINGS.index(heading)]


WHY = "WHY (LAST CHECK)"


def test_of_several_checks_the_age_of_the_worst_is_shown() -> None:
    checks = (CheckReport("tcp_check", "", "up", "", ago_s=1.0), CheckReport("http_get", "", "unknown", ""))
    waits = replace(WEB1, reason="waits for http_get to succeed", checks=checks)
    assert cell(WHY, waits) == "waits for http_get to succeed"
    failed = (CheckReport("dns_check", "", "down", "no answer", 7300.0, 1), *checks)
    assert cell(WHY, replace(waits, reason="no answer", checks=failed)) == "no answer (2 h ago)"


def test_a_check_that_fails_and_does_not_count_yet_is_shown() -> None:
    failing = CheckReport("tcp_check", "", "up", "connection refused", ago_s=1.0, failures=2)
    found = cell(WHY, replace(WEB1, checks=(*WEB1.checks, failing)))
    assert found == "every check is well; tcp_check fails just now: connection refused (2 times, 1 s ago)"


def test_a_drained_server_says_so() -> None:
    drained = replace(WEB1, state="draining", reason="drained by an operator", weight=0)
    assert (cell("STATE", drained), cell("WEIGHT", drained)) == ("draining", "0 (of 2)")
    assert cell(WHY, drained) == "drained by an operator (3 s ago)"


def test_a_server_without_checks_says_why_it_is_up() -> None:
    assert cell(WHY, replace(WEB1, checks=(), reason="it has no check")) == "it has no check"


def test_where_the_vip_is_elsewhere_that_is_why() -> None:
    (row, *_) = rows([replace(MAIL, state="absent", checks_suspended=True)])
    assert row[-1] == "this node does not have mail; checks are suspended"
