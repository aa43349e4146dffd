"""Instances that would be one virtual router.

Rules of this file: keepalived's: an interface, a family and a number belong to one instance.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vrrp_compat.keepalived_conf.instance_settings import Defaults, Instance
from vrrp_compat.keepalived_conf.statements import Remark, Severity
from vrrp_compat.keepalived_conf.understood import Block

_EXIT_MISTAKE = 5


def shared_vrids(blocks: Iterable[Block]) -> Iterator[Remark]:
    """One remark for each instance whose number an earlier one has."""
    first: dict[tuple[object, ...], Block] = {}
    for block in blocks:
        if block.keyword != "vrrp_instance":
            continue
        instance = Instance(block, Defaults())
        number = instance.value("virtual_router_id")
        if number is None:
            continue
        router = (instance.value("interface"), instance.ipv6, instance.unicast, number)
        other = first.setdefault(router, block)
        if other is not block:
            yield Remark(
                block.place,
                Severity.FATAL,
                block.keyword,
                f"{other.name} has virtual_router_id {number} on this interface too ({other.place}): "
                "keepalived does not start",
                "give one of them another number, on all routers",
                _EXIT_MISTAKE,
            )
