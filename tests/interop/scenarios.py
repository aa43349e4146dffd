"""What every pair of routers has to do, whoever made them: an election, a leave, a return, a death.

Rules of this file: routers come as (higher, lower) by priority; a bound on time is either a rule of the
protocol that no busy machine can break from below, or generous.
"""

from __future__ import annotations

import time

from tests.interop.segment import PATIENCE_S, Segment
from tests.peers.virtual_router import Router, wait_until_master
from vipkeeper.lab.observer import now_ns
from vipkeeper.lab.verdicts import RETURN_NS

_POLL_S = 0.02
# A clock tick of FRR's is 10 ms and it rounds down; a stamp of ours is late by a stall of this machine.
_EARLY_S = 0.03
_SETTLE_S = 0.5


def elect(segment: Segment, higher: Router, lower: Router) -> None:
    """Both start; the higher priority wins, alone, and clients are served by it."""
    higher.start()
    lower.start()
    serves(segment, higher)
    wait_until_backup(lower)


def serves(segment: Segment, router: Router) -> None:
    """It is master, and clients are served by it.

    FRR announces an address once, and Linux heeds no announcement within a second of the last: a client may
    stay with the former master for 8 s (measured). Of FRR only its answers are asked for.
    """
    wait_until_master(router, timeout_s=PATIENCE_S)
    for address in router.described.addresses:
        if router.kind == "frr":
            segment.answered_by(address, router)
        else:
            segment.served_by(address, router)


def leave(segment: Segment, leaving: Router, other: Router) -> None:
    """A planned stop: the other one waits for its skew time alone, and nobody is left behind."""
    start_ns = now_ns()
    leaving.stop()
    farewell = segment.adverts.wait_for(since_ns=start_ns, host=leaving.host.name, priority=0)
    taken = segment.adverts.wait_for(since_ns=farewell.received_ns, host=other.host.name)
    waited_s = (taken.received_ns - farewell.received_ns) / 1e9
    assert waited_s >= other.described.skew_s - _EARLY_S
    assert waited_s < 3 * other.described.interval_s, "it waited as if nothing had been said"
    serves(segment, other)
    assert not [each for each in leaving.described.addresses if leaving.holds(each)]


def die(segment: Segment, dying: Router, other: Router) -> int:
    """SIGKILL: the other one waits until the master is down; when it died, for a verdict since then."""
    start_ns = now_ns()
    dying.kill()
    taken = segment.adverts.wait_for(since_ns=start_ns, host=other.host.name)
    last = segment.adverts.heard(host=dying.host.name)[-1]
    waited_s = (taken.received_ns - last.received_ns) / 1e9
    assert waited_s >= other.described.master_down_s - _EARLY_S
    for address in other.described.addresses:
        segment.answered_by(address, other)
    return start_ns


def come_back(segment: Segment, returning: Router, other: Router) -> None:
    """It starts again and preempts; the other one yields and clients follow."""
    returning.start()
    serves(segment, returning)
    wait_until_backup(other)


def wait_until_backup(router: Router) -> None:
    """It runs, is no master any more and gave its addresses back. Raises AssertionError."""
    deadline = time.monotonic() + PATIENCE_S
    while router.is_master() or any(router.holds(each) for each in router.described.addresses):
        assert time.monotonic() < deadline, f"{router.host.name} did not yield\n{router.log_end()}"
        time.sleep(_POLL_S)
    assert router.is_running()


def both_answer(segment: Segment, since_ns: int) -> bool:
    """Whether two hosts answered for one address at once, after a while that would have shown it."""
    time.sleep(_SETTLE_S)
    return segment.doubles(since_ns).count > 0


def live(segment: Segment, higher: Router, lower: Router) -> int:
    """All of it in turn. Afterwards the higher one is dead and the lower one serves; since when."""
    elect(segment, higher, lower)
    leave(segment, higher, lower)
    come_back(segment, higher, lower)
    # The judge takes an address that comes back to a node within this time for one that two nodes have.
    time.sleep(RETURN_NS / 1e9)
    return die(segment, higher, lower)
