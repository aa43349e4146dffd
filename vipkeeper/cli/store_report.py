"""What `vipkeeper check --store` finds out about the configured store, and how it is said.

Rules of this file: nothing is written to the store; what is well goes to standard output, what somebody
should look at to standard error; only a store that gives no answer at all is a failure.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from backends.store import Snapshot, Store, Unknown
from vipkeeper.agent.stores import open_store
from vipkeeper.cli.ls_command import what_to_do
from vipkeeper.config.consequences import build_units, store_access
from vipkeeper.config.schema import Config
from vipkeeper.model.errors import StoreUnreachable
from vipkeeper.model.records import ClusterRecord, Keys

# A leader change takes up to 2.4 s, and somebody waits for the answer.
_WITHIN_S = 4.0


def report_store(config: Config) -> None:
    """Say it. Raises ConfigError, or StoreUnreachable when no endpoint serves."""
    for sentence in names_of_vips(config):
        _warn(sentence)
    asyncio.run(_report(config))


async def _report(config: Config) -> None:
    keys = Keys(config.cluster)
    alone = [asyncio.create_task(_read_cluster(one, keys)) for _, one in each_alone(config)]
    for (endpoint, _), answer in zip(each_alone(config), await asyncio.gather(*alone), strict=True):
        if isinstance(answer, Unknown):
            _warn(f"endpoint {endpoint} does not serve: {answer.why}")
        else:
            print(f"endpoint {endpoint} answers, at revision {answer.revision}")
    answer = await _read_cluster(config, keys)
    if isinstance(answer, Unknown):
        raise StoreUnreachable(what_to_do(answer, config))
    print(_about_cluster(config, answer))
    store = open_store(config)
    try:
        await _print_advice(store, keys)
    finally:
        await store.close()


async def _print_advice(store: Store, keys: Keys) -> None:
    advice = await store.examine(keys.prefix, timeout_s=_WITHIN_S)
    if isinstance(advice, Unknown):
        print(f"the store does not tell how it is: {advice.why}")
        return
    for one in advice:
        _warn(one.text)
    if not advice:
        print("the store needs nothing")


async def _read_cluster(config: Config, keys: Keys) -> Snapshot | Unknown:
    store = open_store(config)
    try:
        return await store.read(keys.cluster, timeout_s=_WITHIN_S)
    finally:
        await store.close()


def _about_cluster(config: Config, answer: Snapshot) -> str:
    record = next((r for r in answer.records if r.key == Keys(config.cluster).cluster), None)
    if record is None:
        return f"cluster {config.cluster} is not in the store yet; the first agent makes it"
    try:
        cluster = msgspec.json.decode(record.value, type=ClusterRecord)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"cluster {config.cluster} is in the store, in a form that this version cannot read"
    return f"cluster {config.cluster} is in the store since {cluster.created}, with the id {cluster.id}"


def each_alone(config: Config) -> list[tuple[str, Config]]:
    """The same store through one endpoint at a time."""
    access = store_access(config)
    names, chroot = list(access.endpoints), ""
    if config.backend == "zookeeper":
        names[-1], slash, path = names[-1].partition("/")  # what stands at the last holds for all of them
        chroot = slash + path
    return [
        (name, replace(config, **{config.backend: replace(access, endpoints=(name + chroot,))}))
        for name in names
    ]


def names_of_vips(config: Config) -> Iterator[str]:
    """Endpoints given by name that lead to a managed VIP. Those given by address are found without asking."""
    vips = {address.address: unit.name for unit in build_units(config) for address in unit.addresses}
    for endpoint in store_access(config).endpoints:
        host = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}").hostname or ""
        if host in vips:
            continue
        for address in sorted(_addresses_of(host) & vips.keys()):
            yield (
                f"endpoint {endpoint} is {address}, which is VIP {vips[address]}; use the member's own "
                "address: while nobody holds the VIP, nobody could reach the store"
            )


def _addresses_of(host: str) -> set[str]:
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        return set()  # connecting says so, with what to do


def _warn(sentence: str) -> None:
    print(f"{sentence} (warning)", file=sys.stderr)
