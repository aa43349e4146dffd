"""The closed list of reasons: each role and each refusal carries one.

They are a contract: `ls`, the history in the store, logs and metrics show the texts. Add, never rename.
"""

from __future__ import annotations

import enum


class Reason(enum.Enum):
    """Why a unit has its role here, or why its owner changed. `explained` says it to a person."""

    # Why this node may not own (unfit)
    STARTING = "starting"
    STOPPING = "stopping"
    INTERFACE_MISSING = "interface-missing"
    INTERFACE_DOWN = "interface-down"
    KERNEL_REFUSED = "kernel-refused"
    NAME_IN_USE = "node-name-in-use"
    WRONG_CLUSTER = "wrong-cluster"
    RECORD_UNREADABLE = "record-unreadable"
    ADDRESS_HELD_BY_OTHER_NAME = "address-held-by-other-name"
    STORE_UNREACHABLE = "store-unreachable"
    NOT_CONFIGURED = "not-configured"
    STARTUP_DELAY = "startup-delay"
    CHECK_FAILED = "check-failed"
    CHECK_PENDING = "check-pending"

    # Why this node stands by
    OWNER_ALIVE = "owner-alive"
    OWNER_LEASE_RUNNING = "owner-lease-running"
    NO_RECORD_YET = "no-record-yet"
    EARLIER_INCARNATION = "earlier-incarnation"
    RESERVED_FOR_SUCCESSOR = "reserved-for-successor"
    BETTER_CANDIDATE = "better-candidate"
    STORE_WENT_BACK = "store-went-back"
    CLAIM_PENDING = "claim-pending"
    OUTSIDE_ELECTORATE = "outside-electorate"
    PROMISED = "promised"

    # Why a node took, keeps, or gave up ownership (these reach the VIP record and the history)
    FIRST_CLAIM = "first-claim"
    OWNER_EXPIRED = "owner-expired"
    OWNER_RELEASED = "owner-released"
    SUCCESSOR = "named-successor"
    RESUMED = "resumed"
    HANDED_OVER = "handed-over"
    PREEMPTED = "preempted"
    SHUTDOWN = "shutdown"
    NODE_UNFIT = "node-unfit"
    LEASE_LAPSED = "lease-lapsed"
    RECORD_LOST = "record-lost"
    ADDRESS_RENAMED = "address-renamed"
    INTERNAL_ERROR = "internal-error"
    FORCED_RELEASE = "forced-release"

    # What an operator should know although no role changes
    HELD_ON_PROMISES = "held-on-promises"
    CONFIRMED_AGAIN = "confirmed-again"
    NO_PROMISE = "no-promise"
    SILENT_PEER = "silent-peer"
    NODE_FORGOTTEN = "node-forgotten"

    @property
    def explained(self) -> str:
        return _EXPLAINED[self]


_EXPLAINED: dict[Reason, str] = {
    Reason.STARTING: "the agent has not read the store and the kernel yet",
    Reason.STOPPING: "the agent is stopping",
    Reason.INTERFACE_MISSING: "the interface does not exist; the agent waits for it",
    Reason.INTERFACE_DOWN: "the interface is down or has no carrier",
    Reason.KERNEL_REFUSED: "the kernel refused the address or its fence",
    Reason.NAME_IN_USE: "a living agent on another host uses this node name",
    Reason.WRONG_CLUSTER: "the store holds another cluster under this name",
    Reason.RECORD_UNREADABLE: "a record in the store cannot be understood, so nothing is claimed over it",
    Reason.ADDRESS_HELD_BY_OTHER_NAME: "an address of this VIP is owned under another VIP's name",
    Reason.STORE_UNREACHABLE: "the store cannot be read",
    Reason.NOT_CONFIGURED: "this node's configuration does not have the VIP",
    Reason.STARTUP_DELAY: "the agent has just started, and startup_delay is not over",
    Reason.CHECK_FAILED: "a check that this VIP depends on fails",
    Reason.CHECK_PENDING: "the first result of a check that this VIP depends on is not there yet",
    Reason.OWNER_ALIVE: "another node owns it and renews its lease",
    Reason.OWNER_LEASE_RUNNING: "the owner is silent but its lease has not run out",
    Reason.NO_RECORD_YET: "the store has no record of it: the longest possible lease must pass first",
    Reason.EARLIER_INCARNATION: "an earlier boot or instance of this node held it and its lease must pass",
    Reason.RESERVED_FOR_SUCCESSOR: "it was released to a named successor that may still come",
    Reason.BETTER_CANDIDATE: "a better candidate claims first",
    Reason.STORE_WENT_BACK: "the store's history went backwards: the longest possible lease must pass first",
    Reason.CLAIM_PENDING: "a claim was sent and is not answered yet",
    Reason.OUTSIDE_ELECTORATE: "the owner's lease does not name this node, so it waits much longer",
    Reason.PROMISED: "this node promised the owner not to claim it while the store is silent",
    Reason.FIRST_CLAIM: "nobody had owned it",
    Reason.OWNER_EXPIRED: "the former owner's lease ran out",
    Reason.OWNER_RELEASED: "the former owner released it",
    Reason.SUCCESSOR: "the former owner named this node its successor",
    Reason.RESUMED: "this node's own record was confirmed again",
    Reason.HANDED_OVER: "an operator or the owner asked for the move",
    Reason.PREEMPTED: "a node with higher priority came back and preempt is on",
    Reason.SHUTDOWN: "the owner was stopped",
    Reason.NODE_UNFIT: "the owner can no longer serve it",
    Reason.LEASE_LAPSED: "the lease ran out before the store confirmed a renewal",
    Reason.RECORD_LOST: "the store names another owner",
    Reason.ADDRESS_RENAMED: "its address is now configured under another VIP name",
    Reason.INTERNAL_ERROR: "a defect in vipkeeper; please report it with the log",
    Reason.FORCED_RELEASE: "an operator released it, and said that its owner is gone",
    Reason.HELD_ON_PROMISES: "the store is silent, and every other node promised not to claim",
    Reason.CONFIRMED_AGAIN: "the store confirms the lease again",
    Reason.NO_PROMISE: "the store is silent, and not every other node promised not to claim",
    Reason.SILENT_PEER: "a node does not answer directly: in a store outage no VIP would be kept",
    Reason.NODE_FORGOTTEN: "a node showed no life for so long that it is not listed any more",
}
