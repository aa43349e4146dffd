"""TLS, digest and SASL logins, and ACLs, against ZooKeepers that ask for them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from backends.store import Committed, Conflict, Snapshot, Store, Transaction, Unknown
from backends.zookeeper_settings import ZookeeperSettings
from tests.contract.benches import zookeeper_client
from tests.contract.calls import PATIENCE_S, commit, eventually, lost, next_changes, read, values
from tests.contract.certificates import Authority, Certificate
from tests.contract.event_loop import on_loop
from tests.contract.zookeeper_hand import hand
from tests.contract.zookeeper_server import ZookeeperServer

pytestmark = pytest.mark.zookeeper

_JAAS = """\
Server {
    org.apache.zookeeper.server.auth.DigestLoginModule required
    user_keeper="keeper-password";
};
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki") / "ours")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("pki") / "strange")


@pytest.fixture(scope="module")
def tls_zookeeper(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ZookeeperServer]:
    directory = tmp_path_factory.mktemp("zookeeper-tls")
    both = _in_one_file(authority.sign("server"), directory / "server-both.pem")
    settings = (
        "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory\n"
        f"ssl.keyStore.location={both}\nssl.keyStore.type=PEM\n"
        f"ssl.trustStore.location={authority.ca_file}\nssl.trustStore.type=PEM\n"
        "ssl.protocol=TLSv1.3\nssl.enabledProtocols=TLSv1.3\nssl.ciphersuites=TLS_AES_128_GCM_SHA256\n"
        "ssl.hostnameVerification=false\n"  # it verifies the names of clients too
    )
    with ZookeeperServer(directory, settings=settings, tls=True) as running:
        yield running


@pytest.fixture(scope="module")
def sasl_zookeeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZookeeperServer]:
    """Knows `keeper`, and lets nobody else do anything."""
    directory = tmp_path_factory.mktemp("zookeeper-sasl")
    jaas = directory / "jaas.conf"
    jaas.write_text(_JAAS)
    settings = (
        "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n"
        "sessionRequireClientSASLAuth=true\n"
    )
    options = (f"-Djava.security.auth.login.config={jaas}",)
    with ZookeeperServer(directory, settings=settings, options=options) as running:
        yield running


def _in_one_file(certificate: Certificate, file: Path) -> Path:
    """As ZooKeeper wants them."""
    file.write_text(certificate.key_file.read_text() + certificate.cert_file.read_text())
    return file


def _tls_settings(
    server: ZookeeperServer, trusted: Authority, signer: Authority, name: str
) -> ZookeeperSettings:
    client = signer.sign(name)
    return ZookeeperSettings(
        (server.endpoint,), str(trusted.ca_file), str(client.cert_file), str(client.key_file)
    )


def _digest(server: ZookeeperServer, secret: str = "keeper-password") -> ZookeeperSettings:  # noqa: S107  of this test
    return ZookeeperSettings((server.endpoint,), username="keeper", password=secret)


def _sasl(server: ZookeeperServer, secret: str = "keeper-password") -> ZookeeperSettings:  # noqa: S107  of this test
    return replace(_digest(server, secret), auth="sasl")


async def _all_works(store: Store, prefix: str) -> None:
    start = (await read(store, prefix)).revision
    committed = await commit(store, puts={prefix + "a": b"1"})
    assert await values(store, prefix) == {prefix + "a": b"1"}
    watch = store.watch(prefix, after_revision=start, heartbeat_s=PATIENCE_S)
    async with aclosing(watch):
        assert (await next_changes(watch, 1))[0].records[0].revision == committed.revision


async def _answers(store: Store, prefix: str) -> list[Snapshot | Committed | Conflict | Unknown]:
    return [
        await store.read(prefix, timeout_s=PATIENCE_S),
        await store.commit(Transaction(puts={prefix + "a": b"2"}), timeout_s=PATIENCE_S),
    ]


def _require_advice(answer: object, words: str) -> None:
    assert isinstance(answer, Unknown)
    assert answer.actor == "operator"
    assert words in answer.why


@on_loop
async def test_tls_with_a_client_certificate(
    tls_zookeeper: ZookeeperServer, authority: Authority, prefix: str
) -> None:
    async with zookeeper_client(_tls_settings(tls_zookeeper, authority, authority, "client")) as store:
        await _all_works(store, prefix)


@on_loop
async def test_a_server_is_examined_over_tls(tls_zookeeper: ZookeeperServer, authority: Authority) -> None:
    async with zookeeper_client(_tls_settings(tls_zookeeper, authority, authority, "examiner")) as store:
        assert await store.examine("/", timeout_s=PATIENCE_S) == ()


@on_loop
async def test_a_server_that_shows_no_certificate_of_ours_is_not_examined(
    tls_zookeeper: ZookeeperServer, authority: Authority, stranger: Authority
) -> None:
    async with zookeeper_client(_tls_settings(tls_zookeeper, stranger, authority, "misdirected")) as store:
        _require_advice(await store.examine("/", timeout_s=PATIENCE_S), "check ca_file")


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@on_loop
async def test_a_frozen_tls_server_is_left_in_time(
    tls_zookeeper: ZookeeperServer, authority: Authority, prefix: str
) -> None:
    async with zookeeper_client(_tls_settings(tls_zookeeper, authority, authority, "freezing")) as store:
        without_connection = _open_files()

        async def none_is_left_over() -> bool:
            return _open_files() <= without_connection

        await commit(store, puts={prefix + "a": b"1"})
        tls_zookeeper.freeze()
        try:
            for _ in range(3):  # the second and third hang in the handshake
                answer = await store.commit(Transaction(puts={prefix + "b": b""}), timeout_s=0.2)
                assert isinstance(answer, Unknown)
            await eventually(none_is_left_over)
        finally:
            tls_zookeeper.thaw()
        await commit(store, puts={prefix + "c": b"1"})


