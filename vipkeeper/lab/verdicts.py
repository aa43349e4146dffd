"""What a record of probes and answers proves: double answers, and outages.

Rules of this file: pure. An answer to a probe sent at S and received at R proves that its node had the VIP
at some instant between S and R, and nothing more. From that:

**Double answers.** A legitimate move from X to Y takes at least FASTEST_MOVE_NS: X's removal, a commit in
the store, Y's addition. And no legitimate course of events gives a VIP away and back within `RETURN_NS`:
a test that moves one back and forth waits longer than that. So these prove two owners at once:

- *at one instant*: X and Y both answered, and everything from the first of the two sendings to the last of
  the two receptions lies within FASTEST_MOVE_NS;
- *in between*: X answered (received before the probe to Y was sent), Y answered, and X answered a probe
  that was sent after Y's answer had been received, all within RETURN_NS. With two owners this happens at
  every round of probes, on both sides.

Each answer that takes part in such a proof as the second owner is counted once. Two answers to the same
round that prove neither, because a stall of this machine stretched them, are counted as undecided.

**Outage.** From the sending of the first probe that was never answered to the sending of the next one that
was, and how much of that time the observer itself was stalled.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass, field

FASTEST_MOVE_NS = 2_000_000
RETURN_NS = 1_000_000_000
# A probe sent so recently may still be answered.
IN_FLIGHT_NS = 300_000_000
# A round of probes that comes so late is a stall of the observer.
STALL_NS = 20_000_000

ASKED_KINDS = ("arp", "udp", "client")


@dataclass(frozen=True, slots=True)
class Round:
    """One round of probes. `vips` are numbers; None: all of them."""

    sequence: int
    sent_ns: int
    late_ns: int
    vips: frozenset[int] | None

    def asked(self, vip: int) -> bool:
        return self.vips is None or vip in self.vips


@dataclass(frozen=True, slots=True)
class Answer:
    kind: str
    vip: int
    sequence: int
    who: str
    received_ns: int


@dataclass(slots=True)
class Recording:
    """All that the observer wrote down so far; `vips` in the order of their numbers."""

    vips: tuple[str, ...]
    rounds: dict[int, Round] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)

    def add_lines(self, lines: Iterable[str]) -> None:
        """Take over lines of the observer's record, in order."""
        for line in lines:
            words = line.split()
            if words[0] == "T":
                vips = None if words[4] == "*" else frozenset(int(word) for word in words[4].split(","))
                sequence = int(words[1])
                self.rounds[sequence] = Round(sequence, int(words[2]), int(words[3]), vips)
            else:
                answer = Answer(words[1], int(words[2]), int(words[3]), words[4], int(words[5]))
                if self._is_kept(answer):
                    self.answers.append(answer)

    def forget_before(self, before_ns: int) -> None:
        """Drop rounds sent earlier, and the answers to them; keeps long observations small."""
        self.rounds = {each.sequence: each for each in self.rounds.values() if each.sent_ns >= before_ns}
        self.answers = [
            answer
            for answer in self.answers
            if self._is_kept(answer) and (answer.kind in ASKED_KINDS or answer.received_ns >= before_ns)
        ]

    def _is_kept(self, answer: Answer) -> bool:
        return answer.kind not in ASKED_KINDS or answer.sequence in self.rounds

    def answers_for(self, vip: str, kinds: tuple[str, ...] = ASKED_KINDS) -> list[Answer]:
        number = self.vips.index(vip)
        return [answer for answer in self.answers if answer.vip == number and answer.kind in kinds]

    def owners_between(self, vip: str, start_ns: int, end_ns: int) -> list[str]:
        """Who answered probes sent in that time, in the order of their first answer."""
        seen: dict[str, None] = {}
        for answer in self.answers_for(vip):
            if start_ns <= self.rounds[answer.sequence].sent_ns <= end_ns:
                seen.setdefault(answer.who)
        return list(seen)


@dataclass(frozen=True, slots=True)
class Proof:
    """An answer by `who` although another node had the VIP at the same time."""

    vip: str
    who: str
    other: str
    kind: str
    received_ns: int


@dataclass(frozen=True, slots=True)
class DoubleAnswers:
    proofs: tuple[Proof, ...]
    undecided: int
    rounds: int  # how many rounds of probes this was judged from

    @property
    def count(self) -> int:
        return len(self.proofs)


@dataclass(frozen=True, slots=True)
class Outage:
    """A time without service. `end_ns` is None when it still lasted at the end of the record."""

    start_ns: int
    end_ns: int | None
    lost: int
    stalled_ns: int

    @property
    def seconds(self) -> float:
        """Infinite when it did not end."""
        return float("inf") if self.end_ns is None else (self.end_ns - self.start_ns) / 1e9


@dataclass(frozen=True, slots=True)
class _Proven:
    """An instant of ownership lies between the two times."""

    sent_ns: int
    received_ns: int
    answer: Answer


