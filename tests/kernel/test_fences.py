"""Each packet fence against a neighbour that asks all the time: who answers, and until when."""

from __future__ import annotations

import contextlib
import json
import signal

import pytest

from tests.kernel.owner_process import UNIT, WITHOUT_BPF, Owner, start_owner
from tests.kernel.prober import Prober
from tests.kernel_segment.segment import INTERFACE, Segment, run_inside, until
from vipkeeper.agent.clocks import boot_s
from vipkeeper.config.timing_rules import FENCE_LATENCY_S
from vipkeeper.kernel.nftables_fence import NftablesFence
from vipkeeper.model.errors import KernelRefused
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.host import CLOSED_S

pytestmark = pytest.mark.root

VIP4, VIP6 = "10.9.1.1", "fd09::1:1"
SECOND4 = "10.9.1.2"
HOSTS_OWN = {VIP4: "10.9.0.1", VIP6: "fd09::1"}
BOTH = {"who has", "echo"}
TAKE_ALL = "1,6 0 0 4294967295"  # classic BPF: one instruction, return everything
AFTER_S = 0.6  # how long silence is watched
LONG_S = 60.0

packet_fences = pytest.mark.parametrize(
    "kind", [FenceKind.BPF, FenceKind.NFTABLES], ids=lambda kind: kind.value
)
families = pytest.mark.parametrize("vip", [VIP4, VIP6], ids=["ipv4", "ipv6"])


def assert_silent_after(prober: Prober, kind: FenceKind, deadline_s: float) -> None:
    """Questions were asked after the deadline, and none of them was answered."""
    until(lambda: boot_s() > deadline_s)
    asked_s = prober.wait_until_asked(AFTER_S)
    assert prober.answered_between(deadline_s + FENCE_LATENCY_S[kind], asked_s + LONG_S) == set()


def hold_and_see(owner: Owner, prober: Prober, length_s: float) -> float:
    """Hold the prober's address for so long, and see it answer. The deadline."""
    owner.hold({prober.address: boot_s() + LONG_S})
    prober.wait_until_answered()
    deadline_s = boot_s() + length_s
    owner.set_deadlines({prober.address: deadline_s})
    return deadline_s


@packet_fences
@families
@pytest.mark.parametrize("fault", [signal.SIGSTOP, signal.SIGKILL], ids=lambda fault: fault.name)
def test_nobody_answers_after_the_deadline(
    segment: Segment, kind: FenceKind, vip: str, fault: signal.Signals
) -> None:
    with (
        start_owner(segment.ours, kind) as owner,
        Prober(segment, vip) as prober,
        Prober(segment, HOSTS_OWN[vip]) as other,
    ):
        deadline_s = hold_and_see(owner, prober, 0.7)
        owner.signal(fault)
        assert_silent_after(prober, kind, deadline_s)
        assert prober.answered_between(deadline_s - 0.6, deadline_s) == BOTH, "it answered while it might"
        other.wait_until_answered()
        other.assert_all_answered(deadline_s - 0.5, boot_s())  # other traffic is not touched


@packet_fences
@families
def test_a_write_that_comes_after_the_deadline_revives_nothing(
    segment: Segment, kind: FenceKind, vip: str
) -> None:
    with start_owner(segment.ours, kind) as owner, Prober(segment, vip) as prober:
        hold_and_see(owner, prober, 0.5)
        later_s = boot_s() + 0.8
        owner.set_deadlines_frozen({vip: later_s})
        until(lambda: boot_s() > later_s + 0.1)
        owner.finish_frozen()
        assert_silent_after(prober, kind, later_s)


@packet_fences
@families
def test_a_write_that_comes_late_opens_for_no_longer(segment: Segment, kind: FenceKind, vip: str) -> None:
    """The element still runs when the write comes: a timeout counted from then would be a second too long."""
    with start_owner(segment.ours, kind) as owner, Prober(segment, vip) as prober:
        earlier_s = hold_and_see(owner, prober, 4.0)
        later_s = boot_s() + 2.5
        owner.set_deadlines_frozen({vip: later_s})
        until(lambda: boot_s() > later_s - 1.5)
        assert boot_s() < earlier_s, "this machine was too busy for the test"
        owner.finish_frozen()
        assert_silent_after(prober, kind, later_s)


