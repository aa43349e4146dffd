"""`vipkeeper release --force VIP`: frees a VIP whose owner is gone, where the others would wait for long.

Rules of this file: the operator's word is needed, because nothing here can prove that a silent owner does not
serve by promises; so without `--force` it only says what has to be true. With it the owner is watched until
an ordinary lease would be over, and any sign of its life ends in a refusal.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from backends.store import Committed, Snapshot, Store, Unknown
from vipkeeper.agent.clocks import boot_s, wall
from vipkeeper.agent.stores import open_store
from vipkeeper.cli.agent_view import ask_agent
from vipkeeper.cli.ls_command import READ_WITHIN_S, STORE_SETTINGS, store_settings, what_to_do
from vipkeeper.cli.options import add_store_options
from vipkeeper.cli.vip_table import printable
from vipkeeper.config.schema import Config
from vipkeeper.config.timing_rules import longest_takeover_s
from vipkeeper.election.forced_release import forced_release
from vipkeeper.election.view import StoreView
from vipkeeper.model.errors import ConfigError, Refused, StoreUnreachable
from vipkeeper.model.records import Keys, LeaseRecord, VipRecord

_LOOK_EVERY_S = 0.5


def fill(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    parser.add_argument("vip", metavar="VIP", help="its name, as `vipkeeper ls` shows it")
    parser.add_argument(
        "--force",
        action="store_true",
        help="do it; without this, only say what has to be true first",
    )
    add_store_options(parser)
    parser.add_argument("--run-dir", metavar="DIR", help="run directory of the agent of this machine")
    parser.description = (
        "Free a VIP whose owner is gone for good, so that another node claims it at once.\n"
        "Needed only where a node would wait up to failsafe_max, because the owner did not\n"
        "know it as living (`vipkeeper ls` shows outside-electorate). If the owner still\n"
        "serves, two nodes answer for the VIP: make sure first. The owner is watched for as\n"
        "long as a lease could run; if it shows life, nothing is changed (exit code 75)."
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Raises ConfigError, StoreUnreachable, or Refused when the owner is alive or --force is missing."""
    config = store_settings(arguments, STORE_SETTINGS | {"lease", "run_dir"})
    print(asyncio.run(_release(config, arguments.vip, force=arguments.force)))
    return 0


async def _release(config: Config, vip: str, *, force: bool) -> str:
    store = open_store(config)
    try:
        owned = await _find(store, config, vip)
        if owned is None:
            return f"nobody owns {vip}: it is released already"
        if not force:
            raise Refused(owned.conditions())
        await owned.watch()
        await owned.release()
        return f"{vip} is released; its epoch was {owned.record.epoch} under {owned.owner}"
    finally:
        await store.close()


