"""What this process knows of the store, and since when.

Rules of this file: no decisions; a record is replaced only by a later revision, so reads, watch events and
our own commits may arrive in any order; "since when" is this process's own clock at the moment it received
a version, never a time out of a record.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from backends.store import Changed, Record, Snapshot
from vipkeeper.config.timing_rules import longest_takeover_s
from vipkeeper.model.incarnations import stands_for
from vipkeeper.model.records import (
    BindingRecord,
    Candidacy,
    ChallengeRecord,
    ClusterRecord,
    FailsafeRecord,
    HistoryRecord,
    InfoRecord,
    Keys,
    LeaseRecord,
    VipRecord,
)

_T = TypeVar("_T")
_AnyRecord = (
    BindingRecord
    | ChallengeRecord
    | ClusterRecord
    | FailsafeRecord
    | HistoryRecord
    | InfoRecord
    | LeaseRecord
    | VipRecord
)


class Seen(msgspec.Struct, frozen=True):
    """One key as this process last saw it. `value` is None when it is absent or unreadable."""

    version: int  # 0: absent
    revision: int
    received_s: float  # when this process received this version
    value: _AnyRecord | None
    readable: bool = True


class Incarnation(msgspec.Struct):
    """Since when a node's lease record is written by this incarnation, as far as this process saw."""

    name: str
    since_s: float