@packet_fences
@families
@pytest.mark.parametrize("capabilities", [UNIT, ""], ids=["as the unit grants", "root"])
def test_a_restart_within_the_lease_loses_no_question(
    segment: Segment, kind: FenceKind, vip: str, capabilities: str
) -> None:
    with contextlib.ExitStack() as stack:
        prober = stack.enter_context(Prober(segment, vip))
        owner = stack.enter_context(start_owner(segment.ours, kind, capabilities=capabilities))
        hold_and_see(owner, prober, LONG_S)
        start_s = boot_s()
        owner.signal(signal.SIGKILL)
        owner = stack.enter_context(start_owner(segment.ours, kind, capabilities=capabilities))
        assert owner.note == ""
        assert owner.deadlines()[vip] > boot_s()
        prober.wait_until_answered()
        deadline_s = boot_s() + 3.0
        owner.hold({vip: deadline_s})
        prober.wait_until_answered()
        end_s = min(boot_s(), deadline_s - 0.5)
        prober.assert_all_answered(start_s, end_s)
        assert_silent_after(prober, kind, deadline_s)


@packet_fences
def test_a_restart_alone_extends_nothing(segment: Segment, kind: FenceKind) -> None:
    with contextlib.ExitStack() as stack:
        prober = stack.enter_context(Prober(segment, VIP4))
        owner = stack.enter_context(start_owner(segment.ours, kind))
        deadline_s = hold_and_see(owner, prober, 3.0)
        owner.signal(signal.SIGKILL)
        stack.enter_context(start_owner(segment.ours, kind))
        assert_silent_after(prober, kind, deadline_s)


def test_earlier_filters_stay_until_every_address_is_decided(segment: Segment) -> None:
    kind = FenceKind.BPF
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(Prober(segment, VIP4))
        second = stack.enter_context(Prober(segment, SECOND4))
        owner = stack.enter_context(start_owner(segment.ours, kind))
        hold_and_see(owner, first, LONG_S)
        hold_and_see(owner, second, LONG_S)
        deadline_s = boot_s() + 4.0
        owner.set_deadlines({VIP4: deadline_s, SECOND4: deadline_s})
        owner.signal(signal.SIGKILL)
        owner = stack.enter_context(start_owner(segment.ours, kind))
        owner.set_deadlines({VIP4: boot_s() + LONG_S})
        assert_silent_after(second, kind, deadline_s)
        owner.set_deadlines({SECOND4: CLOSED_S})
        first.wait_until_answered()
        asked_s = second.wait_until_asked(AFTER_S)
        assert second.answered_between(deadline_s + FENCE_LATENCY_S[kind], asked_s + LONG_S) == set()


def test_after_many_processes_without_a_decision_all_is_closed(segment: Segment) -> None:
    with start_owner(segment.ours, FenceKind.BPF) as owner:
        owner.hold({VIP4: boot_s() + LONG_S})
    for _ in range(7):
        with start_owner(segment.ours, FenceKind.BPF) as owner:
            assert owner.deadlines()[VIP4] > boot_s(), "still guarded by the first"
    with start_owner(segment.ours, FenceKind.BPF) as owner:
        assert owner.deadlines() == {VIP4: CLOSED_S}
    shown = segment.ours.run("tc", "filter", "show", "dev", INTERFACE, "egress")
    assert shown.count("direct-action") == 1


def test_an_interface_without_the_earlier_filter_closes_what_it_guarded(segment: Segment) -> None:
    with start_owner(segment.ours, FenceKind.BPF) as owner:
        owner.hold({VIP4: boot_s() + LONG_S})
    with start_owner(segment.ours, FenceKind.BPF) as owner:
        segment.ours.run("tc", "qdisc", "del", "dev", INTERFACE, "clsact")
        assert owner.restore() == [INTERFACE]
        assert owner.deadlines() == {VIP4: CLOSED_S}
    segment.ours.run("tc", "qdisc", "del", "dev", INTERFACE, "clsact")
    with start_owner(segment.ours, FenceKind.BPF) as owner:
        assert owner.deadlines() == {VIP4: CLOSED_S}


def test_a_filter_of_ours_that_guards_nothing_is_taken_away(segment: Segment) -> None:
    """It would drop what it knows as soon as its own deadlines have passed."""
    with (
        start_owner(segment.ours, FenceKind.BPF) as former,
        start_owner(segment.ours, FenceKind.BPF) as owner,
    ):
        assert former.restore() == [INTERFACE], "as if it had been left by an interrupted handover"
        assert owner.restore() == [INTERFACE]
        assert owner.restore() == []
    shown = segment.ours.run("tc", "filter", "show", "dev", INTERFACE, "egress")
    assert shown.count("direct-action") == 1


