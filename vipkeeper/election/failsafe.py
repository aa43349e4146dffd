"""The owner's side of failsafe: while the store does not confirm the lease, ask everybody who could claim.

Rules of this file: a question is about all VIPs whose records name us, and counts from the moment before it
leaves; it asks for no more than the shortest lease that may be written down, so that a node that forgets its
promise with a reboot waits as long for the lease; only a promise that repeats all of the question counts,
and only while the lease still runs (the machine looks at the deadline first).
"""

from __future__ import annotations

import math

from vipkeeper.config.timing_rules import takeover_after_s
from vipkeeper.election.effects import Effect, Noticed, Tell
from vipkeeper.election.electorate import Electorate
from vipkeeper.election.events import Now
from vipkeeper.election.own_lease import Hold
from vipkeeper.election.state import ElectionState
from vipkeeper.model.messages import Ask, Promise, Refusal, RefusedBecause, digest_of
from vipkeeper.model.reasons import Reason


class Failsafe:
    """Asks for promises, and counts them."""

    def __init__(self, state: ElectionState, electorate: Electorate) -> None:
        self._state = state
        self._electorate = electorate
        self._ask_at_s = 0.0
        self._last_asked_ms = 0
        self._on_promises = False
        self._asked = False  # since the store last confirmed the lease
        self._silent: frozenset[str] = frozenset()  # asked, and not heard of since the store fell silent
        self.refusals: dict[str, str] = {}  # by node: why it did not promise, when asked last

    def next_deadline(self) -> float | None:
        """When to ask, if the store stays silent."""
        due_s = self._due_s()
        return None if due_s is None else max(due_s, self._ask_at_s)

    def act(self, now: Now) -> list[Effect]:
        """Ask when it is time, and say so when the VIPs begin or cease to be held by promises."""
        effects = self._notice(now)
        due_s = self._due_s()
        if due_s is None or now.boot_s < max(due_s, self._ask_at_s):
            return effects
        return effects + self._ask(now)

    def hear(self, message: Promise | Refusal, now: Now) -> None:
        """An answer to one of our questions."""
        hold = next((each for each in self._state.lease.holds if each.nonce == message.nonce), None)
        if hold is None or message.sender not in hold.asked:
            return
        self._silent -= {message.sender}
        if isinstance(message, Refusal):
            self.refusals[message.sender] = message.because.value
            self._electorate.showed_life(message.sender, message.process, now)
            if message.because is RefusedBecause.STARTED_ANEW:
                self._ask_at_s = now.boot_s  # now we know whom to ask
        elif (message.incarnation, message.units, message.hold_ms) == (
            self._state.settings.incarnation,
            hold.units,
            hold.hold_ms,
        ):
            hold.promised_by.add((message.sender, message.by))
            self.refusals.pop(message.sender, None)

    def _due_s(self) -> float | None:
        state = self._state
        running, timing = state.lease.running, state.settings.timing
        if running is None or not timing.failsafe or not state.holding:
            return None
        if state.view.complete_since_s is None:
            return None
        return running.sent_at_s + timing.ask_after_s

    def _ask(self, now: Now) -> list[Effect]:
        state = self._state
        lease, settings, view = state.lease, state.settings, state.view
        for_s = min(write.ttl_s for write in lease.writes)
        owned = view.owned_by_incarnation(settings.node, settings.incarnation)
        hold = Hold(
            nonce=state.fresh_id(),
            asked_at_s=now.boot_s,
            for_s=for_s,
            fence=settings.fence,
            hold_ms=math.ceil(takeover_after_s(for_s, settings.fence) * 1000),
            names=frozenset(name for name, _ in owned),
            units=digest_of(owned),
            asked=frozenset(node for node, _ in lease.electorate),
        )
        lease.asking(hold, now.boot_s)
        if not self._asked:
            self._asked, self._silent = True, hold.asked
            self.refusals.clear()
        self._ask_at_s = now.boot_s + settings.timing.ask_every_s
        self._last_asked_ms = max(self._last_asked_ms + 1, round(now.boot_s * 1000))
        return [
            Tell(info.failsafe, self._question(hold, node))
            for node in sorted(hold.asked)
            if (info := view.info(node)) is not None and info.failsafe
        ]

    def _question(self, hold: Hold, node: str) -> Ask:
        settings = self._state.settings
        return Ask(
            sender=settings.node,
            to=node,
            nonce=hold.nonce,
            incarnation=settings.incarnation,
            units=hold.units,
            hold_ms=hold.hold_ms,
            asked_ms=self._last_asked_ms,
            process=self._electorate.process_of(node),
        )

    def _notice(self, now: Now) -> list[Effect]:
        lease = self._state.lease
        by = lease.promised_by(now.boot_s)
        before, self._on_promises = self._on_promises, by is not None
        if by is not None and not before:
            names = sorted(node for node, _ in by)
            whose = f"by {', '.join(names)}" if names else "no other node is known to live"
            return [Noticed(Reason.HELD_ON_PROMISES, whose)]
        if by is not None or not self._asked:
            return []
        if lease.running is None:
            self._asked = False
            return [Noticed(Reason.NO_PROMISE, self._why_no_promise())]
        if now.boot_s >= lease.running.sent_at_s + self._state.settings.timing.ask_after_s:
            return []
        self._asked = False
        return [Noticed(Reason.CONFIRMED_AGAIN, "")] if before else []

    def _why_no_promise(self) -> str:
        """What each node said that was asked and did not promise; most of the time, nothing."""
        said = {**dict.fromkeys(self._silent, "no answer"), **self.refusals}
        return "; ".join(f"{node}: {text}" for node, text in sorted(said.items())) or "nobody was asked"
