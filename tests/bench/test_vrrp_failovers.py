"""vipkeeper against keepalived on the same segment, in turns: how long after a fault another host serves.

A fault comes at any time between two adverts, and what a backup waits for is counted from the last of them.
So a death and a cut are timed from the last advert on the wire; a leave from the client's first lost probe.
Of a killed keepalived a client may notice nothing: its kernel answers for ever, beside the next master.
Both kinds run at the niceness of our unit file, so that neither waits behind what else the machine has to do.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.bench.figures import ROUNDS, Figures, spread
from tests.interop import scenarios
from tests.interop.segment import PATIENCE_S, VIP4, Segment, make_segment
from tests.peers.keepalived import Keepalived
from tests.peers.process_tree import family_of
from tests.peers.vipkeeper import Vipkeeper
from tests.peers.virtual_router import Router, VirtualRouter
from vipkeeper.lab import faults
from vipkeeper.lab.observer import now_ns

pytestmark = [pytest.mark.root, pytest.mark.bench, pytest.mark.timeout(3600)]

ALLOWANCE_MS = 5.0
MAKERS = ("keepalived", "vipkeeper")
# A new master announces for 4.4 s.
SETTLED_S = 8.0
BOTH_ANSWER_S = 1.0
NICE = -10


@dataclass(frozen=True, slots=True)
class Failover:
    """One of them, in milliseconds."""

    outage: float  # of the client
    after_advert: float  # from the last advert of the one to the first service of the other
    stalled: float  # of the observer, within the outage
    doubles: int


@pytest.fixture(scope="module")
def segment() -> Iterator[Segment]:
    with make_segment(hosts=2) as made:
        yield made


@contextlib.contextmanager
def sigterm(segment: Segment, router: Router) -> Iterator[None]:
    del segment
    router.stop()
    yield


@contextlib.contextmanager
def sigkill(segment: Segment, router: Router) -> Iterator[None]:
    del segment
    router.kill()
    yield


@contextlib.contextmanager
def link_cut(segment: Segment, router: Router) -> Iterator[None]:
    with faults.cut_link(segment.network, router.host):
        yield


Fault = Callable[[Segment, Router], contextlib.AbstractContextManager[None]]


def fail_over(segment: Segment, maker: str, described: VirtualRouter, fault: Fault) -> Failover:
    """A pair is made, settles, and its master has the fault."""
    with segment.routers((maker, maker), described) as (master, backup):
        scenarios.elect(segment, master, backup)
        for router in (master, backup):
            _precede(router)
        time.sleep(SETTLED_S)
        scenarios.serves(segment, master)
        since_ns = now_ns()
        with fault(segment, master):
            segment.served_by(VIP4, backup)
            time.sleep(BOTH_ANSWER_S)
            doubles = segment.doubles(since_ns).count
        served_ns = _first_service(segment, backup, since_ns)
        outage = segment.outage(VIP4, since_ns)
        adverts = segment.adverts.heard(host=master.host.name)
        # A farewell is none: nobody waits for the next one after it.
        last_ns = max(each.received_ns for each in adverts if each.priority and each.received_ns < served_ns)
        assert outage.seconds < PATIENCE_S
        return Failover(outage.seconds * 1000, (served_ns - last_ns) / 1e6, outage.stalled_ns / 1e6, doubles)


def _precede(router: Router) -> None:
    assert isinstance(router, Keepalived | Vipkeeper)
    for pid in family_of(router.process.pid):
        os.setpriority(os.PRIO_PROCESS, pid, NICE)


def _first_service(segment: Segment, router: Router, since_ns: int) -> int:
    """When the first probe was sent that this router's host answered to a client."""
    recording = segment.observer.recording()
    return min(
        recording.rounds[answer.sequence].sent_ns
        for answer in recording.answers_for(VIP4, ("client",))
        if answer.who == router.host.name and answer.received_ns > since_ns
    )


@pytest.mark.parametrize("fault", [sigterm, sigkill, link_cut], ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("interval_ms", [1000, 100], ids=["1s", "100ms"])
def test_beside_keepalived(segment: Segment, figures: Figures, interval_ms: int, fault: Fault) -> None:
    described = VirtualRouter((VIP4,), interval_ms=interval_ms)
    seen: dict[str, list[Failover]] = {maker: [] for maker in MAKERS}
    for _ in range(ROUNDS):
        for maker in MAKERS:
            seen[maker].append(fail_over(segment, maker, described, fault))
    name = f"VRRP {interval_ms / 1000:g} s, {fault.__name__.replace('_', ' ')}: "
    _add(figures, f"{name}client outage", seen, lambda one: one.outage, judged=fault is sigterm)
    if fault is not sigterm:
        _add(figures, f"{name}last advert to next service", seen, lambda one: one.after_advert, judged=True)
    assert not [one for one in seen["vipkeeper"] if one.doubles], "two hosts answered at once"


def _add(
    figures: Figures,
    name: str,
    seen: dict[str, list[Failover]],
    measured: Callable[[Failover], float],
    *,
    judged: bool,
) -> None:
    """Both medians, ours against theirs of the same run, without rounds in which the observer stalled."""
    target = None
    for maker in MAKERS:
        clear = [one for one in seen[maker] if not one.stalled] or seen[maker]
        values = [measured(one) for one in clear]
        stalled, doubles = len(seen[maker]) - len(clear), sum(bool(one.doubles) for one in seen[maker])
        figures.add(
            f"{name}, {maker}",
            statistics.median(values),
            "ms p50",
            target=target,
            detail=f"{spread(values)}; {stalled} left out; both answered in {doubles}",
        )
        target = statistics.median(values) + ALLOWANCE_MS if judged else None
