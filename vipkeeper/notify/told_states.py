"""What has been told of each VIP and sync group, and what a change means for it.

Rules of this file: no IO. The same state is told once; a sync group has a state when all of its VIPs have it,
and is told after them; whoever decides may say the same thing twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from vipkeeper.config.notify_schema import Notify
from vipkeeper.config.schema import Config
from vipkeeper.model.state_changes import StateChange, VipState
from vipkeeper.notify.notification import PRIORITY_REMARKS, REMARKS, Kind, Name, Notification


class _Known(msgspec.Struct):
    """One VIP or sync group."""

    addresses: tuple[str, ...]
    notify: Notify
    last: Notification | None = None


class ToldStates:
    """All of one agent. `earlier`: what processes before this one told to the end."""

    def __init__(self, config: Config, earlier: Mapping[Name, VipState] | None = None) -> None:
        self._earlier = dict(earlier or {})
        self._known: dict[Name, _Known] = {}
        self._names: dict[str, tuple[str, ...]] = {}  # by unit: its VIPs
        self._groups: dict[str, tuple[str, ...]] = {}
        self._group_of: dict[str, str] = {}  # a VIP is in one at most
        self._priority_changes: dict[str, bool] = {}
        self._configured: frozenset[str] = frozenset()
        self.reconfigure(config)

    def reconfigure(self, config: Config) -> None:
        """Go on with these. A VIP that is gone is known until whoever decides has let it go."""
        self._configured = frozenset(config.vip)
        self._groups = {name: group.vips for name, group in config.sync_group.items()}
        self._group_of = {vip: name for name, vips in self._groups.items() for vip in vips}
        for name, vip in config.vip.items():
            own, general = vip.notify.priority_changes, config.scripts.priority_changes
            self._priority_changes[name] = general if own is None else own
            addresses = (*vip.addresses, *(vip.excluded_addresses or ()))
            self._know((Kind.INSTANCE, name), addresses, vip.notify)
        for name, group in config.sync_group.items():
            members = [config.vip[vip].addresses for vip in group.vips]
            self._know((Kind.GROUP, name), tuple(each for vip in members for each in vip), group.notify)
        for of in [of for of in self._known if of[0] is Kind.GROUP and of[1] not in self._groups]:
            del self._known[of]
        self._names |= {name: (name,) for name in config.vip}
        if config.backend != "vrrp":
            self._names |= self._groups

    def _know(self, of: Name, addresses: tuple[str, ...], notify: Notify) -> None:
        words = tuple(address.split()[0] for address in addresses)  # `dev` and so on are no part of it
        if of in self._known:
            self._known[of].addresses, self._known[of].notify = words, notify
        else:
            self._known[of] = _Known(words, notify)

    def take(self, change: StateChange) -> list[Notification]:
        """What is to be told now, in this order."""
        names = self._names.get(change.unit, ())
        if change.state is VipState.DELETED:
            # A VIP that left its sync group goes on, and is told of under its own name.
            names = tuple(name for name in names if name not in self._configured)
            if change.unit not in self._configured | self._groups.keys():
                self._names.pop(change.unit, None)
        return [told for name in names for told in self._take_one(name, change)]

    def _take_one(self, name: str, change: StateChange) -> Iterator[Notification]:
        known = self._known.get((Kind.INSTANCE, name))
        if known is None:
            return
        if change.state in REMARKS:
            if change.state not in PRIORITY_REMARKS or self._priority_changes[name]:
                yield self._made(Kind.INSTANCE, name, known, change)
            return
        state = change.state
        if state is VipState.DELETED:
            if not (known.notify.say_deleted or known.notify.deleted.script):
                state = VipState.FAULT  # as scripts have known it for twenty years
            del self._known[Kind.INSTANCE, name], self._priority_changes[name]
        if known.last is not None and known.last.state is state:
            return
        changed = msgspec.structs.replace(change, state=state)
        yield self._remembered(Kind.INSTANCE, name, known, changed)
        group = self._group_of.get(name)
        if group is not None:
            yield from self._group_follows(group, self._groups[group], changed)

    def _group_follows(
        self, group: str, members: tuple[str, ...], change: StateChange
    ) -> Iterator[Notification]:
        known = self._known[Kind.GROUP, group]
        for member in members:
            one = self._known.get((Kind.INSTANCE, member))
            if one is None or one.last is None or one.last.state is not change.state:
                return
        if known.last is None or known.last.state is not change.state:
            yield self._remembered(Kind.GROUP, group, known, msgspec.structs.replace(change, priority=0))

    def stop(self) -> list[Notification]:
        """The agent ends, and holds nothing any more: all VIPs, then all groups."""
        told = []
        for kind in Kind:
            for (of, name), known in self._known.items():
                if of is kind and known.last is not None:
                    last = known.last
                    change = StateChange(name, VipState.STOP, last.priority, "stopping", epoch=last.epoch)
                    told.append(self._remembered(kind, name, known, change))
        return told

    def present(self) -> list[Notification]:
        """The states as they were told last, each once more."""
        lasts = [known.last for known in self._known.values()]
        return [msgspec.structs.replace(last, again=True) for last in lasts if last is not None]

    def _remembered(self, kind: Kind, name: str, known: _Known, change: StateChange) -> Notification:
        notification = self._made(kind, name, known, change)
        before = self._earlier.pop((kind, name), None)
        if known.last is None and before is not None:
            again = before is change.state
            notification = msgspec.structs.replace(notification, previous=before, again=again)
        known.last = notification
        return notification

    @staticmethod
    def _made(kind: Kind, name: str, known: _Known, change: StateChange) -> Notification:
        return Notification(
            kind=kind,
            name=name,
            state=change.state,
            priority=change.priority,
            previous=None if known.last is None else known.last.state,
            reason=change.reason,
            detail=change.detail,
            epoch=change.epoch,
            addresses=known.addresses,
            notify=known.notify,
        )
