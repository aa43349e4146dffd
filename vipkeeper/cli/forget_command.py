"""`vipkeeper forget NODE`: what agents do with a node after days of silence, at once.

Rules of this file: a node that runs is asked first, in the way in which an agent asks whether its name is
taken; it is watched until no lease of it can run any more; and what is written compares all of its records
with the first reading, so that a sign of life in the last moment makes it fail.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys

from backends.store import Committed, Conflict, Store, Transaction, Unknown
from vipkeeper.agent.clocks import boot_s, wall
from vipkeeper.agent.stores import open_store
from vipkeeper.cli.ls_command import READ_WITHIN_S, STORE_SETTINGS, store_settings, what_to_do
from vipkeeper.cli.options import add_store_options
from vipkeeper.config.schema import Config
from vipkeeper.config.timing_rules import longest_takeover_s
from vipkeeper.election.forgetting import forget_transaction
from vipkeeper.election.transactions import encode
from vipkeeper.election.view import StoreView
from vipkeeper.model.errors import ConfigError, Refused, StoreUnreachable
from vipkeeper.model.records import FORGOTTEN, ChallengeRecord, Keys

_LOOK_EVERY_S = 0.5


def fill(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    parser.add_argument("node", metavar="NODE", help="its name, as `vipkeeper ls --all` shows it")
    add_store_options(parser)
    parser.description = (
        "List a node no more that is gone for good. Agents do so by themselves after\n"
        "`lease.forget_after` (7 days). The node is watched first, for as long as its lease\n"
        "could run; if it shows life, nothing is changed. A node that comes back is listed\n"
        "again. Which VIP it owned, and its lease, stay as they are: other nodes need them."
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Raises ConfigError, StoreUnreachable, or Refused when the node is alive."""
    config = store_settings(arguments, STORE_SETTINGS | {"lease"})
    asyncio.run(_forget(config, arguments.node))
    return 0


async def _forget(config: Config, node: str) -> None:
    store = open_store(config)
    try:
        asked = _Asked(store, config, node)
        if await asked.is_forgotten():
            print(f"{node} is forgotten already")
            return
        await asked.watch()
        await asked.forget()
    finally:
        await store.close()
    print(f"{node} is forgotten; it is listed again as soon as an agent of this name writes")


class _Asked:
    """One node, and the cluster's records as they were when we were asked."""

    def __init__(self, store: Store, config: Config, node: str) -> None:
        self._store = store
        self._config = config
        self._node = node
        self._keys = Keys(config.cluster)
        self._id = os.urandom(6).hex()
        self._view = StoreView(self._keys)

    async def is_forgotten(self) -> bool:
        """Reads everything. Raises ConfigError for a name that is none."""
        self._view = await self._read(self._keys.prefix)
        info = self._view.info(self._node)
        if info is not None:
            return info.state == FORGOTTEN
        if self._view.version(self._keys.info(self._node)):
            message = f"the record of {self._node} cannot be read; use a vipkeeper as new as that node's"
        else:
            known = ", ".join(sorted(self._view.candidacies)) or "none"
            message = f"cluster {self._config.cluster} has no node {self._node}; it has: {known}"
        raise ConfigError((message,))

    async def watch(self) -> None:
        """Ask it, and look on until its lease would be over. Raises Refused when it shows life."""
        info, lease = self._view.info(self._node), self._view.lease(self._node)
        if info is not None and info.state == "stopped" and not self._view.owned_by(self._node):
            return  # by its own word, written after it had released everything
        await self._ask()
        longest_s = longest_takeover_s(max(self._config.lease.max_s, lease.ttl_ms / 1000 if lease else 0.0))
        print(f"watching {self._node} for {longest_s:.1f} s", file=sys.stderr)
        end_s = boot_s() + longest_s
        while boot_s() < end_s:
            await asyncio.sleep(_LOOK_EVERY_S)
            now = await self._read(self._keys.nodes + self._node + "/")
            for key in (self._keys.info(self._node), self._keys.lease(self._node)):
                if now.version(key) != self._view.version(key):
                    raise self._alive()

    async def forget(self) -> None:
        """Raises Refused when it has written something since it was first looked at."""
        transaction = forget_transaction(self._view, self._node, seq=f"{self._id}-2", wall=wall())
        if transaction is None or isinstance(await self._commit(transaction), Conflict):
            raise self._alive()

    async def _ask(self) -> None:
        """A living agent answers a challenge of its name at once, by writing its info anew."""
        key = self._keys.challenge(self._node)
        challenge = ChallengeRecord(incarnation="forget", host=socket.gethostname(), seq=f"{self._id}-1")
        value = encode(challenge)
        answer = await self._commit(Transaction({key: self._view.version(key)}, {key: value}))
        if isinstance(answer, Conflict):
            raise Refused(f"an agent is starting as {self._node} just now; nothing was changed")
        self._view.wrote(key, value, answer.versions[key], answer.revision, 0.0)

    async def _read(self, prefix: str) -> StoreView:
        answer = await self._store.read(prefix, timeout_s=READ_WITHIN_S)
        if isinstance(answer, Unknown):
            raise StoreUnreachable(what_to_do(answer, self._config))
        view = StoreView(self._keys)
        view.read(answer, 0, 0.0)
        return view

    async def _commit(self, transaction: Transaction) -> Committed | Conflict:
        answer = await self._store.commit(transaction, timeout_s=READ_WITHIN_S)
        if isinstance(answer, Unknown):
            raise StoreUnreachable(what_to_do(answer, self._config))
        return answer

    def _alive(self) -> Refused:
        return Refused(
            f"{self._node} is alive and is not forgotten: its agent has just written to the store; "
            "stop the agent first"
        )
