"""What is told to others when a VIP or a sync group changes hands, in keepalived's words.

Rules of this file: plain values.
"""

from __future__ import annotations

import enum

import msgspec


class VipState(enum.Enum):
    """The state of a VIP on this node. With a store: holder, standby and unfit are the first three."""

    MASTER = "MASTER"
    BACKUP = "BACKUP"
    FAULT = "FAULT"
    STOP = "STOP"  # the agent ends
    DELETED = "DELETED"  # a reload took it out of the configuration
    MASTER_RX_LOWER_PRI = "MASTER_RX_LOWER_PRI"  # still master; a lower priority was heard as master
    MASTER_PRIORITY = "MASTER_PRIORITY"  # still master; the effective priority changed
    BACKUP_PRIORITY = "BACKUP_PRIORITY"  # still backup; the same


class StateChange(msgspec.Struct, frozen=True):
    """One change of one unit: what a decider tells. `unit` is a VIP; with a store perhaps a sync group."""

    unit: str
    state: VipState
    priority: int  # the effective one
    reason: str = ""  # of the closed list of who decides
    detail: str = ""  # why, for people
    epoch: int = 0  # with a store: how often the unit has changed its owner, the fencing token
