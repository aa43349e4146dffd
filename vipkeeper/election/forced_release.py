"""An operator's word that an owner is gone: its VIP becomes free before its lease says so.

Rules of this file:

- What is written compares the VIP record and the owner's lease record, so that any life unseen by us makes
  it fail. The lease record stays as it is: other VIPs of that owner wait by it.
- It frees a VIP, and gives it to nobody: who claims it does so by the usual rules. A node that promised the
  owner keeps its promise, and after a store went back everybody waits.
"""

from __future__ import annotations

from backends.store import Transaction
from vipkeeper.election.transactions import encode, history_with
from vipkeeper.election.view import StoreView
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import VipRecord


def forced_release(view: StoreView, vip: str, *, wall: str) -> Transaction | None:
    """Marks the VIP released, if nothing changed since this view; None when nobody owns it."""
    keys, record = view.keys, view.vip(vip)
    if record is None or record.owner is None:
        return None
    released = VipRecord(
        owner=None,
        incarnation=record.incarnation,
        epoch=record.epoch,
        since=wall,
        reason=Reason.FORCED_RELEASE.value,
        addresses=record.addresses,
        previous=record.owner,
    )
    compared = (keys.cluster, keys.vip(vip), keys.lease(record.owner))
    return Transaction(
        {key: view.version(key) for key in compared},
        {keys.vip(vip): encode(released), keys.history(vip): history_with(view, vip, released)},
    )
