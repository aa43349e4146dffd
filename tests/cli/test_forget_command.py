"""`vipkeeper forget` against a real etcd with the records of nodes that are gone, or only look so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import run
from tests.cli.stored_cluster import Cluster
from tests.cli.stored_records import candidacy, info, lease, vip
from tests.contract.bad_servers import refusing_server
from tests.contract.etcd_server import EtcdServer
from vipkeeper.model.records import FORGOTTEN

pytestmark = pytest.mark.etcd


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    with EtcdServer(tmp_path_factory.mktemp("etcd")) as server:
        yield server


@pytest.fixture
def cluster(etcd: EtcdServer, tmp_path: Path, request: pytest.FixtureRequest) -> Cluster:
    """n1 owns web by record; n2 is the other candidate, and the only one for old."""
    made = Cluster(etcd, request.node.originalname[:64], tmp_path)
    made.put(made.keys.vip("web"), vip())
    made.put(made.keys.vip("old"), vip(owner=None))
    made.put(made.keys.lease("n1"), lease(1.0, ttl_ms=500))
    made.put(made.keys.info("n1"), info(candidacy("web")))
    made.put(made.keys.info("n2"), info(candidacy("web", "old")))
    return made


def test_a_node_that_is_gone_is_listed_no_more(cluster: Cluster) -> None:
    lease_before, web_before = cluster.get(cluster.keys.lease("n1")), cluster.get(cluster.keys.vip("web"))
    for node in ("n1", "n2"):
        done = cluster.command("forget", node)
        assert done.returncode == 0, done.stderr
        assert f"watching {node} for 3.5 s" in done.stderr
        assert f"{node} is forgotten" in done.stdout
        assert (cluster.info_of(node).state, cluster.info_of(node).candidacies) == (FORGOTTEN, ())
    assert cluster.get(cluster.keys.lease("n1")) == lease_before
    assert cluster.get(cluster.keys.vip("web")) == web_before

    listed = cluster.command("ls", "-o", "json")
    assert json.loads(listed.stdout) == []
    table = cluster.command("ls")
    assert (table.returncode, table.stdout) == (0, "")
    assert "only VIPs that no node has any more; see ls --all" in table.stderr

    everything = json.loads(cluster.command("ls", "--all", "-o", "json").stdout)
    assert [(each["vip"], each["forgotten"]) for each in everything["vips"]] == [("old", True), ("web", True)]
    assert [(each["node"], each["state"]) for each in everything["nodes"]] == [
        ("n1", FORGOTTEN),
        ("n2", FORGOTTEN),
    ]
    shown = cluster.command("ls", "--all").stdout
    assert "NODE  STATE" in shown
    assert "n1    forgotten  h     -" in shown

    again = cluster.command("forget", "n1")
    assert (again.returncode, again.stdout) == (0, "n1 is forgotten already\n")


def test_a_node_that_was_stopped_needs_no_watching(cluster: Cluster) -> None:
    cluster.put(cluster.keys.info("n2"), info(candidacy("web"), state="stopped"))
    done = cluster.command("forget", "n2")
    assert (done.returncode, done.stderr) == (0, "")
    assert cluster.info_of("n2").state == FORGOTTEN


def test_an_owner_that_renews_is_not_forgotten(cluster: Cluster) -> None:
    with cluster.writes_again_and_again(cluster.keys.lease("n1"), lease(0.0)):
        done = cluster.command("forget", "n1")
    assert done.returncode == 75
    assert "n1 is alive and is not forgotten" in done.stderr
    assert "stop the agent first" in done.stderr
    assert cluster.info_of("n1").state == "running"


def test_a_stopped_node_whose_record_still_owns_is_watched(cluster: Cluster) -> None:
    cluster.put(cluster.keys.info("n1"), info(candidacy("web"), state="stopped"))
    done = cluster.command("forget", "n1")
    assert done.returncode == 0
    assert "watching n1" in done.stderr


def test_a_name_that_is_none_is_a_mistake_and_the_known_ones_are_shown(cluster: Cluster) -> None:
    done = cluster.command("forget", "n3")
    assert done.returncode == 2
    assert "has no node n3; it has: n1, n2" in done.stderr


def test_a_record_of_a_newer_version_is_left_alone(cluster: Cluster) -> None:
    cluster.put(cluster.keys.info("n2"), b"{}")
    done = cluster.command("forget", "n2")
    assert done.returncode == 2
    assert "use a vipkeeper as new as that node's" in done.stderr
    assert cluster.get(cluster.keys.info("n2")) == "{}"


def test_without_a_store_it_ends_with_69() -> None:
    with refusing_server() as url:
        done = run("forget", "n1", "--endpoints", url)
    assert done.returncode == 69
    assert "the store does not answer" in done.stderr