class _OwnedVip:
    """A VIP that has an owner, and the cluster's records as they were when we were asked."""

    def __init__(self, store: Store, config: Config, vip: str, view: StoreView, record: VipRecord) -> None:
        self._store = store
        self._config = config
        self._vip = vip
        self._view = view
        self.record = record
        self.owner = record.owner or ""

    def conditions(self) -> str:
        """What the operator has to know to be true."""
        lease, info = self._lease(), self._view.info(self.owner)
        since = f"unchanged since {lease.renewed} by its clock" if lease and lease.renewed else "not there"
        host = f" (host {info.host})" if info and info.host else ""
        addresses = " ".join(self.record.addresses)
        said = (
            f"{self._vip} belongs to {self.owner}{host}, whose lease is {since}. That proves nothing: an "
            "owner without the store serves by promises of others. Nothing was changed.\n"
            "Make sure of one of these first, or two nodes answer for the VIP:\n"
            f"  - the machine of {self.owner} is off, or has booted since then\n"
            f"  - its agent is stopped (`systemctl stop vipkeeper` there removes the addresses)\n"
            f"  - its addresses are gone (`ip address` there shows none of {addresses})\n"
            f"Then: vipkeeper release --force {self._vip}"
        )
        return "\n".join(printable(line) for line in said.splitlines())

    async def watch(self) -> None:
        """Look on until an ordinary lease of the owner would be over. Raises Refused when it shows life."""
        lease = self._lease()
        longest_s = longest_takeover_s(max(self._config.lease.max_s, lease.ttl_ms / 1000 if lease else 0.0))
        print(f"watching {self.owner} for {longest_s:.1f} s", file=sys.stderr)
        end_s = boot_s() + longest_s
        while boot_s() < end_s:
            await asyncio.sleep(_LOOK_EVERY_S)
            self._require_no_promise()
            keys = self._view.keys
            now = await _read(self._store, self._config, keys.nodes + self.owner + "/")
            if self._shows_life(now):
                raise self._alive("has just written to the store")

    async def release(self) -> None:
        """Raises Refused when the owner, or another one, has written since the first look."""
        transaction = forced_release(self._view, self._vip, wall=wall())
        if transaction is None:
            raise Refused(f"nobody owns {self._vip} any more; nothing was changed")
        answer = await self._store.commit(transaction, timeout_s=READ_WITHIN_S)
        if isinstance(answer, Unknown):
            raise StoreUnreachable(
                f"{what_to_do(answer, self._config)}. It may have been released: see `vipkeeper ls`"
            )
        if not isinstance(answer, Committed):
            raise Refused(
                f"{self._vip} is not released: it changed hands, or {self.owner} renewed its lease, in this "
                "very moment; look at `vipkeeper ls`"
            )

    def _shows_life(self, now: StoreView) -> bool:
        """A candidacy written by another incarnation, or for the node by others, is no life of the owner."""
        keys, info = self._view.keys, now.info(self.owner)
        if now.version(keys.lease(self.owner)) != self._view.version(keys.lease(self.owner)):
            return True
        written = now.version(keys.info(self.owner)) != self._view.version(keys.info(self.owner))
        return written and info is not None and info.incarnation == self.record.incarnation

    def _require_no_promise(self) -> None:
        """The agent of this machine, if there is one, knows of owners that asked it for a promise of late."""
        report = ask_agent(self._config)
        if not isinstance(report, str) and any(g.owner == self.owner for g in report.promises_given):
            raise self._alive(f"has just asked {report.node} for a promise, cut off from the store")

    def _alive(self, how: str) -> Refused:
        return Refused(
            f"{self.owner} is alive and {self._vip} is not released: it {how}. Stop its agent, which "
            "releases the VIP by itself"
        )

    def _lease(self) -> LeaseRecord | None:
        return self._view.lease(self.owner)


async def _find(store: Store, config: Config, vip: str) -> _OwnedVip | None:
    """None: nobody owns it. Raises ConfigError for a name that is none."""
    keys = Keys(config.cluster)
    view = await _read(store, config, keys.prefix)
    record = view.vip(vip)
    group = _group_of(view, vip)
    if group is not None:
        raise ConfigError((f"{vip} moves with sync group {group}: vipkeeper release --force {group}",))
    if record is not None:
        return None if record.owner is None else _OwnedVip(store, config, vip, view, record)
    if view.version(keys.vip(vip)):
        message = f"the record of {vip} cannot be read; use a vipkeeper as new as its owner's"
    else:
        there = sorted(key.removeprefix(keys.vips) for key in view.seen if key.startswith(keys.vips))
        message = f"cluster {config.cluster} has no VIP {vip}; it has: {', '.join(there) or 'none'}"
    raise ConfigError((message,))


def _group_of(view: StoreView, vip: str) -> str | None:
    """The group under whose name somebody owns it now."""
    for key in view.seen:
        group = key.removeprefix(view.keys.vips)
        record = view.vip(group) if key.startswith(view.keys.vips) else None
        if record is not None and record.owner is not None and vip in record.members:
            return group
    return None


async def _read(store: Store, config: Config, prefix: str) -> StoreView:
    answer: Snapshot | Unknown = await store.read(prefix, timeout_s=READ_WITHIN_S)
    if isinstance(answer, Unknown):
        raise StoreUnreachable(what_to_do(answer, config))
    view = StoreView(Keys(config.cluster))
    view.read(answer, 0, 0.0)
    return view