@packet_fences
def test_an_address_without_an_entry_is_not_touched(segment: Segment, kind: FenceKind) -> None:
    segment.ours.configure(f"address add {SECOND4}/32 dev {INTERFACE}")
    with start_owner(segment.ours, kind) as owner, Prober(segment, SECOND4) as prober:
        start_s = boot_s()
        owner.hold({VIP4: boot_s() + LONG_S})
        owner.set_deadlines({VIP4: CLOSED_S})
        prober.wait_until_answered()
        end_s = boot_s()
        prober.assert_all_answered(start_s, end_s)


def test_filters_of_others_stay_and_see_what_passes(segment: Segment) -> None:
    segment.ours.run("tc", "qdisc", "add", "dev", INTERFACE, "clsact")
    theirs = ("dev", INTERFACE, "ingress", "pref", "7", "protocol", "all", "bpf", "bytecode", TAKE_ALL)
    segment.ours.run("tc", "filter", "add", *theirs)
    with start_owner(segment.ours, FenceKind.BPF) as owner, Prober(segment, VIP4) as prober:
        deadline_s = hold_and_see(owner, prober, 0.3)
        assert_silent_after(prober, FenceKind.BPF, deadline_s)
    shown = segment.ours.run("tc", "-s", "filter", "show", "dev", INTERFACE, "ingress")
    assert "pref 7 bpf" in shown
    assert "vipkeeper" in shown
    with start_owner(segment.ours, FenceKind.NFTABLES):
        shown = segment.ours.run("tc", "filter", "show", "dev", INTERFACE, "ingress")
        assert "pref 7 bpf" in shown
        assert "vipkeeper" not in shown, "the other fence is in force now"


@packet_fences
def test_a_fence_put_back_is_in_force(segment: Segment, kind: FenceKind) -> None:
    with start_owner(segment.ours, kind) as owner, Prober(segment, VIP4) as prober:
        deadline_s = hold_and_see(owner, prober, 1.5)
        if kind is FenceKind.BPF:
            segment.ours.run("tc", "qdisc", "del", "dev", INTERFACE, "clsact")
            assert owner.restore() == [INTERFACE]
        else:
            # The kernel lets nobody else delete an owned table (Linux 6.9); before, it is put back.
            segment.ours.run("sh", "-c", "nft delete table netdev vipkeeper || true")
            if owner.restore():
                owner.set_deadlines({VIP4: deadline_s})
        assert_silent_after(prober, kind, deadline_s)


def test_without_the_capability_for_programs_the_next_fence_holds(segment: Segment) -> None:
    allowed = (FenceKind.BPF, FenceKind.NFTABLES)
    with (
        start_owner(segment.ours, *allowed, capabilities=WITHOUT_BPF) as owner,
        Prober(segment, VIP4) as prober,
    ):
        assert owner.kind is FenceKind.NFTABLES
        assert "CAP_BPF" in owner.note
        deadline_s = hold_and_see(owner, prober, 0.5)
        assert_silent_after(prober, FenceKind.NFTABLES, deadline_s)


def test_a_table_that_anybody_may_delete_is_put_back(segment: Segment) -> None:
    """As on a kernel before 6.9: the table was made without an owner."""
    kind = FenceKind.NFTABLES
    segment.ours.run("nft", "add", "table", "netdev", "vipkeeper")
    with start_owner(segment.ours, kind) as owner, Prober(segment, VIP4) as prober:
        hold_and_see(owner, prober, LONG_S)
        segment.ours.run("nft", "flush", "ruleset")
        deadline_s = boot_s() + 1.5
        owner.set_deadlines({VIP4: deadline_s})
        assert owner.restore() == [INTERFACE]
        segment.ours.run("nft", "flush", "chain", "netdev", "vipkeeper", _chains(segment)[0])
        assert owner.restore() == [INTERFACE]
        assert owner.restore() == []
        assert_silent_after(prober, kind, deadline_s)


def _chains(segment: Segment) -> list[str]:
    listed = json.loads(segment.ours.run("nft", "-j", "list", "chains"))["nftables"]
    return [entry["chain"]["name"] for entry in listed if "chain" in entry]


def test_a_table_in_use_is_left_to_its_owner(segment: Segment) -> None:
    with start_owner(segment.ours, FenceKind.NFTABLES) as owner:
        owner.hold({VIP4: boot_s() + LONG_S})
        # A table with an owner that it outlives: from Linux 6.9 on.
        if "owner" in segment.ours.run("nft", "list", "table", "netdev", "vipkeeper"):
            with pytest.raises(KernelRefused, match="belongs to another process"):
                run_inside(segment.ours, lambda: NftablesFence(boot_s, ()))
        assert owner.deadlines()[VIP4] > boot_s()
