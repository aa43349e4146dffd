"""What an operator should know about instances together, and about words that mislead.

Rules of this file: remarks only; each says what follows and what to write.
"""

from __future__ import annotations

from vipkeeper.config.keepalived.drafts import Draft
from vipkeeper.config.keepalived.instances import Instance
from vipkeeper.config.keepalived.tracks import Definitions
from vrrp_compat.keepalived_conf.understood import Understood


def give_advice(
    draft: Draft, understood: Understood, instances: tuple[Instance, ...], known: Definitions
) -> None:
    """All of it."""
