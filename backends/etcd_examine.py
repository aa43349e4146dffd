"""What the operator of an etcd cluster should do before it fails, from what each member says of itself.

Rules of this file:

- Connections of its own, dropped at the end: a member that is slow here takes nothing from the leases.
- `Status` is answered by the member alone, alarms included. (The Alarm call would be one more entry in the
  Raft log each time, and hang where there is no leader.)
- Facts are gathered first and judged by a pure function, so that every advice can be tested without filling
  a disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import msgspec

from backends.endpoint_rotation import most_telling
from backends.etcd_channel import RANGE, STATUS, Endpoint, Login
from backends.etcd_failures import FREE_SPACE, CallFailed, is_compacted
from backends.etcd_rpc.etcd_pb2 import RangeRequest, StatusRequest, StatusResponse
from backends.etcd_settings import EtcdAddress
from backends.store import Advice, Unknown

# A store that compacts is never so long. An owner renews once (lease 4 s) or twice a second (lease 2 s), each
# time in one revision. 16 owners at twice a second write 115 000 in an hour, and a periodic retention of 1 h
# leaves two hours at most. Three owners at once a second reach this after two days, with 160 MB (318 bytes a
# renewal, measured) of the 2 GiB that etcd takes before it refuses writes: early enough to act.
LONG_HISTORY = 500_000

DEFAULT_QUOTA = 2 * 1024**3  # of every etcd since 3.0; members tell their own from 3.6 on
SPACE_NEARS = 0.8  # of the quota; at 1 all writes are refused
COMPACTING_HELPS = 0.5  # of the file in use: below, most of it is what a compaction left behind
_STEP_PERCENT = 5  # so coarse that an advice is not new each time


class NoFacts(msgspec.Struct, frozen=True):
    """A member that said nothing. `refused`: it is there, and does not tell this user."""

    unknown: Unknown
    refused: bool = False


class MemberFacts(msgspec.Struct, frozen=True):
    """What one member said."""

    where: str
    cluster_id: int
    revision: int
    has_leader: bool
    size: int  # of the database file, in bytes; the quota counts this
    size_in_use: int
    quota: int  # 0: not told
    alarms: tuple[str, ...] = ()


async def examine(
    addresses: Sequence[EtcdAddress],
    login: Login,
    prefix: str,
    *,
    timeout_s: float,
    long_history: int = LONG_HISTORY,
) -> tuple[Advice, ...] | Unknown:
    """See `Store.examine`."""
    endpoints = [Endpoint(address, login) for address in addresses]
    try:
        answers = await _ask(endpoints, timeout_s / 2)
        facts = [answer for answer in answers if isinstance(answer, MemberFacts)]
        silent = [answer for answer in answers if isinstance(answer, NoFacts)]
        if not facts:
            return most_telling([answer.unknown for answer in silent])
        living = [e for e, a in zip(endpoints, answers, strict=True) if isinstance(a, MemberFacts)]
        old = max(fact.revision for fact in facts) - long_history
        kept = old > 0 and await _still_there(living[0], prefix, old, timeout_s / 2)
        return (*judge(facts, keeps_history=kept), *_silent_members(silent))
    finally:
        for endpoint in endpoints:
            endpoint.close()


def judge(facts: Sequence[MemberFacts], *, keeps_history: bool) -> Iterator[Advice]:
    """Everything that these facts call for."""
    alarms = sorted({alarm for fact in facts for alarm in fact.alarms})
    if "NOSPACE" in alarms:
        yield Advice(
            f"etcd has used up its space and refuses every write, so no lease is renewed: {FREE_SPACE}"
        )
    if "CORRUPT" in alarms:
        yield Advice(
            "etcd found a member with other data than the rest: `etcdctl alarm list` names it; remove that "
            "member, empty its data directory and add it again"
        )
    if keeps_history:
        yield Advice(
            f"etcd keeps more than {LONG_HISTORY} revisions, and each renewal adds one until its space is "
            "used up: start its members with --auto-compaction-mode=periodic --auto-compaction-retention=1h"
        )
    for fact in facts:
        if not fact.has_leader:
            yield Advice(
                f"{fact.where} has no leader and can serve nobody: look at its log, and whether it reaches "
                "more than half of the members"
            )
        if fact.cluster_id != facts[0].cluster_id:
            yield Advice(
                f"{fact.where} belongs to another etcd cluster than {facts[0].where}: list endpoints of one "
                "cluster only"
            )
        if "NOSPACE" not in alarms:
            yield from _judge_space(fact)


def _judge_space(fact: MemberFacts) -> Iterator[Advice]:
    quota = fact.quota or DEFAULT_QUOTA
    used = fact.size / quota
    if quota < 0 or used < SPACE_NEARS:  # below 0: the operator switched the quota off
        return
    percent = int(used * 100) // _STEP_PERCENT * _STEP_PERCENT
    whose = (
        "its quota" if fact.quota else "etcd's default quota of 2 GiB (this version does not tell its own)"
    )
    if fact.size_in_use < fact.size * COMPACTING_HELPS:
        fix = "most of the file is free pages: run `etcdctl defrag` for one member after the other"
    else:
        fix = FREE_SPACE + "; or raise --quota-backend-bytes (8 GiB at most)"
    yield Advice(f"{fact.where} uses {percent} % of {whose}; at 100 % every write is refused: {fix}")


def _silent_members(silent: Sequence[NoFacts]) -> Iterator[Advice]:
    """A member that refuses to tell is as it should be; one that cannot be reached is missing."""
    for member in silent:
        if not member.refused:
            yield Advice(f"{member.unknown.why}; make it serve again, or take it out of the endpoints")


async def _ask(endpoints: Sequence[Endpoint], timeout_s: float) -> list[MemberFacts | NoFacts]:
    """All at once, each in a task of its own; what has not come in time is missing."""
    tasks = [asyncio.create_task(_ask_member(endpoint)) for endpoint in endpoints]
    try:
        await asyncio.wait(tasks, timeout=timeout_s)
        return [
            task.result()
            if task.done()
            else NoFacts(Unknown(f"{endpoint.address}: it did not say how it is within {timeout_s:g} s"))
            for task, endpoint in zip(tasks, endpoints, strict=True)
        ]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _ask_member(endpoint: Endpoint) -> MemberFacts | NoFacts:
    try:
        connection, metadata = await endpoint.ready()
    except CallFailed as failed:
        return NoFacts(failed.unknown)
    try:
        status = await connection.call(STATUS, StatusRequest(), metadata)
    except CallFailed as failed:
        endpoint.note(failed)
        return NoFacts(failed.unknown, refused=failed.unknown.actor != "store")
    return _facts(str(endpoint.address), status)


def _facts(where: str, status: StatusResponse) -> MemberFacts:
    # Each alarm is written like "memberID:1234 alarm:NOSPACE"; other errors repeat other fields.
    kinds = {kind for kind in ("NOSPACE", "CORRUPT") for error in status.errors if f"alarm:{kind}" in error}
    return MemberFacts(
        where=where,
        cluster_id=status.header.cluster_id,
        revision=status.header.revision,
        has_leader=status.leader != 0,
        size=status.db_size,
        size_in_use=status.db_size_in_use,
        quota=status.db_size_quota,
        alarms=tuple(sorted(kinds)),
    )


async def _still_there(endpoint: Endpoint, key: str, revision: int, timeout_s: float) -> bool:
    """Whether this revision can still be read. Whatever else happens is not for an advice."""
    task = asyncio.create_task(_read_at(endpoint, key, revision))
    try:
        await asyncio.wait({task}, timeout=timeout_s)
        return task.done() and task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _read_at(endpoint: Endpoint, key: str, revision: int) -> bool:
    request = RangeRequest(key=key.encode(), revision=revision, count_only=True)
    try:
        connection, metadata = await endpoint.ready()
        await connection.call(RANGE, request, metadata)
    except CallFailed as failed:
        if not is_compacted(failed):
            endpoint.note(failed)
        return False
    return True
