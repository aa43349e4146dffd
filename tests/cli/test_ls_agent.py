"""`vipkeeper ls` where the store does not answer and an agent does, or does not either."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from tests.cli.commands import run
from tests.cli.served_agent import served_agent
from tests.cli.stored_records import KEYS, candidacy, info, lease, vip
from tests.contract.bad_servers import refusing_server
from vipkeeper.model.agent_report import ElectorReport, GivenReport, Report, RouterReport, VipReport

RECORDS = {
    KEYS.vip("web"): vip(),
    KEYS.vip("db"): vip(owner="n2"),
    KEYS.lease("n1"): lease(60.0),
    KEYS.lease("n2"): lease(60.0),
    KEYS.info("n1"): info(candidacy("web", "db")),
    KEYS.info("n2"): info(candidacy("web", "db")),
}


def report_of(*, cluster: str = KEYS.prefix) -> Report:
    """n1, which holds web by promises of n2 and n3, and has promised db to n2."""
    return Report(
        node="n1",
        prefix=cluster,
        vips=(
            VipReport("db", "standby", "promised", "n2", 3, "n2"),
            VipReport("web", "holder", "first-claim", "", 3, "n1", 1500, True, ("n2", "n3")),
        ),
        electorate=(
            ElectorReport("n2", answers=True),
            ElectorReport("n3", answers=False, refusal="failsafe is off there"),
        ),
        promises_given=(GivenReport("n2", 700, ("db",)),),
        store_confirms=False,
        store_confirmed_ago_ms=4000,
        records={
            **{key: msgspec.Raw(msgspec.json.encode(record)) for key, record in RECORDS.items()},
            KEYS.info("n3"): msgspec.Raw(b"null"),
        },
    )


@pytest.fixture
def no_store() -> Iterator[str]:
    with refusing_server() as url:
        yield url


def ls(url: str, run_dir: Path, *words: str) -> subprocess.CompletedProcess[str]:
    where = ("--endpoints", url, "--cluster", "c1", "--run-dir", str(run_dir))
    return run("ls", *where, *words)


def test_the_agents_view_is_shown_and_the_exit_code_says_that_the_store_is_down(
    no_store: str, tmp_path: Path
) -> None:
    with served_agent(tmp_path, report_of()):
        done = ls(no_store, tmp_path, "-o", "json")
    assert done.returncode == 69
    (sentence, unreadable) = done.stderr.splitlines()
    assert sentence.startswith("vipkeeper: the store does not answer: ")
    assert sentence.endswith("what follows is what the agent of n1 knows")
    assert "n3: its candidacy record cannot be read" in unreadable
    db, web = json.loads(done.stdout)
    assert (web["owner"], web["promised_by"], web["lease_remaining_ms"]) == ("n1", ["n2", "n3"], 1500)
    assert (db["owner"], db["promised_by"], db["lease_remaining_ms"]) == ("n2", None, 700)
    assert "n1 promised n2" in db["detail"]


def test_the_table_names_who_promised(no_store: str, tmp_path: Path) -> None:
    with served_agent(tmp_path, report_of()):
        done = ls(no_store, tmp_path, "--all")
    assert done.returncode == 69
    rows = done.stdout.splitlines()
    assert "owner-expired, held-on-promises by n2, n3" in next(row for row in rows if row.startswith("web"))
    assert "held-on-promises" not in next(row for row in rows if row.startswith("db"))
    asked = rows[next(n for n, row in enumerate(rows) if row.startswith("ASKED")) :]
    assert [row.split(None, 2) for row in asked[1:]] == [
        ["n2", "yes", "-"],
        ["n3", "no", "failsafe is off there"],
    ]


def test_all_as_json_says_whose_view_it_is(no_store: str, tmp_path: Path) -> None:
    with served_agent(tmp_path, report_of()):
        shown = json.loads(ls(no_store, tmp_path, "--all", "-o", "json").stdout)
    assert shown["from"] == "agent"
    assert [each["node"] for each in shown["agent"]["electorate"]] == ["n2", "n3"]
    assert shown["agent"]["records"] == {}
    assert {each["node"] for each in shown["nodes"]} == {"n1", "n2", "n3"}


def test_the_agent_can_be_asked_alone(tmp_path: Path) -> None:
    with served_agent(tmp_path, report_of()):
        done = ls("http://192.0.2.1:1", tmp_path, "--agent", "-o", "json")
    assert done.returncode == 0
    assert [each["vip"] for each in json.loads(done.stdout)] == ["db", "web"]


def test_a_vip_that_announces_its_owner_has_a_line_of_its_own(tmp_path: Path) -> None:
    router = RouterReport(
        vip="web",
        addresses=("192.0.2.10",),
        interface="eth0",
        vrid=51,
        version=2,
        state="Master",
        reason="store-owner",
        detail="",
        priority=255,
        interval_ms=1000,
        master="192.0.2.1",
        master_priority=255,
        takeover_in_ms=None,
        held_for_ms=1500,
        sent=7,
        sent_leaving=0,
        received=0,
        received_leaving=0,
        became_master=1,
        discarded={},
    )
    with served_agent(tmp_path, replace(report_of(), routers=(router,))):
        done = ls("http://192.0.2.1:1", tmp_path, "--agent")
        as_json = ls("http://192.0.2.1:1", tmp_path, "--agent", "-o", "json")
    rows = done.stdout.splitlines()
    heading = next(number for number, row in enumerate(rows) if "VRID" in row)
    assert rows[heading + 1].split()[:6] == ["web", "192.0.2.10", "51", "Master", "n1", "(192.0.2.1)"]
    assert "store-owner" in rows[heading + 1]
    assert [each["vip"] for each in json.loads(as_json.stdout)] == ["db", "web"]


def test_without_an_agent_it_is_as_ever(no_store: str, tmp_path: Path) -> None:
    done = ls(no_store, tmp_path)
    assert (done.returncode, done.stdout) == (69, "")
    assert done.stderr.endswith(f"check that etcd runs at {no_store}, or give other --endpoints\n")
    alone = ls(no_store, tmp_path, "--agent")
    assert (alone.returncode, alone.stdout) == (69, "")
    assert "start it, or name its --run-dir" in alone.stderr


def test_the_agent_of_another_cluster_is_not_believed(no_store: str, tmp_path: Path) -> None:
    with served_agent(tmp_path, report_of(cluster="/vipkeeper/c2/")):
        done = ls(no_store, tmp_path)
        alone = ls(no_store, tmp_path, "--agent")
    assert (done.returncode, done.stdout) == (69, "")
    assert (alone.returncode, alone.stdout) == (69, "")
    assert "belongs to another cluster than c1" in alone.stderr
