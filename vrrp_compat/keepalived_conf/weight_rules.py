"""Weights that count for nothing, of members of a sync group and of owners, and what is tracked twice over.

Rules of this file: keepalived's own, tried kind by kind; whether a weight is large enough is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from vrrp_compat.keepalived_conf.instance_settings import OWNER, Defaults, Instance
from vrrp_compat.keepalived_conf.keyword_reading import mistake
from vrrp_compat.keepalived_conf.statements import Remark
from vrrp_compat.keepalived_conf.understood import Block, Setting

# Weights of processes are taken as they are: 2.2.7 does not look at them.
_DEFINED_BY = {"track_script": "vrrp_script", "track_file": "track_file", "track_bfd": "bfd_instance"}
_INTERFACES = "track_interface"
# A track_file without a weight has this one, all others none.
_FILE_WEIGHT = 1


class Weighed(msgspec.Struct, frozen=True):
    """All blocks of a file, without what counts for nothing."""

    blocks: tuple[Block, ...]
    remarks: tuple[Remark, ...]


class _Why(msgspec.Struct, frozen=True):
    """Why weights of an instance count for nothing."""

    because: str
    owner: bool


def judge_weights(blocks: tuple[Block, ...], defaults: Defaults) -> Weighed:
    """Judge what every instance tracks."""
    weights = {(block.keyword, block.name): _weight(block) for block in blocks}
    groups = _groups(blocks)
    remarks: list[Remark] = []
    kept: list[Block] = []
    for block in blocks:
        if block.keyword != "vrrp_instance":
            kept.append(block)
            continue
        group = groups.get(block.name)
        why = _why(block, group, defaults)
        if group is not None:
            remarks += _tracked_by_both(block, group)
        inner = tuple(_tracked(one, weights, why, remarks) for one in block.blocks)
        kept.append(msgspec.structs.replace(block, blocks=inner))
    return Weighed(tuple(kept), tuple(remarks))


def _why(block: Block, group: Block | None, defaults: Defaults) -> _Why | None:
    if Instance(block, defaults).priority == OWNER:
        return _Why("priority 255 never changes", owner=True)
    if group is not None and group.find("sync_group_tracking_weight") is None:
        return _Why(f"{group.name} has no sync_group_tracking_weight", owner=False)
    return None


def _tracked(
    block: Block, weights: Mapping[tuple[str, str], int], why: _Why | None, remarks: list[Remark]
) -> Block:
    """A list of what is tracked, as far as it counts."""
    if why is None or block.keyword not in {*_DEFINED_BY, _INTERFACES}:
        return block
    kept: list[Setting] = []
    for line in block.settings:
        own = line.values[0] if line.values else None
        defined = weights.get((_DEFINED_BY.get(block.keyword, ""), line.keyword), 0)
        if not (defined if own is None else own):
            kept.append(line)
        elif _stays_without_weight(block, own, why):
            wrong = f"its weight does not count: {why.because}"
            remarks.append(mistake(line.statement, wrong, "write weight 0, which it counts as"))
            kept.append(msgspec.structs.replace(line, values=(0,)))
        else:
            wrong = f"it is not tracked, because it has a weight: {why.because}"
            remarks.append(mistake(line.statement, wrong, "write weight 0, or remove it"))
    return msgspec.structs.replace(block, settings=tuple(kept))


def _stays_without_weight(block: Block, own: object, why: _Why) -> bool:
    """Whether keepalived drops the weight alone: of a file's default, and of a member's interface."""
    if block.keyword == _INTERFACES:
        return not why.owner
    return block.keyword == "track_file" and own is None


def _tracked_by_both(block: Block, group: Block) -> list[Remark]:
    of_group = {line.keyword for inner in group.inner(_INTERFACES) for line in inner.settings}
    wrong = f"{group.name} tracks it too"
    return [
        mistake(line.statement, wrong, "remove one of them")
        for inner in block.inner(_INTERFACES)
        for line in inner.settings
        if line.keyword in of_group
    ]


def _weight(block: Block) -> int:
    own = block.find("weight")
    if own is not None and own.values and isinstance(own.values[0], int):
        return own.values[0]
    return _FILE_WEIGHT if block.keyword == "track_file" else 0


def _groups(blocks: Iterable[Block]) -> dict[str, Block]:
    """The group of each member."""
    return {
        member.keyword: group
        for group in blocks
        if group.keyword == "vrrp_sync_group"
        for inner in group.inner("group")
        for member in inner.settings
    }
