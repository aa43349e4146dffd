"""Negative controls of failsafe: each leaves out one rule of it. See controls.py."""

from __future__ import annotations

from tests.simulation.controls import Control
from tests.simulation.verdict import HELD_LATE

_CLAIMS = "vipkeeper/election/claim_rules.py"
_FAILSAFE = "vipkeeper/election/failsafe.py"
_LEASE = "vipkeeper/election/own_lease.py"
_MACHINE = "vipkeeper/election/machine.py"
_PROMISES = "vipkeeper/election/promises.py"
_RULES = "vipkeeper/election/record_rules.py"
_VIEW = "vipkeeper/election/view.py"
_INCARNATIONS = "vipkeeper/model/incarnations.py"

FAILSAFE_CONTROLS = (
    Control(
        "a majority of promises is enough",
        _LEASE,
        "    if not write.electorate <= hold.promised_by or hold.for_s > write.ttl_s:\n",
        "    if 2 * len(hold.promised_by) < len(write.electorate) or hold.for_s > write.ttl_s:\n",
        plot="outage_seen_by_some",
    ),
    Control(
        "a write that may have committed needs no promises",
        _LEASE,
        "        return () if self.running is None else (self.running, *self.uncertain)\n",
        "        return () if self.running is None else (self.running,)\n",
        plot="joiner_in_doubt",
    ),
    Control(
        "a promise counts from the answer",
        _FAILSAFE,
        "            hold.promised_by.add((message.sender, message.by))\n",
        "            hold.promised_by.add((message.sender, message.by))\n"
        "            hold.asked_at_s = now.boot_s\n",
        plot="late_promises",
    ),
    Control(
        "a promise is asked for longer than the lease",
        _FAILSAFE,
        "        for_s = min(write.ttl_s for write in lease.writes)\n",
        "        for_s = 3 * min(write.ttl_s for write in lease.writes)\n",
        # A second break, or the first would only make the promise void.
        also=(
            (_LEASE, " or hold.for_s > write.ttl_s:\n", ":\n"),
            (
                _PROMISES,
                "if ask.hold_ms / 1000 > longest_takeover_s",
                "if ask.hold_ms / 4000 > longest_takeover_s",
            ),
        ),
        plot="promiser_struck",
    ),
    Control(
        "a node claims what it promised not to claim",
        _RULES,
        "        if now.boot_s < max(rule.at_s, promised_s):\n",
        "        if now.boot_s < rule.at_s:\n",
        plot="promiser_sees_the_store_again",
    ),
    Control(
        "an earlier process's promises are forgotten",
        _PROMISES,
        "        for kept in state.settings.earlier_promises:\n",
        "        for kept in ():\n",
        plot="promised_then_restored",
    ),
    Control(
        "whoever is outside the electorate waits no longer",
        _CLAIMS,
        "        outside = lease.outsiders_ms > 0 and ",
        "        outside = False and ",
        plot="outsider_sees_the_store",
    ),
    Control(
        "an owner lives on promises for ever",
        _LEASE,
        "    return Ends(min(mine.deadline_s, outer.deadline_s), ",
        "    return mine if outer else Ends(mine.deadline_s, ",
        plot="outsider_sees_the_store",
    ),
    Control(
        "an outsider forgets that it is one when the records are gone",
        _VIEW,
        "            self.vanished_until_s = max(self.vanished_until_s, until_s)\n",
        "",
        plot="outsider_finds_the_store_wiped",
    ),
    Control(
        "promises that come after the deadline count",
        _MACHINE,
        "        self._expire(now)\n",
        "        if not isinstance(event, MessageHeard):\n            self._expire(now)\n",
        plot="asked_while_claiming",
        breaks=HELD_LATE,
    ),
    Control(
        "a namesake may claim by another's place in the electorate",
        _INCARNATIONS,
        "    return named is not None and (named == ours or ended_with_its_boot(named, ours))\n",
        "    return named is not None\n",
        plot="namesake_alone_with_the_store",
    ),
)
