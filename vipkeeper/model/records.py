"""The records that nodes keep in the store, and their keys.

Rules of this file: JSON, readable by people; unknown fields are ignored so that versions can mix;
wall-clock times are for people and are never compared by a decision.

    cluster                 ClusterRecord     made once
    nodes/<node>/lease      LeaseRecord       rewritten every renewal, only while the node owns something
    nodes/<node>/info       InfoRecord        candidacy; written when it changes and as a slow heartbeat
    nodes/<node>/challenge  ChallengeRecord   another process asks whether this node name is alive
    nodes/<node>/probe      ProbeRecord       whether the store takes writes; when an owner asks for a promise
    vips/<vip>              VipRecord         who owns it; never deleted
    addresses/<address>     BindingRecord     under which VIP name an address is kept
    history/<vip>           HistoryRecord     the last changes of owner
    failsafe                FailsafeRecord    keys that prove who speaks, when nodes ask each other directly
"""

from __future__ import annotations

import msgspec

# Changes of owner that history/<vip> keeps. 20 entries are about 3 kB, well below every store's limit.
HISTORY_LENGTH = 20

# A node is counted on for so many of its own heartbeats of silence.
HEARTBEATS_OF_SILENCE = 2.5

# `InfoRecord.state` of a node that was forgotten: what is left of its info.
FORGOTTEN = "forgotten"


class ClusterRecord(msgspec.Struct, frozen=True):
    id: str  # random, pinned by each agent: two clusters on one prefix refuse each other
    created: str  # wall time
    format: int = 1


class FormerLease(msgspec.Struct, frozen=True):
    """What the lease record said that another incarnation of the node wrote before."""

    incarnation: str
    electorate: dict[str, str] = {}
    outsiders_ms: int = 0


class LeaseRecord(msgspec.Struct, frozen=True):
    incarnation: str
    seq: str  # fresh random id at each write
    ttl_ms: int
    fence: str  # FenceKind value in force on the owner: a challenger's waiting time depends on it
    # Who may claim once the lease has run out: nodes and their incarnations. The others wait `outsiders_ms`
    # without any change of this record, because they are not asked when the owner holds on by promises.
    # 0: everybody may claim.
    electorate: dict[str, str] = {}
    outsiders_ms: int = 0
    former: FormerLease | None = None  # VIP records may still name that incarnation
    renewed: str = ""  # wall time, for `ls` alone


class Candidacy(msgspec.Struct, frozen=True):
    """What one node says of several VIPs at once: 1000 equal VIPs make one entry."""

    priority: int
    eligible: bool
    reason: str  # Reason value; why not, when not eligible
    vips: tuple[str, ...]
    # Whether it wants the VIP from an owner with a lower priority, once it was fit for so long; None: an
    # agent that did not say so yet, for which the settings of the owner count.
    preempt: bool | None = None
    preempt_delay_ms: int = 0
    weights: str = ""  # for people: what makes up the priority, "100 -5 maint"; "": it is as configured
    detail: str = ""  # for people: which check fails, or is waited for


class InfoRecord(msgspec.Struct, frozen=True):
    incarnation: str
    host: str
    seq: str  # fresh random id at each write: other nodes see life in its change
    state: str  # "running" | "stopped" | "forgotten"
    candidacies: tuple[Candidacy, ...] = ()
    heartbeat_ms: int = 0  # longest silence to expect while nothing changes
    version: str = ""
    config_digest: str = ""
    fence: str = ""  # FenceKind value this node would own with
    process: str = ""  # random for each process
    failsafe: str = ""  # ADDRESS:PORT at which this process can be asked for promises; "": nowhere
    written: str = ""  # wall time, for `ls` alone

    @property
    def patience_s(self) -> float:
        """How long a node may be silent and still be counted on."""
        return max(self.heartbeat_ms / 1000 * HEARTBEATS_OF_SILENCE, 1.0)

    def untimed(self) -> InfoRecord:
        """The same without id and time: what it says, not when."""
        return msgspec.structs.replace(self, seq="", written="")


class ChallengeRecord(msgspec.Struct, frozen=True):
    incarnation: str
    host: str
    seq: str


class ProbeRecord(msgspec.Struct, frozen=True):
    seq: str


class VipRecord(msgspec.Struct, frozen=True):
    owner: str | None  # node name; None: released
    incarnation: str  # the owner's, or the releaser's; after a forced release, the former owner's
    epoch: int  # +1 at each change of owner: the fencing token
    since: str  # wall time of the last change
    reason: str  # Reason value
    addresses: tuple[str, ...]
    released_to: str | None = None  # the named successor
    previous: str | None = None  # former owner's node name
    members: tuple[str, ...] = ()  # of a sync group: its VIPs


class BindingRecord(msgspec.Struct, frozen=True):
    vip: str


class SharedKey(msgspec.Struct, frozen=True):
    id: str
    secret: str  # hex

    def __repr__(self) -> str:
        return f"SharedKey(id={self.id!r})"


class FailsafeRecord(msgspec.Struct, frozen=True):
    keys: tuple[SharedKey, ...] = ()  # newest first; all of them are accepted


class HistoryEntry(msgspec.Struct, frozen=True):
    epoch: int
    owner: str | None
    previous: str | None
    reason: str
    at: str  # wall time


class HistoryRecord(msgspec.Struct, frozen=True):
    entries: tuple[HistoryEntry, ...] = ()  # oldest first

    def with_entry(self, entry: HistoryEntry) -> HistoryRecord:
        return HistoryRecord((*self.entries, entry)[-HISTORY_LENGTH:])


class Keys:
    """Keys of one cluster: `/vipkeeper/<cluster>/...`."""

    def __init__(self, cluster: str) -> None:
        self.prefix = f"/vipkeeper/{cluster}/"
        self.cluster = self.prefix + "cluster"
        self.nodes = self.prefix + "nodes/"
        self.vips = self.prefix + "vips/"
        self.addresses = self.prefix + "addresses/"
        self.histories = self.prefix + "history/"
        self.failsafe = self.prefix + "failsafe"

    def lease(self, node: str) -> str:
        return f"{self.nodes}{node}/lease"

    def info(self, node: str) -> str:
        return f"{self.nodes}{node}/info"

    def challenge(self, node: str) -> str:
        return f"{self.nodes}{node}/challenge"

    def probe(self, node: str) -> str:
        return f"{self.nodes}{node}/probe"

    def vip(self, name: str) -> str:
        return self.vips + name

    def address(self, address: str) -> str:
        return self.addresses + address

    def history(self, name: str) -> str:
        return self.histories + name
