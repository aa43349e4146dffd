"""The cases that broke earlier wordings of the lease rules, each told by hand.

Every `advance` also checks that no two hosts answered at once, that epochs grew, and that nothing was held
past its deadline; see `Stage`.
"""

from __future__ import annotations

from tests.simulation.faults import (
    CommitKind,
    Cut,
    Freeze,
    HoldRequest,
    Kill,
    LoseReply,
    Phase,
    Reboot,
    Reload,
    StallWatch,
    Unfit,
    Wipe,
)
from tests.simulation.host import KEYS
from tests.simulation.stage import LEASE_MAX_S, TTL_S, VIP, Stage
from vipkeeper.config.timing_rules import longest_takeover_s

LONGEST_TAKEOVER_S = longest_takeover_s(LEASE_MAX_S)


def test_a_renewal_that_commits_after_another_nodes_claim_does_not_revive_the_vip() -> None:
    stage = Stage.opened()
    # The owner freezes with a renewal on its way. A claim does not touch the owner's lease record, so the
    # renewal commits after it; the thawed owner reads "committed" while that renewal's own time still runs.
    stage.ambush(CommitKind.RENEWAL, Phase.SENT, 0, HoldRequest(0.88 * TTL_S), Freeze(0, 0.89 * TTL_S))
    stage.advance(1.5 * TTL_S)
    assert stage.record().owner == "n1"
    assert stage.revision(KEYS.lease("n0")) > stage.revision(KEYS.vip(VIP))
    assert stage.who_answers() == 1
    assert [span.host for span in stage.spans()] == [0, 1]


def test_a_release_that_commits_late_after_the_releaser_gave_up_on_it() -> None:
    stage = Stage.opened()
    # The owner is unfit for a moment. Its release is unanswered, and so are its next ones; by the time the
    # first one reaches the store the owner is fit again and nobody else has come.
    for _ in range(4):
        stage.ambush(CommitKind.RELEASE, Phase.SENT, 0, HoldRequest(2.0))
    stage.strike(Unfit(0, 0, for_s=0.05))
    stage.advance(1.0)
    assert stage.who_answers() is None or stage.record().owner == f"n{stage.who_answers()}"
    stage.advance(2 * TTL_S)
    assert stage.record().owner == f"n{stage.who_answers()}"
    settled = stage.who_answers()
    stage.advance(5 * TTL_S)
    assert stage.who_answers() == settled


def test_a_release_that_commits_although_its_reply_is_lost() -> None:
    stage = Stage.opened()
    stage.ambush(CommitKind.RELEASE, Phase.SENT, 0, LoseReply())
    stage.strike(Unfit(0, 0, for_s=0.05))
    stage.advance(TTL_S)
    assert stage.who_answers() == 1
    assert [span.host for span in stage.spans()] == [0, 1]


def test_a_wiped_prefix_is_not_claimed_at_once() -> None:
    stage = Stage.opened(hosts=3)
    stage.strike(Cut(0, 3 * TTL_S))  # the owner serves on, unaware
    stage.strike(Kill(2, restart_after_s=0.1))  # one of the others has never seen the records
    wiped_s = stage.now_s
    stage.strike(Wipe())
    stage.advance(LONGEST_TAKEOVER_S + 3.0)
    assert stage.who_answers() is not None
    (began_s,) = [span.start_s for span in stage.spans()[1:]]
    assert began_s >= wiped_s + LONGEST_TAKEOVER_S


def test_a_prefix_wiped_before_a_challenger_saw_the_claim_is_not_claimed_at_once() -> None:
    stage = Stage(hosts=2)
    stage.advance(1.0)
    # It has seen nothing but an empty store, and so it seems when it reads again; only `cluster` is another.
    stage.strike(StallWatch(1, 60.0))
    stage.ambush(CommitKind.CLAIM, Phase.ANSWERED, 0, Wipe())
    stage.advance(2 * LONGEST_TAKEOVER_S + 3.0)
    first, *later = stage.spans()
    assert first.host == 0
    assert later
    assert later[0].start_s >= first.start_s + LONGEST_TAKEOVER_S


