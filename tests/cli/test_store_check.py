"""`vipkeeper check --store`: what the store that a file names is like, with real ones and without one."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec import convert

from tests.cli.commands import run
from tests.contract.bad_servers import refusing_server, silent_server
from tests.contract.etcd_server import EtcdServer
from tests.contract.zookeeper_server import ZookeeperServer
from vipkeeper.cli.store_report import each_alone, names_of_vips
from vipkeeper.config.consequences import store_access
from vipkeeper.config.schema import Config
from vipkeeper.model.records import ClusterRecord, Keys

pytestmark = pytest.mark.etcd

KEYS = Keys("shop")


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    with EtcdServer(tmp_path_factory.mktemp("etcd")) as server:
        record = ClusterRecord(id="abc", created="2026-01-01T00:00:00Z")
        server.etcdctl("put", KEYS.cluster, msgspec.json.encode(record).decode())
        yield server


def check(
    directory: Path, *endpoints: str, cluster: str = "shop", vip: str = "192.0.2.10", backend: str = "etcd"
) -> subprocess.CompletedProcess[str]:
    path = directory / "vipkeeper.toml"
    path.write_text(
        f'cluster = "{cluster}"\nbackend = "{backend}"\n[{backend}]\nendpoints = {json.dumps(endpoints)}\n'
        f'[vip.web]\naddresses = ["{vip}"]\ninterface = "lo"\n'
    )
    return run("check", "--store", str(path))


def test_a_store_that_is_well(tmp_path: Path, etcd: EtcdServer) -> None:
    done = check(tmp_path, etcd.url)
    assert (done.returncode, done.stderr) == (0, "")
    answers, cluster, advice = done.stdout.splitlines()[-3:]
    assert answers.startswith(f"endpoint {etcd.url} answers, at revision ")
    assert cluster == "cluster shop is in the store since 2026-01-01T00:00:00Z, with the id abc"
    assert advice == "the store needs nothing"


def test_each_endpoint_is_judged_by_itself_and_one_is_enough(tmp_path: Path, etcd: EtcdServer) -> None:
    with refusing_server() as refusing, silent_server() as silent:
        done = check(tmp_path, refusing, etcd.url, silent)
    assert done.returncode == 0
    assert f"endpoint {etcd.url} answers" in done.stdout
    for url in (refusing, silent):
        assert f"endpoint {url} does not serve: {url}: " in done.stderr
        assert f"{url}: " in done.stderr
    assert done.stderr.count("take it out of the endpoints (warning)") == 2


def test_a_cluster_that_no_agent_has_made_yet(tmp_path: Path, etcd: EtcdServer) -> None:
    done = check(tmp_path, etcd.url, cluster="new")
    assert done.returncode == 0
    assert "cluster new is not in the store yet; the first agent makes it" in done.stdout


def test_no_store_at_all_ends_with_69(tmp_path: Path) -> None:
    with refusing_server() as url:
        done = check(tmp_path, url)
    assert done.returncode == 69
    assert "no mistakes" in done.stdout
    assert "the store does not answer" in done.stderr


def test_a_full_store_is_advice_and_no_failure(tmp_path: Path) -> None:
    with EtcdServer(tmp_path / "etcd", flags=("--quota-backend-bytes=65536",)) as server:
        while server.etcdctl("put", "/fill", "x" * 20_000, check=False).returncode == 0:
            pass
        done = check(tmp_path, server.url)
    assert done.returncode == 0
    assert "etcd has used up its space and refuses every write" in done.stderr
    assert "etcdctl alarm disarm" in done.stderr


def test_an_endpoint_whose_name_leads_to_a_vip() -> None:
    """localhost is the one name that every machine resolves, but no file may make a VIP of it."""
    table = {"web": {"addresses": ["127.0.0.1"], "interface": "lo"}}
    config = convert({"etcd": {"endpoints": ["http://localhost:2379"]}, "vip": table}, Config)
    (sentence,) = names_of_vips(config)
    assert sentence.startswith("endpoint http://localhost:2379 is 127.0.0.1, which is VIP web; ")
    own = convert({"etcd": {"endpoints": ["http://127.0.0.1:2379"]}, "vip": table}, Config)
    assert list(names_of_vips(own)) == []  # the configuration's own rules tell of it


@pytest.mark.zookeeper
def test_each_zookeeper_server_is_judged_by_itself(tmp_path: Path) -> None:
    with ZookeeperServer(tmp_path / "zookeeper") as server, refusing_server() as url:
        refusing = url.removeprefix("http://")
        done = check(tmp_path, refusing, server.endpoint + "/ha", backend="zookeeper")
        alone = check(tmp_path, server.endpoint + "/ha", backend="zookeeper")
    assert done.returncode == 0
    assert f"endpoint {server.endpoint} answers, at revision " in done.stdout
    assert f"endpoint {refusing} does not serve: {refusing}: " in done.stderr
    assert f"{server.endpoint} runs standalone, with data of its own, and 2 endpoints" in done.stderr
    assert alone.stdout.endswith("the store needs nothing\n")


@pytest.mark.parametrize(
    ("backend", "endpoints", "alone"),
    [
        ("zookeeper", ["a:2181", "b:2181/ha/x"], {"a:2181": "a:2181/ha/x", "b:2181": "b:2181/ha/x"}),
        ("zookeeper", ["a", "b"], {"a": "a", "b": "b"}),
        ("etcd", ["http://a:2379", "http://b:2379"], {u: u for u in ("http://a:2379", "http://b:2379")}),
    ],
)
def test_every_endpoint_alone_leads_to_the_same_records(
    backend: str, endpoints: list[str], alone: dict[str, str]
) -> None:
    config = convert({"backend": backend, backend: {"endpoints": endpoints}}, Config)
    assert {name: store_access(one).endpoints for name, one in each_alone(config)} == {
        name: (endpoint,) for name, endpoint in alone.items()
    }


def test_mistakes_in_the_file_come_before_any_connection(tmp_path: Path) -> None:
    path = tmp_path / "vipkeeper.toml"
    path.write_text("cluster = 3\n")
    done = run("check", "--store", str(path))
    assert done.returncode == 2
    assert "endpoint" not in done.stdout
