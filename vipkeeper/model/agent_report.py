"""What an agent tells of itself, and how it is asked: one line of JSON each way, on its control socket.

    -> {"ask": "status"}
    <- {"status": {...}} or {"error": "..."}

Rules of this file: values alone; the names of fields are a contract with scripts: add, never rename; unknown
fields are ignored so that versions can mix.
"""

from __future__ import annotations

import msgspec

CONTROL_SOCKET = "control"  # its name in the run directory


class VipReport(msgspec.Struct, frozen=True):
    """One VIP here. `promised_by` is null unless the node serves it by promises."""

    vip: str
    role: str  # Role value
    reason: str  # Reason value
    detail: str
    epoch: int
    owner: str | None
    lease_left_ms: int | None = None  # to this node's own deadline; null: it does not hold it
    held_on_promises: bool = False
    promised_by: tuple[str, ...] | None = None
    members: tuple[str, ...] = ()  # of a sync group: its VIPs
    priority: int = 0  # with weights
    weights: str = ""  # what makes it up, "100 -5 maint"; "": it is as configured


class TrackReport(msgspec.Struct, frozen=True):
    """One tracked thing here, and the VIPs that depend on it."""

    kind: str  # script, file, process or interface
    name: str
    state: str  # unknown, up, down or ignored
    detail: str
    vips: tuple[str, ...]
    number: int | None = None  # that a file says


class ElectorReport(msgspec.Struct, frozen=True):
    """One node that has to promise when the store is silent."""

    node: str
    answers: bool  # it answered directly of late
    refusal: str | None = None  # why it did not promise, when it refused last


class GivenReport(msgspec.Struct, frozen=True):
    """A promise of this node to an owner that still runs. `vips` is null: an earlier process gave it."""

    owner: str
    left_ms: int
    vips: tuple[str, ...] | None


class RouterReport(msgspec.Struct, frozen=True):
    """One virtual router: VRRP decides, or a store's owner announces itself. Counts begin with the agent."""

    vip: str
    addresses: tuple[str, ...]
    interface: str
    vrid: int
    version: int
    state: str  # State value
    reason: str  # RouterReason value
    detail: str
    priority: int  # with weights
    interval_ms: int
    master: str | None  # its source address; our own while this node is master
    master_priority: int | None
    takeover_in_ms: int | None  # of a backup, if nothing more is heard
    held_for_ms: int | None  # of a master, if nothing more can be sent
    sent: int
    sent_leaving: int  # with priority 0
    received: int
    received_leaving: int
    became_master: int
    discarded: dict[str, int]  # by DiscardReason value
    warning: str | None = None  # others use this VRID for something else
    sync_group: str | None = None  # that its VIP moves with
    weights: str = ""  # what makes up the priority, "100 -5 maint"; "": it is as configured


class Report(msgspec.Struct, frozen=True):
    """One node. Its electorate: who has to promise while it holds something, or had to when it lost it."""

    node: str
    prefix: str  # of the cluster's keys
    vips: tuple[VipReport, ...]
    electorate: tuple[ElectorReport, ...]
    promises_given: tuple[GivenReport, ...]
    store_confirms: bool | None  # null: nothing is held, so nothing has to be confirmed
    store_confirmed_ago_ms: int | None  # since the store confirmed a write of this node's lease record
    # What is known of the store: nodes, VIPs and addresses by key, as JSON; null: it cannot be read.
    records: dict[str, msgspec.Raw] = {}
    version: str = ""
    routers: tuple[RouterReport, ...] = ()
    tracks: tuple[TrackReport, ...] = ()
    # Routes, rules and static addresses that should be here and are not, and why.
    routing_refused: dict[str, str] = {}


class Request(msgspec.Struct, frozen=True):
    """What may be asked: `status`."""

    ask: str


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of both."""

    status: Report | None = None
    error: str | None = None
