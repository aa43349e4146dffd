"""What an agent has counted since its start, for metrics: a value."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from vipkeeper.agent.peer_wire import Malformed
from vipkeeper.election.effects import Role
from vipkeeper.model.messages import RefusedBecause
from vipkeeper.model.reasons import Reason


class Counts(msgspec.Struct, frozen=True):
    """Copied from the running agent, so that no counter moves while it is read."""

    decisions: Mapping[tuple[Role, Reason], int]
    promises_given: int
    refusals: Mapping[RefusedBecause, int]
    dropped: Mapping[Malformed, int]
