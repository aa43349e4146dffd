"""The keys that nodes prove themselves with when they speak directly: made and replaced through the store.

Rules of this file: all keys of the record are accepted, so that a node which has not heard of the newest yet
is understood; the newest is used for sending once everybody has had time to hear of it.
"""

from __future__ import annotations

import hashlib

import msgspec

from vipkeeper.election.ranking import alive
from vipkeeper.election.state import ElectionState
from vipkeeper.model.records import FailsafeRecord, SharedKey

KEY_LIFE_S = 24 * 3600.0  # counted by the node that replaces it, from when it received the key
SETTLING_S = 60.0  # a watch is behind by less, or it is lost and read anew
KEPT = 2


class SharedKeys(msgspec.Struct, frozen=True):
    """What to sign with, and what to accept."""

    sign: SharedKey
    accept: tuple[SharedKey, ...]


def shared_keys(state: ElectionState, now_s: float) -> SharedKeys | None:
    """The keys in force; None before the store was read, or without failsafe."""
    view = state.view
    record = view.get(view.keys.failsafe, FailsafeRecord)
    if record is None or not record.keys or not state.settings.timing.failsafe:
        return None
    received_s = view.received_s(view.keys.failsafe)
    settled = received_s is not None and now_s - received_s >= SETTLING_S
    return SharedKeys(record.keys[0 if settled or len(record.keys) == 1 else 1], record.keys)


def record_to_write(state: ElectionState, now_s: float) -> FailsafeRecord | None:
    """The record with a new key in front, when there is none or it is old and this node's to replace."""
    view, settings = state.view, state.settings
    key = view.keys.failsafe
    if not settings.timing.failsafe or not settings.secret or not view.readable(key):
        return None
    record = view.get(key, FailsafeRecord) or FailsafeRecord()
    received_s = view.received_s(key)
    if record.keys:
        living = [node for node in view.candidacies if alive(view, node, now_s)]
        ours = min(living, default=settings.node) == settings.node
        if not ours or received_s is None or now_s - received_s < KEY_LIFE_S:
            return None
    material = f"{settings.secret} {state.fresh_id()}"
    fresh = SharedKey(
        id=hashlib.sha256(f"id {material}".encode()).hexdigest()[:16],
        secret=hashlib.sha256(f"secret {material}".encode()).hexdigest(),
    )
    return FailsafeRecord((fresh, *record.keys)[:KEPT])
