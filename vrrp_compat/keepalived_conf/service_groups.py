"""Virtual server groups: what they hold, and which virtual servers fit to them.

Rules of this file: as in `instance_rules.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from vrrp_compat.keepalived_conf.keyword_reading import mistake, warning
from vrrp_compat.keepalived_conf.service_settings import FAMILIES, IPV4, IPV6, family_of
from vrrp_compat.keepalived_conf.statements import Remark
from vrrp_compat.keepalived_conf.understood import Block, Setting


class ServiceGroup(msgspec.Struct, frozen=True):
    """What a virtual server has to know of its group."""

    marks: tuple[Setting, ...]
    addresses: tuple[Setting, ...]

    @property
    def families(self) -> frozenset[int]:
        """The IP versions of all that says one."""
        found = {family_of(line.keyword) for line in self.addresses}
        found |= {FAMILIES[str(line.values[1])] for line in self.marks if len(line.values) > 1}
        return frozenset(found)

    @property
    def says_all_families(self) -> bool:
        """Whether every mark says its IP version."""
        return all(len(line.values) > 1 for line in self.marks)

    @property
    def ports(self) -> tuple[int, ...]:
        """Those of its addresses."""
        return tuple(int(str(line.values[1])) for line in self.addresses)


def read_groups(blocks: Iterable[Block], remarks: list[Remark]) -> dict[str, ServiceGroup]:
    """All groups that count; of two with a name the first."""
    found: dict[str, ServiceGroup] = {}
    for block in blocks:
        if block.keyword != "virtual_server_group":
            continue
        marks = tuple(line for line in block.settings if line.keyword == "fwmark")
        addresses = tuple(line for line in block.settings if line.keyword != "fwmark")
        group = ServiceGroup(marks, addresses)
        if group.families == {IPV4, IPV6} and not group.says_all_families:
            wrong = "it is left out: with IPv4 and IPv6 in it, each fwmark has to say which it is"
            remarks.append(mistake(block.statement, wrong, "write fwmark N inet, or inet6"))
        elif block.name in found:
            wrong = f"there is a group {block.name} already, and this one counts for nothing"
            remarks.append(warning(block.statement, wrong, "give it another name"))
        else:
            found[block.name] = group
    return found


def unfit_group(
    block: Block, family: int | None, groups: dict[str, ServiceGroup], remarks: list[Remark]
) -> bool:
    """Whether a virtual server counts for nothing because of its group. Its log alone says so."""
    name = str(block.values[1])
    group = groups.get(name)
    if group is None:
        wrong = f"it is left out: there is no virtual_server_group {name}"
        remarks.append(warning(block.statement, wrong, f"add virtual_server_group {name} {{ ... }}"))
        return True
    if family is not None and group.families and group.families != {family}:
        wrong = f"it is left out: its servers are of IPv{family}, and not all addresses of the group {name}"
        remarks.append(warning(block.statement, wrong, "make a group for each IP version"))
        return True
    return False
