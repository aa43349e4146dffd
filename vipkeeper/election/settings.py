"""What the election is told at start and at each reload."""

from __future__ import annotations

import msgspec

from vipkeeper.config.timing_rules import Timing
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.messages import GivenPromise
from vipkeeper.model.records import Keys
from vipkeeper.model.vips import Unit


class ElectionSettings(msgspec.Struct, frozen=True):
    """One agent's identity and wishes."""

    node: str
    host: str  # for people: where a node name is in use
    incarnation: str  # boot id + run directory: an agent started again in the same place is the same one
    process: str  # random for each process: makes every id it writes fresh
    keys: Keys
    timing: Timing
    fence: FenceKind
    units: tuple[Unit, ...]
    address: str = ""  # ADDRESS:PORT where this process hears what others ask; "": nowhere
    secret: str = ""  # random: what this process makes shared keys from
    earlier_promises: tuple[GivenPromise, ...] = ()  # an earlier process of this incarnation gave them
    pinned_cluster: str | None = None  # cluster id this run directory has seen before
    claims_from_s: float = float("-inf")  # until then it takes nothing that it did not have (startup_delay)
    forget_after_s: float = 7 * 86400.0  # a node that shows no life for so long is not listed any more
    known_revision: int = 0  # how far the store had come when an agent of this run directory last looked
    version: str = ""
    config_digest: str = ""
