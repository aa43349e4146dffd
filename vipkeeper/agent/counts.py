"""What an agent has counted since its start, for metrics: a value."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from vipkeeper.agent.peer_wire import Malformed
from vipkeeper.model.messages import RefusedBecause
from vipkeeper.notify.counts import NotifyCounts


class Counts(msgspec.Struct, frozen=True):
    """Copied from the running agent, so that no counter moves while it is read."""

    decisions: Mapping[tuple[str, str], int]  # role and reason
    promises_given: int = 0
    refusals: Mapping[RefusedBecause, int] = {}
    dropped: Mapping[Malformed, int] = {}
    told: NotifyCounts = NotifyCounts()
