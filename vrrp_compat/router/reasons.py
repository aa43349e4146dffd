"""The closed list of reasons for what a virtual router does.

They are a contract: `ls`, logs and metrics show the texts. Add, never rename.
"""

from __future__ import annotations

import enum


class RouterReason(enum.Enum):
    """Why a router is in its state, or what happened that changed none. `explained` says it to a person."""

    # Why it is not running, or cannot serve
    STARTING = "starting"
    STOPPING = "stopping"
    INTERFACE_MISSING = "interface-missing"
    INTERFACE_DOWN = "interface-down"
    NO_SOURCE_ADDRESS = "no-source-address"
    NO_PEER_KNOWN = "no-peer-known"
    PORT_UNAVAILABLE = "port-unavailable"
    KERNEL_REFUSED = "kernel-refused"
    CHECK_FAILED = "check-failed"
    GROUP_FAULT = "group-fault"
    CHECK_PENDING = "check-pending"

    # Why it is a backup
    LISTENING = "listening"
    HIGHER_PRIORITY_HEARD = "higher-priority-heard"
    EQUAL_PRIORITY_HEARD = "equal-priority-heard"
    EQUAL_PRIORITY_HIGHER_ADDRESS = "equal-priority-higher-address"
    NOPREEMPT_WAITING = "nopreempt-waiting"
    PREEMPT_DELAY = "preempt-delay"
    STARTUP_DELAY = "startup-delay"
    GROUP_WAITING = "group-waiting"
    GROUP_STOOD_BACK = "group-stood-back"
    RELEASED = "released"

    # Why it is a backup that is about to take over, or a master
    PREEMPTING = "preempting"
    MASTER_LEFT = "master-left"

    # Why it is the master
    NO_MASTER_HEARD = "no-master-heard"
    MASTER_SILENT = "master-silent"
    ADDRESS_OWNER = "address-owner"
    ADOPTED = "adopted"
    LEASE_LAPSED = "lease-lapsed"
    RESUMED = "resumed"

    # Why a node of a store's cluster speaks as master, or does not
    STORE_OWNER = "store-owner"
    STORE_STANDBY = "store-standby"

    # What an operator should know although no state changes
    LOWER_PRIORITY_HEARD = "lower-priority-heard"
    OWN_ADDRESS_HEARD = "own-address-heard"
    SEND_FAILED = "send-failed"
    WITHDRAWAL_LATE = "withdrawal-late"
    FOREIGN_MASTER = "foreign-master"
    OWNER_IS_MUTE = "owner-is-mute"

    @property
    def explained(self) -> str:
        return _EXPLAINED[self]


# A fault for one of these leaves no way to tell the peers anything.
SPEECHLESS = frozenset(
    {
        RouterReason.INTERFACE_MISSING,
        RouterReason.INTERFACE_DOWN,
        RouterReason.NO_SOURCE_ADDRESS,
        RouterReason.NO_PEER_KNOWN,
        RouterReason.PORT_UNAVAILABLE,
    }
)

_EXPLAINED: dict[RouterReason, str] = {
    RouterReason.STARTING: "the router has not been started yet",
    RouterReason.STOPPING: "the agent is stopping",
    RouterReason.INTERFACE_MISSING: "the interface does not exist; the agent waits for it",
    RouterReason.INTERFACE_DOWN: "the interface is down or has no carrier",
    RouterReason.NO_SOURCE_ADDRESS: "the interface has no address that advertisements could come from",
    RouterReason.NO_PEER_KNOWN: "no name among its unicast peers can be resolved",
    RouterReason.PORT_UNAVAILABLE: "the kernel does not let it speak or listen on the interface",
    RouterReason.KERNEL_REFUSED: "the kernel refused the address or its fence",
    RouterReason.CHECK_FAILED: "a check that this router depends on fails",
    RouterReason.GROUP_FAULT: "another member of its sync group cannot serve, and they move as one",
    RouterReason.CHECK_PENDING: "the first result of a check that it depends on is not there yet",
    RouterReason.LISTENING: "no master was heard yet; it takes over when none speaks in time",
    RouterReason.HIGHER_PRIORITY_HEARD: "a router with higher priority is master",
    RouterReason.EQUAL_PRIORITY_HEARD: "a router with the same priority is master already",
    RouterReason.EQUAL_PRIORITY_HIGHER_ADDRESS: "a master with the same priority has the higher address",
    RouterReason.NOPREEMPT_WAITING: "a router with lower priority is master, and preempt is off",
    RouterReason.PREEMPT_DELAY: "a router with lower priority is master, and preempt_delay is not over",
    RouterReason.STARTUP_DELAY: "the agent has just started, and startup_delay is not over",
    RouterReason.GROUP_WAITING: "it could be master, but not every member of its sync group could",
    RouterReason.GROUP_STOOD_BACK: "a member of its sync group is not master here, and they move as one",
    RouterReason.RELEASED: "an operator asked this router to step down; it returns when the master fails",
    RouterReason.PREEMPTING: "a router with lower priority is or was master, and preempt is on",
    RouterReason.MASTER_LEFT: "the master said that it leaves",
    RouterReason.NO_MASTER_HEARD: "no master was heard for as long as one may be silent",
    RouterReason.MASTER_SILENT: "the former master was silent for too long",
    RouterReason.ADDRESS_OWNER: "priority 255: this router owns the addresses",
    RouterReason.ADOPTED: "an earlier process was master here, and its peers still count on it",
    RouterReason.LEASE_LAPSED: "no advertisement left in time, so nothing is answered until one does",
    RouterReason.RESUMED: "nothing was answered for a while, and an advertisement has left again",
    RouterReason.STORE_OWNER: "the store gave this node the VIP, and other routers are told so",
    RouterReason.STORE_STANDBY: "the store has not given this node the VIP, so it says nothing",
    RouterReason.LOWER_PRIORITY_HEARD: (
        "a second master with lower priority spoke: it has just yielded, or a partition has healed"
    ),
    RouterReason.OWN_ADDRESS_HEARD: "an advertisement came from this router's own address: a loop or a twin",
    RouterReason.SEND_FAILED: "the kernel would not send an advertisement",
    RouterReason.WITHDRAWAL_LATE: "the kernel did not confirm in time that the addresses are gone",
    RouterReason.FOREIGN_MASTER: (
        "another router serves the VIP beside the store's owner; give it a priority below 255, the same "
        "version, authentication and addresses, and a way to hear this node, or stop it"
    ),
    RouterReason.OWNER_IS_MUTE: (
        "this node owns the VIP but cannot tell the other routers of its VRID, and one of them will serve it "
        "too; correct what follows, or stop those routers"
    ),
}