def test_a_ttl_lowered_while_owning_shortens_what_the_kernel_was_promised() -> None:
    stage = Stage.opened()
    stage.strike(Reload(0, ttl_s=2.0))
    stage.advance(TTL_S)
    assert stage.lease(0).ttl_ms == 2000
    # The renewal with the shorter lease commits, and the owner never runs again to hear of it.
    lowered_s = stage.now_s
    stage.strike(Reload(0, ttl_s=0.5))
    stage.ambush(CommitKind.RENEWAL, Phase.STORED, 0, Freeze(0, 4.0))
    stage.advance(1.0)
    assert stage.lease(0).ttl_ms == 500
    assert stage.who_answers() == 1
    assert stage.spans()[1].start_s < lowered_s + 1.0  # the longer lease would still have run


def test_the_same_node_after_a_reboot_is_a_stranger() -> None:
    stage = Stage.opened(hosts=1)
    rebooted_s = stage.now_s
    stage.strike(Reboot(0, down_s=0.0, keeps_run_directory=True))
    stage.advance(2 * LONGEST_TAKEOVER_S)
    assert stage.who_answers() == 0
    before, after = stage.spans()
    assert before.end_s == rebooted_s
    # It does not know which lease its former boot had, and that boot might live on in another machine.
    assert after.start_s >= rebooted_s + LONGEST_TAKEOVER_S
    assert stage.record().incarnation == "machine-0/boot-0-1/run"


def test_the_same_process_started_again_takes_its_own_back_at_once() -> None:
    stage = Stage.opened()
    stage.strike(Kill(0, restart_after_s=0.2 * TTL_S))
    stage.advance(3 * TTL_S)
    (only,) = stage.spans()
    assert only.host == 0
    assert stage.lease(0).seq.startswith("process-0-2")


def test_two_processes_in_one_run_directory_displace_each_other_and_nobody_else() -> None:
    stage = Stage.opened()
    second = stage.add_process(0)
    # Each confirms the record that names them both, and finds its own proof gone when the other did so: as
    # fast as they can, which is why this is not looked at for longer.
    stage.advance(TTL_S)
    assert not any(span.host == 1 for span in stage.spans())
    stage.world.kill(0, None)
    stage.advance(5 * TTL_S)
    assert second.holds(VIP)
    assert stage.who_answers() == 0
    second.freeze(5 * TTL_S, in_step=False)
    stage.advance(2 * TTL_S)
    assert stage.who_answers() == 1
    stage.advance(5 * TTL_S)
    assert stage.who_answers() == 1


def test_a_claim_that_commits_ten_seconds_late_finds_the_lease_renewed() -> None:
    stage = Stage.opened()
    stage.strike(Freeze(0, 3.0))
    # The challenger is unfit as soon as its claim has left, so it does not claim again.
    stage.ambush(CommitKind.CLAIM, Phase.SENT, 1, HoldRequest(10.0), Unfit(1, 0, for_s=30.0))
    stage.advance(5.0)
    assert stage.who_answers() == 0  # thawed, and confirmed by the store
    epoch = stage.record().epoch
    stage.advance(10.0)
    assert stage.record().epoch == epoch
    assert stage.who_answers() == 0


def test_a_claim_that_commits_ten_seconds_late_is_confirmed_before_it_is_acted_on() -> None:
    stage = Stage.opened()
    stage.strike(Kill(0, restart_after_s=60.0))
    # All that the challenger hears after its claim left is silence, until after the claim was carried out.
    stage.ambush(CommitKind.CLAIM, Phase.SENT, 1, HoldRequest(10.0))
    stage.ambush(CommitKind.CLAIM, Phase.SENT, 1, Unfit(1, 0, for_s=9.0))
    stage.advance(9.0 + 3.0)
    stage.advance(5.0)
    assert stage.record().owner == "n1"
    assert stage.who_answers() == 1
    assert stage.revision(KEYS.lease("n1")) > stage.revision(KEYS.vip(VIP))


def test_two_names_for_one_address_are_not_both_held() -> None:
    stage = Stage.opened(names=("first", "second"))
    stage.strike(Freeze(0, 3 * TTL_S))
    stage.advance(2 * TTL_S)
    assert stage.who_answers() == 1
    assert stage.record("first").owner is None
    assert stage.record("second").owner == "n1"
    stage.advance(5 * TTL_S)
    assert stage.who_answers() == 1
