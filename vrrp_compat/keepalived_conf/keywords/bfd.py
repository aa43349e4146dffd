"""Keywords of `bfd_instance`.

Rules of this file: as in `instance.py`.
"""

from __future__ import annotations

from vrrp_compat.keepalived_conf.keywords.parameters import Address, Missing, Seconds, Whole
from vrrp_compat.keepalived_conf.keywords.rows import NEWER, OldName, Row, refused
from vrrp_compat.keepalived_conf.keywords.tracks import HEAVIEST, weight

WHY = "BFD is not spoken here: let FRR or BIRD speak it and track what it says by a script."
_LONGEST_MS = 4294967.0

BFD: tuple[Row, ...] = (
    refused("neighbor_ip", Address(), why=WHY, old_names=(OldName("neighbour_ip"),)),
    refused("source_ip", Address(), why=WHY),
    refused("min_rx", Seconds(least=1.0, most=_LONGEST_MS, unit="milliseconds"), why=WHY),
    refused("min_tx", Seconds(least=1.0, most=_LONGEST_MS, unit="milliseconds"), why=WHY),
    refused("idle_tx", Seconds(least=1000.0, most=_LONGEST_MS, unit="milliseconds"), why=WHY),
    refused("multiplier", Whole(least=1, most=255), why=WHY),
    refused("passive", why=WHY),
    refused("ttl", Whole(least=1, most=255), why=WHY, old_names=(OldName("hoplimit"),)),
    refused("max_hops", Whole(least=-1, most=255), why=WHY),
    refused("multihop", why=WHY, since=NEWER),
    refused("weight", *weight(HEAVIEST, Missing.STOPS), why=WHY),
    refused("vrrp", why=WHY),
    refused("checker", why=WHY),
)
