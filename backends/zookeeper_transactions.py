"""One transaction as one multi of ZooKeeper, and what its results mean.

Rules of this file:

- No IO. A multi that is refused did nothing and never will. Only when a compare is to blame that is a
  Conflict; for the other obstacles a better multi may be sent.
- A key is absent when its holder can be made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

import msgspec
from kazoo.exceptions import ZookeeperError
from kazoo.protocol.serialization import CheckVersion, Create, Delete, SetData
from kazoo.protocol.serialization import Transaction as Multi
from kazoo.protocol.states import ZnodeStat

from backends.store import Transaction
from backends.zookeeper_failures import (
    BAD_VERSION,
    NO_NODE,
    NODE_EXISTS,
    OK,
    RUNTIME_INCONSISTENCY,
)
from backends.zookeeper_paths import RecordId, Tree, new_id, parts_of, version_of

_ANY = -1  # a version that ZooKeeper does not compare
_PERSISTENT = 0
_RESULTS = {Create: str, SetData: ZnodeStat}  # others only say that it was done


class Obstacle(Enum):
    """Why a multi did nothing."""

    COMPARE = "a compare failed"
    GUESS = "a key that is not compared is gone, or has another id"
    HOLDER = "the holder of a key that should be absent is there"
    DIRECTORY = "the directory of a key is not there"


class Step(msgspec.Struct, frozen=True):
    """One operation, for which key, and what its refusal means."""

    operation: Any
    key: str
    compared: bool


class Plan(msgspec.Struct, frozen=True):
    """The multi of one transaction, as long as the guesses are right."""

    steps: tuple[Step, ...]
    ids: Mapping[str, RecordId]  # of what is put

    def request(self) -> Multi:
        return Multi([step.operation for step in self.steps])

    def is_answered_by(self, results: Any) -> bool:
        """Whether these can be the results of this multi."""
        return len(results) == len(self.steps) and all(
            isinstance(result, (ZookeeperError, _RESULTS.get(type(step.operation), bool)))
            for step, result in zip(self.steps, results, strict=True)
        )

    def refusal(self, results: Iterable[Any]) -> tuple[Obstacle | int, str] | None:
        """Why nothing was done (an error code when it is none of ours), and for which key. None if it was."""
        for step, result in zip(self.steps, results, strict=True):
            code = result.code if isinstance(result, ZookeeperError) else OK
            if code not in {OK, RUNTIME_INCONSISTENCY}:
                return _meaning(step, code), step.key
        return None

    def versions(self, results: Iterable[Any]) -> dict[str, int]:
        """The new version of each key put."""
        made = dict.fromkeys(self.ids, 0)
        for step, result in zip(self.steps, results, strict=True):
            if isinstance(step.operation, SetData):
                made[step.key] = result.version
        return {key: version_of(self.ids[key], changes) for key, changes in made.items()}


def uncompared(transaction: Transaction) -> tuple[str, ...]:
    """The keys whose presence has to be guessed."""
    return tuple(key for key in (*transaction.puts, *transaction.deletes) if key not in transaction.compares)


def plan(
    transaction: Transaction, guesses: Mapping[str, RecordId | None], tree: Tree, acl: list[Any]
) -> Plan:
    """`guesses` says of each uncompared key which id its record has, None for absent."""
    steps: list[Step] = []
    ids: dict[str, RecordId] = {}
    for key in dict.fromkeys((*transaction.compares, *transaction.puts, *transaction.deletes)):
        compared = key in transaction.compares
        version = transaction.compares.get(key, 0)
        record_id, changes = parts_of(version) if version else (guesses.get(key), _ANY)
        if record_id is None:
            record_id = new_id()
            operations = _with_absent(key, record_id, transaction, tree, acl)
        else:
            operations = _with_present(key, record_id, changes, transaction, tree)
        if key in transaction.puts:
            ids[key] = record_id
        steps += [Step(operation, key, compared) for operation in operations]
    if not steps:
        steps.append(Step(CheckVersion(tree.root, _ANY), "", compared=False))
    return Plan(tuple(steps), ids)


def _with_absent(
    key: str, record_id: RecordId, transaction: Transaction, tree: Tree, acl: list[Any]
) -> tuple[Any, ...]:
    holder = tree.holder(key)
    make_holder = Create(holder, b"", acl, _PERSISTENT)
    if key in transaction.puts:
        return make_holder, Create(tree.record(key, record_id), transaction.puts[key], acl, _PERSISTENT)
    return make_holder, Delete(holder, _ANY)


def _with_present(
    key: str, record_id: RecordId, changes: int, transaction: Transaction, tree: Tree
) -> tuple[Any, ...]:
    record = tree.record(key, record_id)
    if key in transaction.puts:
        return (SetData(record, transaction.puts[key], changes),)
    if key in transaction.deletes:
        return Delete(record, changes), Delete(tree.holder(key), _ANY)
    return (CheckVersion(record, changes),)


def _meaning(step: Step, code: int) -> Obstacle | int:
    if isinstance(step.operation, Create) and code in {NO_NODE, NODE_EXISTS}:
        return Obstacle.DIRECTORY if code == NO_NODE else Obstacle.HOLDER
    if code in {NO_NODE, BAD_VERSION}:
        return Obstacle.COMPARE if step.compared else Obstacle.GUESS
    return code