def double_answers(recording: Recording) -> DoubleAnswers:
    """Every proof of two owners of one VIP at once, over the whole record."""
    proofs: list[Proof] = []
    undecided = 0
    by_vip_and_node: dict[int, dict[str, list[_Proven]]] = {}
    for answer in recording.answers:
        if answer.kind in ASKED_KINDS:
            proven = _Proven(recording.rounds[answer.sequence].sent_ns, answer.received_ns, answer)
            by_vip_and_node.setdefault(answer.vip, {}).setdefault(answer.who, []).append(proven)
    for vip, by_node in by_vip_and_node.items():
        if len(by_node) > 1:
            found, unclear = _judge_one(recording.vips[vip], by_node)
            proofs += found
            undecided += unclear
    proofs.sort(key=lambda proof: proof.received_ns)
    return DoubleAnswers(tuple(proofs), undecided, len(recording.rounds))


def _judge_one(vip: str, by_node: dict[str, list[_Proven]]) -> tuple[list[Proof], int]:
    proofs, undecided = [], 0
    timelines = {node: _Timeline(proven) for node, proven in by_node.items()}
    for node, each_proven in by_node.items():
        for proven in each_proven:
            others = [
                other
                for other, timeline in timelines.items()
                if other != node and (timeline.surrounds(proven) or timeline.meets(proven))
            ]
            if others:
                answer = proven.answer
                proofs.append(Proof(vip, node, others[0], answer.kind, answer.received_ns))
            else:
                undecided += any(
                    timeline.answered_round(proven) for other, timeline in timelines.items() if other != node
                )
    return proofs, undecided


class _Timeline:
    """One node's instants of ownership, searchable by time."""

    def __init__(self, proven: list[_Proven]) -> None:
        self._by_reception = sorted(proven, key=lambda each: each.received_ns)
        self._receptions = [each.received_ns for each in self._by_reception]
        self._sendings = sorted(each.sent_ns for each in proven)
        self._rounds = {each.answer.sequence for each in proven}

    def surrounds(self, other: _Proven) -> bool:
        """This node had the VIP before and again after the other's instant, within RETURN_NS."""
        before = bisect.bisect_left(self._receptions, other.sent_ns) - 1
        after = bisect.bisect_right(self._sendings, other.received_ns)
        if before < 0 or after == len(self._sendings):
            return False
        return self._sendings[after] - self._receptions[before] <= RETURN_NS

    def meets(self, other: _Proven) -> bool:
        """This node had the VIP within FASTEST_MOVE_NS of the other's instant."""
        first = bisect.bisect_left(self._receptions, other.received_ns - FASTEST_MOVE_NS)
        for mine in self._by_reception[first:]:
            if mine.received_ns > other.sent_ns + FASTEST_MOVE_NS:
                return False
            span = max(mine.received_ns, other.received_ns) - min(mine.sent_ns, other.sent_ns)
            if span <= FASTEST_MOVE_NS:
                return True
        return False

    def answered_round(self, other: _Proven) -> bool:
        return other.answer.sequence in self._rounds


def outages(
    recording: Recording,
    vip: str,
    *,
    from_ns: int = 0,
    to_ns: int | None = None,
    kinds: tuple[str, ...] = ("client",),
) -> list[Outage]:
    """Every time without an answer of one of the kinds, for probes sent between the two times."""
    number = recording.vips.index(vip)
    answered = {
        answer.sequence for answer in recording.answers if answer.vip == number and answer.kind in kinds
    }
    rounds = sorted(recording.rounds.values(), key=lambda each: each.sent_ns)
    if not rounds:
        return []
    last_ns = rounds[-1].sent_ns - IN_FLIGHT_NS if to_ns is None else to_ns
    found: list[Outage] = []
    start_ns, lost, stalled_ns = 0, 0, 0
    for each in rounds:
        if not from_ns <= each.sent_ns <= last_ns or not each.asked(number):
            continue
        stall_ns = each.late_ns if each.late_ns > STALL_NS else 0
        if each.sequence in answered:
            if lost:
                found.append(Outage(start_ns, each.sent_ns, lost, stalled_ns + stall_ns))
            lost, stalled_ns = 0, 0
        else:
            start_ns = start_ns if lost else each.sent_ns
            stalled_ns += stall_ns if lost else 0
            lost += 1
    if lost:
        found.append(Outage(start_ns, None, lost, stalled_ns))
    return found


def longest_outage(
    recording: Recording,
    vip: str,
    *,
    from_ns: int = 0,
    to_ns: int | None = None,
    kinds: tuple[str, ...] = ("client",),
) -> Outage:
    """The longest of them; one of length 0 when every probe was answered."""
    found = outages(recording, vip, from_ns=from_ns, to_ns=to_ns, kinds=kinds)
    return max(found, key=lambda outage: outage.seconds, default=Outage(from_ns, from_ns, 0, 0))


def strays(recording: Recording, vip: str) -> list[Answer]:
    """Announcements by a node while another one kept answering: they turn clients to the wrong node."""
    answers = recording.answers_for(vip)
    found = []
    for said in recording.answers_for(vip, ("announce",)):
        others = [answer for answer in answers if answer.who != said.who]
        before = any(0 <= said.received_ns - answer.received_ns <= RETURN_NS for answer in reversed(others))
        after = any(
            0 < recording.rounds[answer.sequence].sent_ns - said.received_ns <= RETURN_NS for answer in others
        )
        if before and after:
            found.append(said)
    return found
