"""Weights that count for nothing: of members of a sync group, and of owners.

Rules of this file: keepalived's own; whether a weight is large enough is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vrrp_compat.keepalived_conf.instance_settings import OWNER, Defaults, Instance
from vrrp_compat.keepalived_conf.keyword_reading import mistake
from vrrp_compat.keepalived_conf.statements import Remark
from vrrp_compat.keepalived_conf.understood import Block, Setting

_DEFINED_BY = {
    "track_script": "vrrp_script",
    "track_file": "track_file",
    "track_process": "vrrp_track_process",
    "track_bfd": "bfd_instance",
}
# A track_file without a weight has this one, all others none.
_FILE_WEIGHT = 1


def weights_without_effect(blocks: tuple[Block, ...], defaults: Defaults) -> Iterator[Remark]:
    """One remark for each tracked thing whose weight counts for nothing."""
    weights = {(block.keyword, block.name): _weight(block) for block in blocks}
    members = _members_without_weights(blocks)
    for block in blocks:
        if block.keyword != "vrrp_instance":
            continue
        if Instance(block, defaults).priority == OWNER:
            why = "priority 255 never changes"
        elif block.name in members:
            why = f"the instance is in {members[block.name]}, which has no sync_group_tracking_weight"
        else:
            continue
        for line in _weighed(block, weights):
            yield mistake(
                line.statement, f"it is not tracked, because it has a weight and {why}", "remove it"
            )


def _weighed(block: Block, weights: dict[tuple[str, str], int]) -> Iterator[Setting]:
    for inner in block.blocks:
        if not inner.keyword.startswith("track_"):
            continue
        for line in inner.settings:
            defined = weights.get((_DEFINED_BY.get(inner.keyword, ""), line.keyword), 0)
            if line.values[0] if line.values else defined:
                yield line


def _weight(block: Block) -> int:
    own = block.find("weight")
    if own is not None and own.values and isinstance(own.values[0], int):
        return own.values[0]
    return _FILE_WEIGHT if block.keyword == "track_file" else 0


def _members_without_weights(blocks: Iterable[Block]) -> dict[str, str]:
    return {
        member.keyword: group.name
        for group in blocks
        if group.keyword == "vrrp_sync_group" and group.find("sync_group_tracking_weight") is None
        for inner in group.inner("group")
        for member in inner.settings
    }
