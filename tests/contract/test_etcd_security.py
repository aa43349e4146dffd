"""TLS and users, against an etcd that asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from backends.etcd_settings import EtcdSettings, addresses
from backends.store import Committed, Conflict, Snapshot, Store, Transaction, Unknown
from tests.contract.benches import etcd_client
from tests.contract.calls import PATIENCE_S, commit, eventually, lost, next_changes, read, values
from tests.contract.certificates import Authority
from tests.contract.etcd_server import EtcdServer, ServerTls
from tests.contract.event_loop import on_loop
from vipkeeper.model.errors import ConfigError

pytestmark = pytest.mark.etcd


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki") / "ours")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki") / "strange")


@pytest.fixture(scope="module")
def tls_etcd(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    server = authority.sign("server")
    tls = ServerTls(authority.ca_file, server.cert_file, server.key_file)
    with EtcdServer(tmp_path_factory.mktemp("etcd-tls"), tls=tls) as running:
        yield running


@pytest.fixture(scope="module")
def user_etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    """`keeper` may use /vips/ only."""
    flags = ("--bcrypt-cost=4",)
    with EtcdServer(tmp_path_factory.mktemp("etcd-users"), flags=flags) as server:
        for command in (
            "user add root:root-password",
            "user add keeper:keeper-password",
            "role add keeper",
            "role grant-permission keeper --prefix readwrite /vips/",
            "user grant-role keeper keeper",
            "user grant-role root root",
            "auth enable",
        ):
            server.etcdctl(*command.split())
        yield server


def _tls_settings(server: EtcdServer, trusted: Authority, signer: Authority, name: str) -> EtcdSettings:
    client = signer.sign(name)
    return EtcdSettings((server.url,), str(trusted.ca_file), str(client.cert_file), str(client.key_file))


def _keeper(server: EtcdServer, secret: str = "keeper-password") -> EtcdSettings:  # noqa: S107  of this etcd
    return EtcdSettings((server.url,), username="keeper", password=secret)


@on_loop
async def test_tls_with_a_client_certificate(tls_etcd: EtcdServer, authority: Authority, prefix: str) -> None:
    async with etcd_client(_tls_settings(tls_etcd, authority, authority, "client")) as store:
        committed = await commit(store, puts={prefix + "a": b"1"})
        assert await values(store, prefix) == {prefix + "a": b"1"}
        watch = store.watch(prefix, after_revision=committed.revision - 1, heartbeat_s=PATIENCE_S)
        async with aclosing(watch):
            assert (await next_changes(watch, 1))[0].revision == committed.revision


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@on_loop
async def test_a_frozen_tls_server_is_left_in_time(
    tls_etcd: EtcdServer, authority: Authority, prefix: str
) -> None:
    async with etcd_client(_tls_settings(tls_etcd, authority, authority, "freezing")) as store:
        without_connection = _open_files()

        async def none_is_left_over() -> bool:
            return _open_files() <= without_connection

        await commit(store, puts={prefix + "a": b"1"})
        tls_etcd.freeze()
        try:
            for _ in range(3):  # the second and third hang in the handshake
                answer = await store.commit(Transaction(puts={prefix + "b": b""}), timeout_s=0.2)
                assert isinstance(answer, Unknown)
            await eventually(none_is_left_over)
        finally:
            tls_etcd.thaw()
        await commit(store, puts={prefix + "c": b"1"})


@on_loop
async def test_a_server_of_another_authority_is_refused(
    tls_etcd: EtcdServer, authority: Authority, stranger: Authority
) -> None:
    async with etcd_client(_tls_settings(tls_etcd, stranger, authority, "deceived")) as store:
        answer = await store.read("/", timeout_s=PATIENCE_S)
    assert isinstance(answer, Unknown)
    assert answer.actor == "user"
    assert "ca_file" in answer.why


@on_loop
async def test_a_server_with_another_name_is_refused(tls_etcd: EtcdServer, authority: Authority) -> None:
    settings = _tls_settings(tls_etcd, authority, authority, "misled")
    elsewhere = replace(settings, endpoints=(tls_etcd.url.replace("127.0.0.1", "localhost"),))
    async with etcd_client(elsewhere) as store:
        answer = await store.read("/", timeout_s=PATIENCE_S)
    assert isinstance(answer, Unknown)
    assert answer.actor == "user"
    assert "names in the server's certificate" in answer.why


@on_loop
async def test_a_client_of_another_authority_is_refused(
    tls_etcd: EtcdServer, authority: Authority, stranger: Authority
) -> None:
    async with etcd_client(_tls_settings(tls_etcd, authority, stranger, "intruder")) as store:
        assert isinstance(await store.read("/", timeout_s=PATIENCE_S), Unknown)


@on_loop
async def test_plain_text_to_a_tls_server(tls_etcd: EtcdServer) -> None:
    async with etcd_client(EtcdSettings((tls_etcd.url.replace("https", "http"),))) as store:
        assert isinstance(await store.read("/", timeout_s=PATIENCE_S), Unknown)


@on_loop
async def test_tls_to_a_plain_text_server(shared_etcd: EtcdServer, authority: Authority) -> None:
    settings = EtcdSettings((shared_etcd.url.replace("http", "https"),), str(authority.ca_file))
    async with etcd_client(settings) as store:
        assert isinstance(await store.read("/", timeout_s=PATIENCE_S), Unknown)


@on_loop
async def test_a_user_with_a_password(user_etcd: EtcdServer) -> None:
    async with etcd_client(_keeper(user_etcd)) as store:
        committed = await commit(store, puts={"/vips/a": b"1"})
        assert await values(store, "/vips/") == {"/vips/a": b"1"}
        watch = store.watch("/vips/", after_revision=committed.revision - 1, heartbeat_s=PATIENCE_S)
        async with aclosing(watch):
            assert (await next_changes(watch, 1))[0].revision == committed.revision


@on_loop
async def test_a_password_for_an_etcd_without_users(shared_etcd: EtcdServer, prefix: str) -> None:
    async with etcd_client(_keeper(shared_etcd)) as store:
        await commit(store, puts={prefix + "a": b"1"})


@on_loop
async def test_a_wrong_password(user_etcd: EtcdServer) -> None:
    async with etcd_client(_keeper(user_etcd, "guessed")) as store:
        for answer in (
            await store.read("/vips/", timeout_s=PATIENCE_S),
            await store.commit(Transaction(puts={"/vips/x": b""}), timeout_s=PATIENCE_S),
        ):
            assert isinstance(answer, Unknown)
            assert answer.actor == "user"
            assert "password" in answer.why
            assert "guessed" not in answer.why
        refused = await lost(store.watch("/vips/", after_revision=1, heartbeat_s=PATIENCE_S))
        assert "password" in refused.why


@on_loop
async def test_no_password_where_one_is_wanted(user_etcd: EtcdServer) -> None:
    async with etcd_client(EtcdSettings((user_etcd.url,))) as store:
        answer = await store.read("/vips/", timeout_s=PATIENCE_S)
    assert isinstance(answer, Unknown)
    assert answer.actor == "user"
    assert "username" in answer.why


@on_loop
async def test_a_prefix_that_was_not_granted(user_etcd: EtcdServer) -> None:
    async with etcd_client(_keeper(user_etcd)) as store:
        answer = await store.commit(Transaction(puts={"/elsewhere": b""}), timeout_s=PATIENCE_S)
        assert isinstance(answer, Unknown)
        assert answer.actor == "user"
        assert "grant" in answer.why
        refused = await lost(store.watch("/elsewhere", after_revision=1, heartbeat_s=PATIENCE_S))
        assert "permission denied" in refused.why


@on_loop
async def test_a_token_that_is_no_longer_good_is_replaced(user_etcd: EtcdServer) -> None:
    async with etcd_client(_keeper(user_etcd)) as store:
        await read(store, "/vips/")
        for call in ("read", "commit", "watch"):
            user_etcd.etcdctl("--user=root:root-password", "auth", "disable")  # forgets all tokens
            user_etcd.etcdctl("auth", "enable")
            refused = await _why_not(store, call)
            assert "invalid auth token" in refused
            await commit(store, puts={"/vips/b": b"1"})


async def _why_not(store: Store, call: str) -> str:
    answer: Snapshot | Committed | Conflict | Unknown
    match call:
        case "read":
            answer = await store.read("/vips/", timeout_s=PATIENCE_S)
        case "commit":
            answer = await store.commit(Transaction(puts={"/vips/b": b""}), timeout_s=PATIENCE_S)
        case _:
            watch = store.watch("/vips/", after_revision=1, heartbeat_s=PATIENCE_S)
            return (await lost(watch)).why
    assert isinstance(answer, Unknown)
    assert answer.actor == "store"
    return answer.why


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        (EtcdSettings(()), "no endpoint"),
        (EtcdSettings(("ftp://10.0.0.1",)), "neither http nor https"),
        (EtcdSettings(("http://",)), "no host"),
        (EtcdSettings(("http://10.0.0.1:2379/v3",)), "more in it"),
        (EtcdSettings(("10.0.0.1:many",)), "10.0.0.1:many"),
        (EtcdSettings(("10.0.0.1:70000",)), "70000"),
        (EtcdSettings(("10.0.0.1",), cert_file="a.pem"), "key_file"),
        (EtcdSettings(("10.0.0.1",), username="keeper"), "password"),
        (EtcdSettings(("10.0.0.1",), ca_file="/nonexistent"), "/nonexistent"),
        (EtcdSettings(("https://10.0.0.1",), cert_file="/none.pem", key_file="/none.key"), "/none.pem"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: EtcdSettings, mistake: str) -> None:
    with pytest.raises(ConfigError, match=mistake):
        addresses(settings)


def test_endpoints_may_be_short() -> None:
    short = EtcdSettings(("10.0.0.1", "etcd.example:1234", "http://[2001:db8::1]", "[::1]:99"))
    assert [str(address) for address in addresses(short)] == [
        "http://10.0.0.1:2379",
        "http://etcd.example:1234",
        "http://[2001:db8::1]:2379",
        "http://[::1]:99",
    ]


def test_a_password_is_not_shown() -> None:
    secret = "only for etcd"  # noqa: S105  nobody uses it
    assert secret not in repr(EtcdSettings(("a",), username="u", password=secret))
