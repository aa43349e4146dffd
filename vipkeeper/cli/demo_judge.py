"""What an observer saw of a scene of the demonstration, told and kept.

Rules of this file: the observer alone is asked, never a router's or an agent's word for it.
"""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import dataclass, field

from vipkeeper.cli.demo_screen import Screen, timeline
from vipkeeper.lab.observer import Observer, now_ns
from vipkeeper.lab.verdicts import Recording, double_answers, longest_outage
from vipkeeper.model.errors import VipkeeperError

# What is shown of the time before and after; also lets probes in flight come back.
_AROUND_S = 0.7
# What is older says nothing about the end of a record.
_AT_THE_END_NS = 250_000_000


class DemoFailed(VipkeeperError):
    """Something that was shown did not happen as it must; the message says what."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What an observer saw of one scene; the outage is the longest over all addresses."""

    scene: str
    owner: str
    successor: str
    outage_s: float
    lost: int
    double: int
    double_by_owner: int  # of these, the ones that the owner had a part in
    stalled_s: float


def length(outage_s: float) -> str:
    """For people. One that still lasts is infinite."""
    return "all that was seen" if math.isinf(outage_s) else f"{outage_s * 1000:.0f} ms"


@dataclass(slots=True)
class Judge:
    """The observer of some nodes, and where the narrative goes."""

    observer: Observer
    screen: Screen
    nodes: tuple[str, ...]
    measured: list[Measured] = field(default_factory=list)

    @property
    def vip(self) -> str:
        return self.observer.vips[0]

    def answering_node(self, *, timeout_s: float) -> str:
        """Who answers, as soon as anybody does. Raises DemoFailed."""
        try:
            return self.observer.wait_until_answered(self.vip, timeout_s=timeout_s)
        except TimeoutError as error:
            raise DemoFailed(f"nobody answers: {error}") from error

    def wait_for_takeover(self, former: str, *, timeout_s: float) -> None:
        """Until another node answers for every address. Raises DemoFailed."""
        try:
            for vip in self.observer.vips:
                self.observer.wait_until_answered(vip, not_by=former, timeout_s=timeout_s)
        except TimeoutError as error:
            raise DemoFailed(f"nobody took over: {error}") from error

    def measure(self, scene: str, former: str, started_ns: int) -> Measured:
        """Judge the time since the scene began, tell it, keep it."""
        time.sleep(_AROUND_S)
        recording = self.observer.recording()
        outages = [longest_outage(recording, vip, from_ns=started_ns) for vip in self.observer.vips]
        outage = max(outages, key=lambda each: each.seconds)
        proofs = [each for each in double_answers(recording).proofs if each.received_ns >= started_ns]
        measured = Measured(
            scene=scene,
            owner=former,
            successor=" and ".join(self._answering(recording)) or "nobody",
            outage_s=outage.seconds,
            lost=outage.lost,
            double=len(proofs),
            double_by_owner=sum(former in {proof.who, proof.other} for proof in proofs),
            stalled_s=outage.stalled_ns / 1e9,
        )
        self.measured.append(measured)
        around_ns = round(_AROUND_S * 1e9)
        signs, sign_ms = timeline(recording, self.vip, self.nodes, started_ns - around_ns, now_ns())
        self.screen.strip(signs, sign_ms)
        self._tell(measured)
        return measured

    def show_table(self) -> None:
        """All scenes so far."""
        self.screen.table(
            ("what happened", "owner", "then", "no service", "probes lost", "double answers"),
            [
                (
                    measured.scene,
                    measured.owner,
                    measured.successor,
                    length(measured.outage_s),
                    str(measured.lost),
                    str(measured.double),
                )
                for measured in self.measured
            ],
        )

    def _answering(self, recording: Recording) -> list[str]:
        """Everybody who answered for the first address at the end of the record."""
        end_ns = max((asked.sent_ns for asked in recording.rounds.values()), default=0)
        recent = itertools.takewhile(
            lambda each: each.received_ns >= end_ns - _AT_THE_END_NS, reversed(recording.answers)
        )
        return sorted({answer.who for answer in recent if answer.vip == 0})

    def _tell(self, measured: Measured) -> None:
        outage = "no probe lost" if not measured.lost else f"no service for {length(measured.outage_s)}"
        verb = "answer" if " " in measured.successor else "answers"
        self.screen.say(f"{measured.successor} {verb}; {outage}; double answers: {measured.double}")
        if measured.stalled_s:
            self.screen.say(
                f"(this machine stalled the observer itself for {measured.stalled_s:.2f} s of it)"
            )
