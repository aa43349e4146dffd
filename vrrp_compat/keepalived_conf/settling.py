"""What keepalived judges when it has read everything: instances, groups, virtual servers, and how they fit.

Rules of this file: the order of the judgements, and which blocks are left. Each rule is in another file.
"""

from __future__ import annotations

import msgspec

from vrrp_compat.keepalived_conf.group_rules import judge_groups
from vrrp_compat.keepalived_conf.instance_rules import judge_instance
from vrrp_compat.keepalived_conf.instance_settings import Defaults, read_defaults
from vrrp_compat.keepalived_conf.ipvs_words import judge_ipvs_words
from vrrp_compat.keepalived_conf.script_rules import unguarded_scripts
from vrrp_compat.keepalived_conf.service_rules import judge_services
from vrrp_compat.keepalived_conf.statements import Remark
from vrrp_compat.keepalived_conf.understood import Block
from vrrp_compat.keepalived_conf.vrid_rules import shared_vrids
from vrrp_compat.keepalived_conf.weight_rules import judge_weights


class Settled(msgspec.Struct, frozen=True):
    """The blocks that count, and remarks about them."""

    blocks: tuple[Block, ...]
    remarks: tuple[Remark, ...]


def settle(blocks: list[Block]) -> Settled:
    """Judge all blocks of a file."""
    defaults = read_defaults(blocks)
    remarks: list[Remark] = []
    kept = [_instance(block, defaults, remarks) for block in blocks]
    instances = {block.name for block in kept if block.keyword == "vrrp_instance"}
    grouped = judge_groups(kept, instances)
    remarks += grouped.remarks
    weighed = judge_weights(grouped.blocks, defaults)
    remarks += weighed.remarks
    remarks += shared_vrids(kept)
    remarks += unguarded_scripts(weighed.blocks)
    served = judge_services(judge_ipvs_words(weighed.blocks, remarks))
    remarks += served.remarks
    return Settled(served.blocks, tuple(remarks))


def _instance(block: Block, defaults: Defaults, remarks: list[Remark]) -> Block:
    if block.keyword != "vrrp_instance":
        return block
    judged = judge_instance(block, defaults)
    remarks += judged.remarks
    return judged.block
