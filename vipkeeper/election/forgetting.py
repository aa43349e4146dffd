"""A node that is gone for good: its info record shrinks to a tombstone, which nothing counts on or lists.

Rules of this file:

- Lease and VIP records stay: other nodes' claims compare them. What is written compares all that the decision
  relied on, so that any life unseen by us makes it fail.
- The tombstone keeps the node's incarnation. A node that was only cut off finds its own name in it and writes
  its info anew; by another incarnation it would have to believe that its name is taken.
- "Gone" is silence on this process's own clock, never a time out of a record.
"""

from __future__ import annotations

from backends.store import Transaction
from vipkeeper.election.claim_rules import NEVER
from vipkeeper.election.ranking import alive
from vipkeeper.election.settings import ElectionSettings
from vipkeeper.election.transactions import encode
from vipkeeper.election.view import StoreView
from vipkeeper.model.records import FORGOTTEN, ChallengeRecord, InfoRecord

# The first living node by name does it; each next one, so much later, in case that one's version does not.
TURN_S = 60.0


def next_forgetting(view: StoreView, settings: ElectionSettings, now_s: float) -> tuple[float, str]:
    """When it is our turn to forget a node, and which; NEVER if all are alive."""
    before_us = sum(1 for node in view.candidacies if node < settings.node and alive(view, node, now_s))
    wait_s = settings.forget_after_s + before_us * TURN_S
    gone = [
        (view.life_s[node] + wait_s, node)
        for node in view.candidacies
        if node != settings.node and not is_forgotten(view, node)
    ]
    return min(gone, default=(NEVER, ""))


def is_forgotten(view: StoreView, node: str) -> bool:
    """Whether its info is a tombstone, or cannot be read and is left alone."""
    info = view.info(node)
    return info is None or info.state == FORGOTTEN


def forget_transaction(view: StoreView, node: str, *, seq: str, wall: str) -> Transaction | None:
    """Makes the tombstone, if the node has written nothing since this view; None without a readable info."""
    keys, info = view.keys, view.info(node)
    if info is None:
        return None
    tombstone = InfoRecord(
        incarnation=info.incarnation, host=info.host, seq=seq, state=FORGOTTEN, written=wall
    )
    compared = (keys.info(node), keys.lease(node), keys.challenge(node))
    puts = {keys.info(node): encode(tombstone)}
    if view.version(keys.challenge(node)):
        puts[keys.challenge(node)] = encode(ChallengeRecord(incarnation="", host="", seq=seq))
    return Transaction({key: view.version(key) for key in compared}, puts)
