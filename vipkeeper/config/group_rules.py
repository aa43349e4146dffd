"""What sync groups must mean beyond their shape.

Rules of this file: pure; see `rules.py`. What makes units of ownership (`tracking.unit_members`) may be asked
only of groups that are sound.
"""

from __future__ import annotations

from collections.abc import Iterator

from vipkeeper.config.address_rules import MOST_ADDRESSES
from vipkeeper.config.consequences import preempts, priority_of
from vipkeeper.config.mistakes import Finding, dotted, nearest
from vipkeeper.config.schema import Config
from vipkeeper.config.toml_positions import Path
from vipkeeper.config.tracking import unit_members


def broken_group_rules(config: Config) -> Iterator[Finding]:
    """Names of groups and VIPs share one list in the store; a VIP moves with one group."""
    first: dict[str, Path] = {}
    for name, group in config.sync_group.items():
        at: Path = ("sync_group", name)
        if name in config.vip:
            wrong = f'"{name}" is also the name of a VIP, and `ls` and the store know both by their names'
            yield Finding(at, wrong, "give the group another name")
        for index, vip in enumerate(group.vips):
            path: Path = (*at, "vips", index)
            if vip not in config.vip:
                meant = nearest(vip, config.vip)
                fix = f'did you mean "{meant}"?' if meant else f"add [vip.{vip}], or take it out"
                yield Finding(path, f'there is no VIP "{vip}"', fix)
            elif vip in first:
                wrong = f'"{vip}" stands in {dotted(first[vip])} already'
                yield Finding(path, wrong, "a VIP moves with one group: keep it in one of them")
            first.setdefault(vip, path)
    if groups_are_sound(config):
        yield from _too_many_addresses(config)


def groups_are_sound(config: Config) -> bool:
    """Whether each member exists and is in one group, so that units can be made."""
    members = [vip for group in config.sync_group.values() for vip in group.vips]
    named = all(group.vips for group in config.sync_group.values())
    return named and len(set(members)) == len(members) and config.vip.keys() >= set(members)


def group_notices(config: Config) -> Iterator[Finding]:
    """What works, but may surprise. `config` has no broken rule."""
    for name, group in config.sync_group.items():
        vips = {member: config.vip[member] for member in group.vips}
        priorities = {member: priority_of(config, vip) for member, vip in vips.items()}
        at: Path = ("sync_group", name, "vips")
        if len(group.vips) == 1:
            yield Finding(at, f"{group.vips[0]} alone is in it", "a group of one changes nothing")
        if len(set(priorities.values())) > 1:
            listed = ", ".join(f"{member} {priority}" for member, priority in priorities.items())
            wrong = f"priorities differ ({listed}), and its VIPs move as one"
            if config.backend == "vrrp":
                fix = "give all of them the same: a member of which a better master is heard holds back all"
            else:
                fix = f"the lowest counts ({min(priorities.values())}); give all of them the same"
            yield Finding(at, wrong, fix)
        if len({preempts(config, vip) for vip in vips.values()}) > 1:
            wrong = "preempt is on for some of its VIPs and off for others, so it is off for the group"
            yield Finding(at, wrong, "set it alike")


def _too_many_addresses(config: Config) -> Iterator[Finding]:
    """Of a group with a store; a VIP by itself is judged where its addresses are."""
    for name, members in unit_members(config).items():
        vips = (config.vip[member] for member in members)
        count = sum(len(vip.addresses) + len(vip.excluded_addresses or ()) for vip in vips)
        if name in config.sync_group and count > MOST_ADDRESSES:
            yield Finding(
                ("sync_group", name, "vips"),
                f"{count} addresses of {', '.join(members)} are more than change hands in one transaction",
                f"at most {MOST_ADDRESSES} can be in one group: make two of it",
            )
