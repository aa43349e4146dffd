"""What sync groups must mean beyond their shape: members that exist, each in one group.

Rules of this file: pure; see `rules.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from vipkeeper.config.mistakes import Finding, dotted, nearest
from vipkeeper.config.schema import Config
from vipkeeper.config.toml_positions import Path


def broken_group_rules(config: Config) -> Iterator[Finding]:
    """Everything that leaves open which VIPs move together."""
    first: dict[str, Path] = {}
    for name, group in config.sync_group.items():
        if name in config.vip:
            wrong = f"a VIP is called {name} too, and with a store both would be one unit"
            yield Finding(("sync_group", name), wrong, "give the group another name")
        for index, vip in enumerate(group.vips):
            path: Path = ("sync_group", name, "vips", index)
            if vip not in config.vip:
                near = nearest(vip, config.vip)
                fix = f"did you mean {near}?" if near is not None else f"add the table [vip.{vip}]"
                yield Finding(path, f"there is no [vip.{vip}]", fix)
            elif vip in first:
                fix = "a VIP moves with one group, so keep it in one place"
                yield Finding(path, f"{vip} is also {dotted(first[vip])}", fix)
            else:
                first[vip] = path


def group_summary(config: Config) -> Iterator[str]:
    """For people: what moves together."""
    for name, group in sorted(config.sync_group.items()):
        yield f"sync group {name}: {', '.join(group.vips)}"