class StoreView(msgspec.Struct):
    """All records of the cluster below one prefix."""

    keys: Keys
    node: str = ""  # ours; a mere onlooker has none
    incarnation: str = ""
    complete_since_s: float | None = None  # first reading of the whole prefix, or the last wipe
    revision: int = 0  # highest seen
    went_back_at_s: float | None = None  # when a restored backup was noticed
    seen: dict[str, Seen] = msgspec.field(default_factory=dict)
    incarnations: dict[str, Incarnation] = msgspec.field(default_factory=dict)  # by node, from lease records
    life_s: dict[str, float] = msgspec.field(default_factory=dict)  # by node: when it last showed life
    candidacies: dict[str, dict[str, Candidacy]] = msgspec.field(
        default_factory=dict
    )  # node -> vip -> candidacy
    held: dict[str, int] = msgspec.field(default_factory=dict)  # by node: how many VIP records name it
    # By node: until when it may hold on by promises that this node is not asked for, by the last lease record
    # of it that this process saw. Remembered when the record is gone.
    excluded_s: dict[str, float] = msgspec.field(default_factory=dict)
    vanished_until_s: float = float("-inf")  # the same, of owners whose VIP records vanished
    # When this node noticed that its own record is gone that it had not renewed for long: an owner may have
    # stopped asking it for promises meanwhile, in a record that it never saw.
    lost_touch_s: float | None = None
    _touched: set[str] = msgspec.field(default_factory=set)  # VIPs whose record changed
    _all_touched: bool = False  # something changed that may matter to every VIP

    @property
    def has_news(self) -> bool:
        """Whether there is anything to tell."""
        return self._all_touched or bool(self._touched)

    def news(self) -> frozenset[str] | None:
        """The VIPs that changes since the last call may matter to; None: all. Renewals are no news."""
        touched = None if self._all_touched else frozenset(self._touched)
        self._touched.clear()
        self._all_touched = False
        return touched

    def read(self, snapshot: Snapshot, floor: int, now_s: float) -> None:
        """Take in a reading; its prefix may be the whole cluster."""
        if snapshot.revision < floor or any(self._older(record, floor) for record in snapshot.records):
            self._forget_all(now_s)
        self.revision = max(self.revision, snapshot.revision)
        present = set()
        for record in snapshot.records:
            present.add(record.key)
            self._take(record, now_s)
        for key, known in list(self.seen.items()):
            gone = key.startswith(snapshot.prefix) and key not in present
            if gone and known.version and known.revision <= snapshot.revision:
                self._drop(key, snapshot.revision, now_s)
        if self.complete_since_s is None and self.keys.prefix.startswith(snapshot.prefix):
            self.complete_since_s = now_s
            self._all_touched = True

    def change(self, changed: Changed, now_s: float) -> None:
        """Take in what the watch delivered."""
        self.revision = max(self.revision, changed.revision)
        for record in changed.records:
            self._take(record, now_s)
        for key, revision in changed.deleted.items():
            self._drop(key, revision, now_s)

    def wrote(self, key: str, value: bytes, version: int, revision: int, now_s: float) -> None:
        """Our own committed write: known before the watch repeats it."""
        self.revision = max(self.revision, revision)
        self._take(Record(key, value, version, revision), now_s)

    def version(self, key: str) -> int:
        known = self.seen.get(key)
        return known.version if known else 0

    def received_s(self, key: str) -> float | None:
        """When this process saw the present state of the key; absence counts from the first reading.

        After a wipe it counts anew: what is absent may have been written and wiped without our seeing it.
        """
        known = self.seen.get(key)
        if known is None or not known.version:
            base_s = self.complete_since_s
            return base_s if known is None or base_s is None else max(known.received_s, base_s)
        return known.received_s

    def readable(self, key: str) -> bool:
        known = self.seen.get(key)
        return known.readable if known else True

    def get(self, key: str, kind: type[_T]) -> _T | None:
        known = self.seen.get(key)
        return known.value if known is not None and isinstance(known.value, kind) else None

    def lease(self, node: str) -> LeaseRecord | None:
        return self.get(self.keys.lease(node), LeaseRecord)

    def info(self, node: str) -> InfoRecord | None:
        return self.get(self.keys.info(node), InfoRecord)

    def vip(self, name: str) -> VipRecord | None:
        return self.get(self.keys.vip(name), VipRecord)

    def binding(self, address: str) -> str | None:
        """The VIP name under which an address is kept."""
        bound = self.get(self.keys.address(address), BindingRecord)
        return bound.vip if bound else None

    def owned_by(self, node: str) -> list[str]:
        """Names of the VIPs whose record names this node."""
        if not self.held.get(node):
            return []
        start = len(self.keys.vips)
        return [
            key[start:]
            for key, known in self.seen.items()
            if isinstance(known.value, VipRecord) and known.value.owner == node
        ]

    def owned_by_incarnation(self, node: str, incarnation: str) -> list[tuple[str, int]]:
        """Names and epochs of the VIPs whose record names this node and this incarnation of it."""
        return [
            (name, record.epoch)
            for name in self.owned_by(node)
            if (record := self.vip(name)) is not None and record.incarnation == incarnation
        ]

    def _older(self, record: Record, floor: int) -> bool:
        """Whether a reading shows less than what was known before it was sent: the store was restored.

        Other nodes' writes may have lifted the restored store's revision past the floor meanwhile.
        """
        known = self.seen.get(record.key)
        return known is not None and record.revision < known.revision <= floor

    def _take(self, record: Record, now_s: float) -> None:
        known = self.seen.get(record.key)
        if known is not None and known.revision >= record.revision:
            return
        value, readable = self._decode(record)
        self._account(known, value)
        self.seen[record.key] = Seen(record.version, record.revision, now_s, value, readable)
        self._touch(record.key, known, value, now_s)
        if isinstance(value, LeaseRecord):
            self._take_lease(self._node_of(record.key), value, now_s)
        elif isinstance(value, InfoRecord):
            node = self._node_of(record.key)
            back = now_s - self.life_s.get(node, now_s) > value.patience_s
            self._all_touched |= back
            self.life_s[node] = now_s
            self.candidacies[node] = {vip: c for c in value.candidacies for vip in c.vips}

    def _take_lease(self, node: str, value: LeaseRecord, now_s: float) -> None:
        self.life_s[node] = now_s
        outside = not stands_for(value.electorate.get(self.node), self.incarnation)
        if value.outsiders_ms and node != self.node and outside:
            self.excluded_s[node] = now_s + longest_takeover_s(value.outsiders_ms / 1000)
        else:
            self.excluded_s.pop(node, None)
        incarnation = self.incarnations.get(node)
        if incarnation is None or incarnation.name != value.incarnation:
            self.incarnations[node] = Incarnation(value.incarnation, now_s)
            self._all_touched = True

    def _drop(self, key: str, revision: int, now_s: float) -> None:
        known = self.seen.get(key)
        if known is not None and known.revision >= revision:
            return
        self._account(known, None)
        if known is not None:
            self._note_vanished(key, known, now_s)
        self.seen[key] = Seen(0, revision, now_s, None)
        self._touch(key, known, None, now_s)
        if key.startswith(self.keys.nodes) and key.endswith("/info"):
            self.candidacies.pop(self._node_of(key), None)

    def _touch(self, key: str, known: Seen | None, value: _AnyRecord | None, now_s: float) -> None:
        """Note whom a change may matter to. A renewal or a heartbeat that says nothing new: nobody."""
        before = known.value if known is not None else None
        if key == self.keys.cluster and known is not None and self.complete_since_s is not None:
            self.complete_since_s = now_s  # written once: it was wiped
        if key.startswith(self.keys.vips):
            self._touched.add(key[len(self.keys.vips) :])
        elif key.startswith(self.keys.histories) or key.endswith("/probe"):
            pass
        elif isinstance(value, LeaseRecord):
            # How long others wait follows from all but these two.
            same = isinstance(before, LeaseRecord) and before == msgspec.structs.replace(
                value, seq=before.seq, renewed=before.renewed
            )
            self._all_touched |= not same
        elif isinstance(value, InfoRecord) and isinstance(before, InfoRecord):
            self._all_touched |= value.untimed() != before.untimed()
        else:
            self._all_touched = True

    def _account(self, known: Seen | None, value: _AnyRecord | None) -> None:
        before = known.value.owner if known and isinstance(known.value, VipRecord) else None
        after = value.owner if isinstance(value, VipRecord) else None
        if before != after:
            if before is not None:
                self.held[before] -= 1
            if after is not None:
                self.held[after] = self.held.get(after, 0) + 1

    def _decode(self, record: Record) -> tuple[_AnyRecord | None, bool]:
        kind = self._kind_of(record.key)
        if kind is None:
            return None, True  # not ours to understand: a later version's record
        try:
            return msgspec.json.decode(record.value, type=kind), True
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None, False

    def _kind_of(self, key: str) -> type[_AnyRecord] | None:
        keys = self.keys
        if key.startswith(keys.nodes):
            return _NODE_KINDS.get(key.rsplit("/", 1)[-1])
        if key.startswith(keys.vips):
            return VipRecord
        if key.startswith(keys.addresses):
            return BindingRecord
        if key.startswith(keys.histories):
            return HistoryRecord
        return _SINGLE_KINDS.get(key.removeprefix(keys.prefix))

    def _node_of(self, key: str) -> str:
        return key[len(self.keys.nodes) :].rsplit("/", 1)[0]

    def _note_vanished(self, key: str, known: Seen, now_s: float) -> None:
        """A record is gone: one that an owner may still serve by, or the one that others knew us by."""
        value = known.value
        # Ours is renewed three times in its patience, after which others give us up.
        late = isinstance(value, InfoRecord) and now_s - known.received_s > value.patience_s * 2 / 3
        if late and key == self.keys.info(self.node):
            self.lost_touch_s = now_s
        if isinstance(value, VipRecord) and value.owner is not None:
            until_s = self.excluded_s.get(value.owner, self.vanished_until_s)
            self.vanished_until_s = max(self.vanished_until_s, until_s)

    def _forget_all(self, now_s: float) -> None:
        for key, known in self.seen.items():
            self._note_vanished(key, known, now_s)
        self.seen.clear()
        self.incarnations.clear()
        self.candidacies.clear()
        self.held.clear()
        self.revision = 0
        self.complete_since_s = None
        self.went_back_at_s = now_s
        self._all_touched = True


_SINGLE_KINDS: dict[str, type[_AnyRecord]] = {"cluster": ClusterRecord, "failsafe": FailsafeRecord}
_NODE_KINDS: dict[str, type[_AnyRecord]] = {
    "lease": LeaseRecord,
    "info": InfoRecord,
    "challenge": ChallengeRecord,
}
