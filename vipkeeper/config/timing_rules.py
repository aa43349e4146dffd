"""Every timing that safety or failover time depends on, as named inequalities.

Rules of this file: pure arithmetic; seconds; each figure says where it comes from.

The argument, in one place. An owner sends a renewal at S on its own clock. It may serve until
`S + ttl - margin` by its own decision and until `S + ttl` by the kernel's (the fence). A challenger that
received the same renewal at R >= S claims at `R + ttl + margin` on its own clock at the earliest, and only
if the store proves that no newer renewal exists. Clocks may run at rates that differ from true time by
RHO each: T on the owner's slow clock lasts T / (1 - RHO), and the challenger's fast clock counts that as
T * (1 + RHO) / (1 - RHO). The kernel's fence acts at most its latency late, in true time. Hence
margin >= T * 2 * RHO / (1 - RHO) + latency * (1 + RHO), for each interval separately.

A promise is the same with other messengers. An owner that asked at S for `hold = takeover_after_s(T)` may
serve until `S + T - margin`; a node that heard it at R >= S claims at `R + hold` at the earliest. T is never
longer than the lease, so a node that forgot its promise by a reboot waits as long for the lease itself.
"""

from __future__ import annotations

import functools
import math

import msgspec

from vipkeeper.model.fences import FenceKind

# Assumed bound on |rate - 1| of each CLOCK_BOOTTIME. NTP slews by at most 500 ppm; 0.1 % is twice that.
RHO = 0.001
# By how much of an interval the fastest clock runs ahead of the slowest one, in the fastest one's seconds.
DRIFT = 2 * RHO / (1 - RHO)

# How late each fence may act. bpf: +0.02 ms measured, 2 ms for a packet already past it; nftables: two
# jiffies at HZ=100; lifetime: see `takeover_after_s`.
FENCE_LATENCY_S = {FenceKind.BPF: 0.005, FenceKind.NFTABLES: 0.025, FenceKind.LIFETIME: 0.005}

# An address with a finite lifetime went at most 1.2 s late (kernel 6.1 and 6.18, several addresses).
LIFETIME_LATENESS_S = 1.5

# etcd was without a leader for 0.94 to 2.35 s after a kill -9 of it (8 runs, defaults).
STORE_LEADER_CHANGE_S = 2.4

SHORTEST_TTL_S = 0.2
LONGEST_TTL_S = 3600.0


class Timing(msgspec.Struct, frozen=True):
    """The times an agent runs with; all derived from ttl unless the operator sets them."""

    ttl_s: float
    renew_every_s: float
    attempt_s: float  # one request to the store; then it is Unknown
    lease_max_s: float  # longest ttl that any node of the cluster may use
    heartbeat_s: float  # a node that owns nothing shows life this often
    grace_s: float  # how long a release is reserved for its named successor
    stagger_s: float  # a candidate with n better ones waits n times this before it claims
    name_challenge_s: float  # how long another user of this node name has to answer
    # Failsafe. 0: it is off, and everybody may claim once a lease has run out.
    outsiders_s: float = 0.0  # a node outside the electorate must see no change for so long
    alone_s: float = 0.0  # the same while the electorate is empty
    ask_after_s: float = 0.0  # a lease not renewed for so long: ask for promises
    ask_every_s: float = 0.0
    ping_every_s: float = 0.0  # an owner looks so often whether the others could be asked

    @property
    def failsafe(self) -> bool:
        """Whether an owner asks for promises, and this node gives them."""
        return self.outsiders_s > 0

    @property
    def probe_counts_s(self) -> float:
        """For how long it stays known that the store did not answer: the next question finds it answered."""
        return self.ttl_s / 2

    @property
    def peer_patience_s(self) -> float:
        """A node that has not answered directly for so long is silent."""
        return 3 * self.ping_every_s


def derive_timing(
    ttl_s: float, lease_max_s: float, heartbeat_s: float, *, outsiders_s: float = 0.0, alone_s: float = 0.0
) -> Timing:
    """Times for a lease of `ttl_s` seconds. Without `outsiders_s` there is no failsafe."""
    attempt_s = max(0.05, ttl_s / 8)
    return Timing(
        ttl_s=ttl_s,
        renew_every_s=ttl_s / 4,
        attempt_s=attempt_s,
        lease_max_s=lease_max_s,
        heartbeat_s=heartbeat_s,
        grace_s=max(0.25, ttl_s / 4),
        stagger_s=max(0.05, ttl_s / 40),
        name_challenge_s=3.0,
        outsiders_s=outsiders_s,
        alone_s=alone_s if outsiders_s else 0.0,
        # When the first renewal has had its answer's time in vain. More than half of the lease is left for
        # the others to look at the store (one attempt) and to answer.
        ask_after_s=ttl_s / 4 + attempt_s,
        ask_every_s=max(0.05, ttl_s / 8),
        ping_every_s=max(heartbeat_s / 4, ttl_s / 2),
    )


