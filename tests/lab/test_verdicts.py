"""What the judge concludes from a record, and beside each conclusion what must not cause it."""

from __future__ import annotations

import pytest

from vipkeeper.lab.verdicts import (
    FASTEST_MOVE_NS,
    IN_FLIGHT_NS,
    RETURN_NS,
    STALL_NS,
    Recording,
    double_answers,
    longest_outage,
    outages,
    strays,
)

VIP = "10.77.4.1"
MS = 1_000_000
TICK = 4 * MS
REPLY = MS // 5


class Script:
    """Writes a record: one round of probes every TICK, answered by whom the test names."""

    def __init__(self) -> None:
        self.recording = Recording((VIP,))
        self.sequence = 0
        self.clock_ns = 10**9

    def rounds(
        self,
        count: int,
        *who: str,
        reply_ns: int = REPLY,
        late_ns: int = 0,
        kinds: tuple[str, ...] = ("arp", "client"),
    ) -> int:
        """`count` rounds, each answered by all of `who`; when the first was sent."""
        first_ns = self.clock_ns
        for _ in range(count):
            self.clock_ns += late_ns
            self.recording.add_lines([f"T {self.sequence} {self.clock_ns} {late_ns} *"])
            self.recording.add_lines(
                f"A {kind} 0 {self.sequence} {node} {self.clock_ns + reply_ns}"
                for kind in kinds
                for node in who
            )
            self.sequence += 1
            self.clock_ns += TICK
        return first_ns

    def announce(self, node: str) -> None:
        self.recording.add_lines([f"A announce 0 0 {node} {self.clock_ns - TICK // 2}"])

    @property
    def doubles(self) -> int:
        return double_answers(self.recording).count


def test_one_owner_all_along_is_no_double_answer() -> None:
    script = Script()
    script.rounds(100, "node1")
    assert script.doubles == 0


def test_a_move_is_no_double_answer_even_without_a_gap() -> None:
    script = Script()
    script.rounds(100, "node1")
    script.rounds(100, "node2")
    assert script.doubles == 0


def test_two_answers_within_less_than_any_move_takes() -> None:
    script = Script()
    script.rounds(1, "node1", "node2")
    assert script.doubles == 4


def test_two_answers_to_one_round_that_a_stall_stretched_prove_nothing_but_are_told() -> None:
    script = Script()
    script.rounds(1, "node1", "node2", reply_ns=FASTEST_MOVE_NS + MS)
    verdict = double_answers(script.recording)
    assert (verdict.count, verdict.undecided) == (0, 4)


def test_two_nodes_that_answer_in_turns() -> None:
    script = Script()
    for _ in range(10):
        script.rounds(1, "node1")
        script.rounds(1, "node2")
    assert script.doubles == 18 * 2  # all but the first and the last round lie between two of the other


def test_an_old_owner_that_answers_once_more() -> None:
    script = Script()
    script.rounds(50, "node1")
    script.rounds(3, "node2")
    script.rounds(1, "node1")
    script.rounds(50, "node2")
    assert script.doubles == (3 + 1) * 2


def test_a_move_there_and_back_with_time_in_between_is_legitimate() -> None:
    script = Script()
    script.rounds(10, "node1")
    script.rounds(RETURN_NS // TICK + 1, "node2")
    script.rounds(10, "node1")
    assert script.doubles == 0


def test_an_answer_that_came_late_says_nothing_about_the_time_of_its_arrival() -> None:
    script = Script()
    script.rounds(10, "node1")
    # Asked before the move, and received after the new owner's first answers.
    script.recording.add_lines([f"A arp 0 {script.sequence - 1} node1 {script.clock_ns + 20 * MS}"])
    script.rounds(20, "node2")
    assert script.doubles == 0


def test_outage_from_the_first_lost_probe_to_the_next_answer() -> None:
    script = Script()
    script.rounds(50, "node1")
    start_ns = script.rounds(75)
    script.rounds(200, "node2")
    (outage,) = outages(script.recording, VIP)
    assert (outage.start_ns, outage.lost, outage.seconds, outage.stalled_ns) == (start_ns, 75, 0.3, 0)


def test_no_outage_is_one_of_length_zero() -> None:
    script = Script()
    script.rounds(200, "node1")
    assert longest_outage(script.recording, VIP).seconds == 0


def test_the_longest_of_several_outages() -> None:
    script = Script()
    for lost in (2, 30, 5):
        script.rounds(50, "node1")
        script.rounds(lost)
    script.rounds(200, "node1")
    assert longest_outage(script.recording, VIP).lost == 30


def test_an_outage_that_lasts_is_endless() -> None:
    script = Script()
    script.rounds(50, "node1")
    script.rounds(200)
    assert longest_outage(script.recording, VIP).seconds == float("inf")


def test_probes_still_in_flight_are_not_lost() -> None:
    script = Script()
    script.rounds(200, "node1")
    script.rounds(IN_FLIGHT_NS // TICK // 2)
    assert longest_outage(script.recording, VIP).lost == 0


def test_an_outage_tells_how_long_the_observer_itself_was_stalled() -> None:
    script = Script()
    script.rounds(50, "node1")
    script.rounds(2)
    script.rounds(1, late_ns=5 * STALL_NS)
    script.rounds(200, "node1")
    assert longest_outage(script.recording, VIP).stalled_ns == 5 * STALL_NS


@pytest.mark.parametrize(("kind", "lost"), [("arp", 0), ("client", 10)])
def test_an_outage_is_seen_by_the_kind_asked_for(kind: str, lost: int) -> None:
    script = Script()
    script.rounds(50, "node1")
    script.rounds(10, "node1", kinds=("arp",))
    script.rounds(200, "node1")
    assert longest_outage(script.recording, VIP, kinds=(kind,)).lost == lost


def test_only_rounds_that_asked_for_the_vip_count_for_it() -> None:
    recording = Recording((VIP, "10.77.4.2"))
    for sequence in range(1000):
        recording.add_lines(
            [
                f"T {sequence} {sequence * TICK} 0 {sequence % 2}",
                f"A client {sequence % 2} {sequence} node1 {sequence * TICK + REPLY}",
            ]
        )
    assert [longest_outage(recording, vip).lost for vip in recording.vips] == [0, 0]


def test_an_announcement_while_another_node_serves_is_a_stray() -> None:
    script = Script()
    script.rounds(10, "node2")
    script.announce("node1")
    script.rounds(10, "node2")
    assert [stray.who for stray in strays(script.recording, VIP)] == ["node1"]


def test_the_new_owners_announcement_is_no_stray() -> None:
    script = Script()
    script.rounds(10, "node2")
    script.announce("node1")
    script.rounds(10, "node1")
    assert strays(script.recording, VIP) == []


def test_what_was_forgotten_is_no_longer_judged() -> None:
    script = Script()
    script.rounds(10, "node1", "node2")
    script.rounds(10, "node1")
    late_ns = script.rounds(10, "node1")
    script.recording.forget_before(late_ns)
    script.recording.add_lines([f"A arp 0 1 node2 {script.clock_ns}"])  # a late answer to a forgotten round
    assert script.doubles == 0
    assert len(script.recording.rounds) == 10
    assert {answer.sequence for answer in script.recording.answers} == set(script.recording.rounds)
