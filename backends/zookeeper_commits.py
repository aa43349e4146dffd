"""One transaction over one link: a multi, and what makes a better one of it when ZooKeeper refused the first.

Rules of this file: it repeats only after ZooKeeper itself said that nothing happened, and only when no
compare was to blame. Who calls it cancels it when its time is up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kazoo.protocol.serialization import Create, Delete, GetChildren

from backends.store import Committed, Conflict, Transaction
from backends.zookeeper_endpoint import Link
from backends.zookeeper_failures import NO_NODE, NODE_EXISTS, NOT_EMPTY, OK, nonsense, refused
from backends.zookeeper_paths import RecordId, above
from backends.zookeeper_transactions import Obstacle, plan, uncompared

COMMITTING = "committing"


async def commit_over(link: Link, transaction: Transaction, acl: list[Any]) -> Committed | Conflict:
    """The outcome. CallFailed when there is none."""
    keys = uncompared(transaction)
    guesses: dict[str, RecordId | None] = {}
    unknown = []
    for key in keys:
        is_known, guesses[key] = link.known(key)
        if not is_known:
            unknown.append(key)
    guesses |= await _look_up(link, unknown)
    while True:
        planned = plan(transaction, guesses, link.tree, acl)
        answer = await link.connection.call(planned.request(), COMMITTING)
        if not planned.is_answered_by(answer.value):
            link.connection.drop("it answered nonsense")
            raise nonsense(link.connection.address, COMMITTING, "results of another transaction")
        refusal = planned.refusal(answer.value)
        if refusal is None:
            return Committed(answer.zxid, planned.versions(answer.value))
        obstacle, key = refusal
        if obstacle is Obstacle.COMPARE:
            return Conflict()
        if obstacle is Obstacle.DIRECTORY:
            await _make_directories(link, key, acl)
        elif obstacle is Obstacle.HOLDER and await _is_held(link, key) and key in transaction.compares:
            return Conflict()
        elif isinstance(obstacle, int):
            raise refused(link.connection.address, COMMITTING, obstacle)
        else:
            guesses |= await _look_up(link, keys)


async def _look_up(link: Link, keys: Sequence[str]) -> dict[str, RecordId | None]:
    """Which id each record has by now, None for those that are absent."""
    asked = [link.connection.ask(GetChildren(link.tree.holder(key), False)) for key in keys]
    found: dict[str, RecordId | None] = dict.fromkeys(keys)
    for key, asking in zip(keys, asked, strict=True):
        answer = await asking
        if answer.error != NO_NODE:
            names = link.connection.accepted(answer, COMMITTING).value
            found[key] = names[0] if names else None
    return found


async def _make_directories(link: Link, key: str, acl: list[Any]) -> None:
    for path in above(link.tree.holder(key)):
        answer = await link.connection.ask(Create(path, b"", acl, 0))
        if answer.error != NODE_EXISTS:
            link.connection.accepted(answer, "making directories")


async def _is_held(link: Link, key: str) -> bool:
    """Whether a key's holder holds its record. An empty one, which only a person can leave, is removed."""
    answer = await link.connection.ask(Delete(link.tree.holder(key), -1))
    if answer.error in {OK, NO_NODE}:
        return False
    if answer.error != NOT_EMPTY:
        link.connection.accepted(answer, COMMITTING)
    return True
