"""What an instance comes to: its own words, and those of global_defs where it says nothing.

Rules of this file: keepalived's defaults, and no judgement.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

import msgspec

from vrrp_compat.keepalived_conf.understood import Block, Setting, Value

OWNER = 255
_USUAL = 100
USUAL_ADVERTS = 3
_IPV6 = 6


class Defaults(msgspec.Struct, frozen=True):
    """Words of global_defs that instances follow."""

    strict: bool = False
    version: int = 2
    down_timer_adverts: int = USUAL_ADVERTS


def read_defaults(blocks: Iterable[Block]) -> Defaults:
    """From all blocks of a file: global_defs may stand anywhere, and more than once."""
    found: dict[str, tuple[Value, ...]] = {}
    for block in blocks:
        if block.keyword == "global_defs":
            found.update({setting.keyword: setting.values for setting in block.settings})
    return Defaults(
        strict="vrrp_strict" in found,
        version=int(str(found.get("vrrp_version", (2,))[0])),
        down_timer_adverts=int(str(found.get("vrrp_down_timer_adverts", (USUAL_ADVERTS,))[0])),
    )


class Instance:
    """One instance, asked word by word."""

    def __init__(self, block: Block, defaults: Defaults) -> None:
        self.block = block
        self._defaults = defaults

    def has(self, keyword: str) -> bool:
        """Whether a word is written."""
        return self.block.find(keyword) is not None

    def value(self, keyword: str) -> Value | None:
        """The first word behind a keyword."""
        setting = self.block.find(keyword)
        return setting.values[0] if setting is not None and setting.values else None

    def lines(self, keyword: str) -> tuple[Setting, ...]:
        """What is in the lists of a keyword, all together."""
        return tuple(setting for block in self.block.inner(keyword) for setting in block.settings)

    @property
    def strict(self) -> bool:
        """Whether the RFC is enforced."""
        own = self.value("strict_mode")
        return own if isinstance(own, bool) else self._defaults.strict

    @property
    def priority(self) -> int:
        """The priority; without one, that of an owner if the state is MASTER."""
        own = self.value("priority")
        if isinstance(own, int):
            return own
        return OWNER if self.value("state") == "MASTER" else _USUAL

    @property
    def begins_as_master(self) -> bool:
        """The wish for the start; without one, an owner has it. In strict mode nobody else may."""
        state = self.value("state")
        if state is None or self.strict:
            return self.priority == OWNER
        return state == "MASTER"

    @property
    def ipv6(self) -> bool:
        """Whether its first address is one of IPv6."""
        addresses = self.lines("virtual_ipaddress")
        if not addresses:
            return False
        return ipaddress.ip_interface(addresses[0].keyword).version == _IPV6

    @property
    def version(self) -> int:
        """The version of VRRP that it speaks."""
        if self.ipv6:
            return 3
        own = self.value("version")
        return own if isinstance(own, int) else self._defaults.version

    @property
    def down_timer_adverts(self) -> int:
        """How many advertisements are waited for."""
        own = self.value("down_timer_adverts")
        return own if isinstance(own, int) else self._defaults.down_timer_adverts

    @property
    def unicast(self) -> bool:
        """Whether it has peers."""
        return bool(self.lines("unicast_peer"))
