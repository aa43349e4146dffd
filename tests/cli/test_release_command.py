"""`vipkeeper release` against a real etcd with the records of owners that are gone, or only look so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.cli.commands import run
from tests.cli.served_agent import served_agent
from tests.cli.stored_cluster import Cluster
from tests.cli.stored_records import candidacy, info, lease, vip
from tests.contract.bad_servers import refusing_server
from tests.contract.etcd_server import EtcdServer
from vipkeeper.model.agent_report import GivenReport, Report
from vipkeeper.model.reasons import Reason

pytestmark = pytest.mark.etcd

NOWHERE = ("--run-dir", "/nonexistent")


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    with EtcdServer(tmp_path_factory.mktemp("etcd")) as server:
        yield server


@pytest.fixture
def cluster(etcd: EtcdServer, tmp_path: Path, request: pytest.FixtureRequest) -> Cluster:
    """n1 owns web by record; nobody owns old."""
    made = Cluster(etcd, request.node.originalname[:64], tmp_path)
    made.put(made.keys.vip("web"), vip())
    made.put(made.keys.vip("old"), vip(owner=None))
    made.put(made.keys.lease("n1"), lease(1.0, ttl_ms=500))
    made.put(made.keys.info("n1"), info(candidacy("web")))
    return made


def test_without_force_it_says_what_has_to_be_true(cluster: Cluster) -> None:
    before = cluster.vip("web")
    done = cluster.command("release", "web", *NOWHERE)
    assert (done.returncode, done.stdout) == (75, "")
    for told in (
        "web belongs to n1 (host h), whose lease is unchanged since 2026-03-04T05:06:06.000Z",
        "the machine of n1 is off",
        "`ip address` there shows none of 192.0.2.10 2001:db8::10",
        "vipkeeper release --force web",
    ):
        assert told in done.stderr
    assert cluster.vip("web") == before


def test_what_others_wrote_controls_no_terminal(cluster: Cluster) -> None:
    written = replace(info(candidacy("web")), host="h\x1b[2J")
    cluster.put(cluster.keys.info("n1"), written)
    done = cluster.command("release", "web", *NOWHERE)
    assert "n1 (host h?[2J)" in done.stderr


def test_with_force_the_vip_is_free_and_the_lease_stays(cluster: Cluster) -> None:
    lease_before = cluster.get(cluster.keys.lease("n1"))
    done = cluster.command("release", "--force", "web", *NOWHERE)
    assert done.returncode == 0, done.stderr
    assert "watching n1 for 3.5 s" in done.stderr
    assert "web is released; its epoch was 3 under n1" in done.stdout
    record = cluster.vip("web")
    assert (record.owner, record.released_to, record.previous) == (None, None, "n1")
    assert (record.epoch, record.reason) == (3, Reason.FORCED_RELEASE.value)
    assert record.addresses == ("192.0.2.10", "2001:db8::10")
    (entry,) = cluster.history_of("web").entries
    assert (entry.owner, entry.previous, entry.reason) == (None, "n1", Reason.FORCED_RELEASE.value)
    assert cluster.get(cluster.keys.lease("n1")) == lease_before

    again = cluster.command("release", "--force", "web", *NOWHERE)
    assert (again.returncode, again.stdout) == (0, "nobody owns web: it is released already\n")


@pytest.mark.parametrize("what", ["lease", "info"])
def test_an_owner_that_shows_life_keeps_its_vip(cluster: Cluster, what: str) -> None:
    key = cluster.keys.lease("n1") if what == "lease" else cluster.keys.info("n1")
    record = lease(0.0) if what == "lease" else info(candidacy("web"))
    with cluster.writes_again_and_again(key, record):
        done = cluster.command("release", "--force", "web", *NOWHERE)
    assert done.returncode == 75
    assert "n1 is alive and web is not released" in done.stderr
    assert cluster.vip("web").owner == "n1"


def test_the_life_of_a_later_boot_is_not_that_of_the_owner(cluster: Cluster) -> None:
    cluster.put(cluster.keys.vip("web"), vip(incarnation="i0"))
    with cluster.writes_again_and_again(cluster.keys.info("n1"), info(candidacy("web"))):
        done = cluster.command("release", "--force", "web", *NOWHERE)
    assert done.returncode == 0, done.stderr
    assert cluster.vip("web").owner is None


def test_a_vip_that_changes_hands_meanwhile_stays_with_the_new_owner(cluster: Cluster) -> None:
    with cluster.writes_again_and_again(cluster.keys.vip("web"), vip(owner="n2")):
        done = cluster.command("release", "--force", "web", *NOWHERE)
    assert done.returncode == 75
    assert cluster.vip("web").owner == "n2"


def test_an_owner_to_whom_this_machine_has_just_promised_is_alive(cluster: Cluster, tmp_path: Path) -> None:
    report = Report(
        node="n2",
        prefix=cluster.keys.prefix,
        vips=(),
        electorate=(),
        promises_given=(GivenReport("n1", 900, ("web",)),),
        store_confirms=None,
        store_confirmed_ago_ms=None,
    )
    with served_agent(tmp_path, report):
        done = cluster.command("release", "--force", "web", "--run-dir", str(tmp_path))
    assert done.returncode == 75
    assert "it has just asked n2 for a promise" in done.stderr
    assert cluster.vip("web").owner == "n1"


def test_a_vip_that_nobody_owns_needs_nothing(cluster: Cluster) -> None:
    done = cluster.command("release", "old", *NOWHERE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "nobody owns old" in done.stdout


def test_a_name_that_is_none_is_a_mistake_and_the_known_ones_are_shown(cluster: Cluster) -> None:
    done = cluster.command("release", "--force", "mail", *NOWHERE)
    assert done.returncode == 2
    assert "has no VIP mail; it has: old, web" in done.stderr


def test_a_record_of_a_newer_version_is_left_alone(cluster: Cluster) -> None:
    cluster.put(cluster.keys.vip("web"), b"{}")
    done = cluster.command("release", "--force", "web", *NOWHERE)
    assert done.returncode == 2
    assert "use a vipkeeper as new as its owner's" in done.stderr
    assert cluster.get(cluster.keys.vip("web")) == "{}"


def test_without_a_store_it_ends_with_69() -> None:
    with refusing_server() as url:
        done = run("release", "web", "--endpoints", url, *NOWHERE)
    assert done.returncode == 69
    assert "the store does not answer" in done.stderr
