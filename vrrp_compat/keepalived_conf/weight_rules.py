"""Weights that count for nothing, of members of a sync group and of owners, and what is tracked twice over.

Rules of this file: keepalived's own, tried kind by kind; whether a weight is large enough is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from vrrp_compat.keepalived_conf.instance_settings import OWNER, Defaults, Instance
from vrrp_compat.keepalived_conf.keyword_reading import mistake
from vrrp_compat.keepalived_conf.statements import Remark
from vrrp_compat.keepalived_conf.understood import Block, Setting

_DEFINED_BY = {
    "track_script": "vrrp_script",
    "track_file": "track_file",
    "track_bfd": "bfd_instance",
    "track_process": "vrrp_track_process",
    "track_interface": "",
}
_INTERFACES = "track_interface"
# Of an instance, 2.2.7 takes weights of processes as they are.
_NOT_OF_INSTANCES = "track_process"
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
    """Judge what every instance and every group tracks."""
    judge = _Judge(blocks, defaults)
    kept = tuple(judge.judged(block) for block in blocks)
    return Weighed(kept, tuple(judge.remarks))


class _Judge:
    """What the judgement of one block has to know of the others, and the remarks so far."""

    def __init__(self, blocks: tuple[Block, ...], defaults: Defaults) -> None:
        self.remarks: list[Remark] = []
        self._defaults = defaults
        self._weights = {(block.keyword, block.name): _weight(block) for block in blocks}
        self._groups = _groups(blocks)
        self._plain_files = {
            block.name for block in blocks if block.keyword == "track_file" and block.find("weight") is None
        }
        self._owners = {
            block.name
            for block in blocks
            if block.keyword == "vrrp_instance" and Instance(block, defaults).priority == OWNER
        }

    def judged(self, block: Block) -> Block:
        """A block without what counts for nothing."""
        if block.keyword == "vrrp_instance":
            return self._instance(block)
        return self._group(block) if block.keyword == "vrrp_sync_group" else block

    def _instance(self, block: Block) -> Block:
        group = self._groups.get(block.name)
        if group is not None:
            self.remarks += _tracked_by_both(block, group)
        why = _why(block, group, self._defaults)
        if why is None:
            return block
        inner = tuple(self._tracked(one, why) for one in block.blocks)
        return msgspec.structs.replace(block, blocks=inner)

    def _group(self, block: Block) -> Block:
        members = [line.keyword for inner in block.inner("group") for line in inner.settings]
        owner = next((name for name in members if name in self._owners), None)
        if owner is None:
            return block
        inner = tuple(self._without_weights(one, f"{owner} has priority 255") for one in block.blocks)
        return msgspec.structs.replace(block, blocks=inner)

    def _tracked(self, block: Block, why: _Why) -> Block:
        """A list of what an instance tracks, as far as it counts."""
        if block.keyword == _NOT_OF_INSTANCES:
            return block
        weighed = [line for line in block.settings if self._has_weight(block, line)]
        # keepalived drops the weight alone of a file's default, and of a member's interface.
        alone = [
            line
            for line in weighed
            if (block.keyword == _INTERFACES and not why.owner)
            or (block.keyword == "track_file" and not line.values and line.keyword in self._plain_files)
        ]
        gone = [line for line in weighed if line not in alone]
        wrong = f"it is not tracked, because it has a weight: {why.because}"
        self.remarks += [mistake(line.statement, wrong, "write weight 0, or remove it") for line in gone]
        kept = tuple(line for line in block.settings if line not in gone)
        return self._without_weights(msgspec.structs.replace(block, settings=kept), why.because)

    def _without_weights(self, block: Block, because: str) -> Block:
        """The same list with weights of 0."""
        weighed = [line for line in block.settings if self._has_weight(block, line)]
        wrong = f"its weight does not count: {because}"
        fix = "write weight 0, which it counts as"
        self.remarks += [mistake(line.statement, wrong, fix) for line in weighed]
        lines = (
            msgspec.structs.replace(line, values=(0,)) if line in weighed else line for line in block.settings
        )
        return msgspec.structs.replace(block, settings=tuple(lines))

    def _has_weight(self, block: Block, line: Setting) -> bool:
        """Whether a line says a weight, or its definition does."""
        if block.keyword not in _DEFINED_BY:
            return False
        defined = self._weights.get((_DEFINED_BY[block.keyword], line.keyword), 0)
        return bool(line.values[0] if line.values else defined)


def _why(block: Block, group: Block | None, defaults: Defaults) -> _Why | None:
    if Instance(block, defaults).priority == OWNER:
        return _Why("priority 255 never changes", owner=True)
    if group is not None and group.find("sync_group_tracking_weight") is None:
        return _Why(f"{group.name} has no sync_group_tracking_weight", owner=False)
    return None


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