def margin_s(interval_s: float, fence: FenceKind) -> float:
    """What must lie between the owner's last instant and the challenger's first, for one interval."""
    return interval_s * DRIFT + FENCE_LATENCY_S[fence] * (1 + RHO)


def owner_deadline_s(sent_at_s: float, ttl_s: float, fence: FenceKind) -> float:
    """When the owner must be gone by its own decision, for a renewal sent at `sent_at_s`."""
    return sent_at_s + ttl_s - margin_s(ttl_s, fence)


def fence_deadline_s(sent_at_s: float, ttl_s: float) -> float:
    """When the kernel stops answering, whatever our processes do."""
    return sent_at_s + ttl_s


def lifetime_s(ttl_s: float, fence: FenceKind) -> int:
    """Whole seconds, counted from the renewal's sending, after which the address itself expires.

    Behind a packet fence it is the second layer and the clean-up, refreshed about once a second.
    """
    return math.ceil(ttl_s) + (1 if fence is FenceKind.LIFETIME else 2)


def takeover_after_s(ttl_s: float, fence: FenceKind) -> float:
    """How long a challenger waits after it received the owner's last renewal."""
    if fence is FenceKind.LIFETIME:
        return lifetime_s(ttl_s, fence) * (1 + DRIFT) + LIFETIME_LATENESS_S * (1 + RHO)
    return ttl_s + margin_s(ttl_s, fence)


@functools.cache  # asked for each VIP whenever something changes
def longest_takeover_s(lease_max_s: float) -> float:
    """How long to wait where the former owner's lease is not known: any fence, the longest ttl."""
    return max(takeover_after_s(lease_max_s, fence) for fence in FenceKind)


class TimingFinding(msgspec.Struct, frozen=True):
    """One inequality that does not hold. `fatal` ones are refused at start."""

    fatal: bool
    message: str


def judge_timing(timing: Timing, fence: FenceKind | None = None) -> tuple[TimingFinding, ...]:
    """Every inequality that these times break, with the numbers and what follows from them."""
    findings = []
    ttl = timing.ttl_s

    def refuse(message: str) -> None:
        findings.append(TimingFinding(True, message))

    if not SHORTEST_TTL_S <= ttl <= LONGEST_TTL_S:
        refuse(f"a lease of {ttl:g} s is outside {SHORTEST_TTL_S:g} s to {LONGEST_TTL_S:g} s")
        return tuple(findings)
    if timing.lease_max_s < ttl:
        refuse(
            f"the longest lease ({timing.lease_max_s:g} s) is shorter than the lease ({ttl:g} s): "
            "a node that finds no record would claim while an owner may still serve"
        )
    room = ttl - margin_s(ttl, fence or FenceKind.BPF) - timing.renew_every_s
    if room < 2 * timing.attempt_s:
        refuse(
            f"a renewal every {timing.renew_every_s:g} s leaves {room:.3f} s of a {ttl:g} s lease, less than "
            f"two attempts of {timing.attempt_s:g} s: one lost request would end the lease"
        )
    room_for_leader_change = ttl - margin_s(ttl, FenceKind.BPF) - timing.renew_every_s
    if not timing.failsafe and room_for_leader_change < STORE_LEADER_CHANGE_S:
        findings.append(
            TimingFinding(
                False,
                f"a lease of {ttl:g} s does not outlive a leader change of the store (up to "
                f"{STORE_LEADER_CHANGE_S:g} s): each one takes every VIP down for about "
                f"{STORE_LEADER_CHANGE_S - room_for_leader_change:.1f} s; 3.3 s or more would keep them, "
                "and so would failsafe",
            )
        )
    if fence is FenceKind.LIFETIME:
        findings.append(
            TimingFinding(
                False,
                "no packet fence: the address lifetime alone ends a lease, so a failover takes up to "
                f"{takeover_after_s(ttl, fence):.1f} s, not {takeover_after_s(ttl, FenceKind.BPF):.1f} s",
            )
        )
    return tuple(findings)
