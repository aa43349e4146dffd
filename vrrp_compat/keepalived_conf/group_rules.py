"""Which instances a sync group has in the end.

Rules of this file: keepalived's: a member that does not exist, or is in another group, is left out.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from vrrp_compat.keepalived_conf.keyword_reading import mistake
from vrrp_compat.keepalived_conf.known_words import nearest
from vrrp_compat.keepalived_conf.statements import Place, Remark
from vrrp_compat.keepalived_conf.understood import Block, Setting


class Grouped(msgspec.Struct, frozen=True):
    """All blocks of the file, groups with the members that count."""

    blocks: tuple[Block, ...]
    remarks: tuple[Remark, ...]


def judge_groups(blocks: Iterable[Block], instances: set[str]) -> Grouped:
    """Judge every group of a file, in the order written."""
    taken: dict[str, Place] = {}
    kept: list[Block] = []
    remarks: list[Remark] = []
    for block in blocks:
        if block.keyword != "vrrp_sync_group":
            kept.append(block)
            continue
        group, found = _judge(block, instances, taken)
        remarks += found
        if group is not None:
            kept.append(group)
    return Grouped(tuple(kept), tuple(remarks))


def _judge(block: Block, instances: set[str], taken: dict[str, Place]) -> tuple[Block | None, list[Remark]]:
    remarks: list[Remark] = []
    lists = block.inner("group")
    wrong = "the group has its list already; this one is left out"
    remarks += [mistake(second.statement, wrong, "join both") for second in lists[1:]]
    members: list[Setting] = []
    for line in lists[0].settings if lists else ():
        name = line.keyword
        if name not in instances:
            close = nearest(name, instances)
            fix = f"write {close}, if that is meant" if close else "correct or remove it"
            remarks.append(mistake(line.statement, f"there is no vrrp_instance {name}", fix))
        elif name in taken:
            wrong = f"the instance is in a group already ({taken[name]})"
            remarks.append(mistake(line.statement, wrong, "remove one of them"))
        else:
            taken[name] = line.place
            members.append(line)
    if not members:
        remarks.append(
            mistake(block.statement, "it has no members, so it is left out", "list them in group { ... }")
        )
        return None, remarks
    if len(members) == 1:
        remarks.append(
            mistake(block.statement, "it has one member alone", "add another, or remove the group")
        )
    return _with_members(block, tuple(members)), remarks


def _with_members(block: Block, members: tuple[Setting, ...]) -> Block:
    others = tuple(inner for inner in block.blocks if inner.keyword != "group")
    first = msgspec.structs.replace(block.inner("group")[0], settings=members)
    return msgspec.structs.replace(block, blocks=(first, *others))