@on_loop
async def test_a_server_of_another_authority_is_refused(
    tls_zookeeper: ZookeeperServer, authority: Authority, stranger: Authority
) -> None:
    async with zookeeper_client(_tls_settings(tls_zookeeper, stranger, authority, "deceived")) as store:
        _require_advice(await store.read("/", timeout_s=PATIENCE_S), "ca_file")


@on_loop
async def test_a_server_with_another_name_is_refused(
    tls_zookeeper: ZookeeperServer, authority: Authority
) -> None:
    settings = _tls_settings(tls_zookeeper, authority, authority, "misled")
    elsewhere = replace(settings, endpoints=(tls_zookeeper.endpoint.replace("127.0.0.1", "localhost"),))
    async with zookeeper_client(elsewhere) as store:
        _require_advice(await store.read("/", timeout_s=PATIENCE_S), "names in the server's certificate")


@on_loop
async def test_a_client_of_another_authority_is_refused(
    tls_zookeeper: ZookeeperServer, authority: Authority, stranger: Authority
) -> None:
    async with zookeeper_client(_tls_settings(tls_zookeeper, authority, stranger, "intruder")) as store:
        _require_advice(await store.read("/", timeout_s=PATIENCE_S), "cert_file")


@on_loop
async def test_plain_text_to_a_tls_server(tls_zookeeper: ZookeeperServer) -> None:
    async with zookeeper_client(ZookeeperSettings((tls_zookeeper.endpoint,))) as store:
        assert isinstance(await store.read("/", timeout_s=1.0), Unknown)


@on_loop
async def test_tls_to_a_plain_text_server(shared_zookeeper: ZookeeperServer, authority: Authority) -> None:
    settings = ZookeeperSettings((shared_zookeeper.endpoint,), str(authority.ca_file))
    async with zookeeper_client(settings) as store:
        assert isinstance(await store.read("/", timeout_s=1.0), Unknown)


@on_loop
async def test_what_a_user_wrote_belongs_to_that_user(shared_zookeeper: ZookeeperServer, prefix: str) -> None:
    async with zookeeper_client(_digest(shared_zookeeper)) as store:
        await _all_works(store, prefix)
    login = [("digest", "keeper:keeper-password")]
    with hand(shared_zookeeper.endpoint, auth_data=login) as keeper:
        acls, _ = await asyncio.to_thread(keeper.get_acls, prefix[:-1])
    assert [(each.perms, each.id.scheme, each.id.id.partition(":")[0]) for each in acls] == [
        (31, "digest", "keeper")
    ]
    async with zookeeper_client(_digest(shared_zookeeper)) as again:
        assert await values(again, prefix) == {prefix + "a": b"1"}


@pytest.mark.parametrize("secret", [None, "guessed"])
@on_loop
async def test_who_cannot_show_the_password_is_told_so(
    secret: str | None, shared_zookeeper: ZookeeperServer, prefix: str
) -> None:
    async with zookeeper_client(_digest(shared_zookeeper)) as owner:
        await commit(owner, puts={prefix + "a": b"1"})
        settings = ZookeeperSettings((shared_zookeeper.endpoint,))
        if secret is not None:
            settings = _digest(shared_zookeeper, secret)
        async with zookeeper_client(settings) as other:
            for answer in await _answers(other, prefix):
                _require_advice(answer, "username and password that wrote these znodes")
                assert isinstance(answer, Unknown)
                assert "guessed" not in answer.why
            watch = other.watch(prefix, after_revision=1, heartbeat_s=PATIENCE_S)
            assert "ACL" in (await lost(watch)).why
        assert await values(owner, prefix) == {prefix + "a": b"1"}


@on_loop
async def test_sasl_with_the_right_password(sasl_zookeeper: ZookeeperServer, prefix: str) -> None:
    async with zookeeper_client(_sasl(sasl_zookeeper)) as store:
        await _all_works(store, prefix)


@on_loop
async def test_sasl_with_a_wrong_password(sasl_zookeeper: ZookeeperServer, prefix: str) -> None:
    async with zookeeper_client(_sasl(sasl_zookeeper, "guessed")) as store:
        for answer in await _answers(store, prefix):
            _require_advice(answer, "correct the ZooKeeper username or password")
            assert isinstance(answer, Unknown)
            assert "guessed" not in answer.why


@on_loop
async def test_no_login_where_sasl_is_wanted(sasl_zookeeper: ZookeeperServer, prefix: str) -> None:
    async with zookeeper_client(ZookeeperSettings((sasl_zookeeper.endpoint,))) as store:
        for answer in await _answers(store, prefix):
            _require_advice(answer, "this server wants SASL")


@on_loop
async def test_sasl_at_a_server_without_it(shared_zookeeper: ZookeeperServer, prefix: str) -> None:
    async with zookeeper_client(_sasl(shared_zookeeper)) as store:
        for answer in await _answers(store, prefix):
            _require_advice(answer, "correct the ZooKeeper username or password")
