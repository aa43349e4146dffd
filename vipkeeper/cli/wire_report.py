"""`vipkeeper check FILE --wire`: which VRIDs are in use on the interfaces of the VIPs, and which one is free.

Rules of this file: it only listens; what this host sends itself does not count.
"""

from __future__ import annotations

import asyncio

from vipkeeper.config.consequences import build_members
from vipkeeper.config.schema import Config
from vipkeeper.config.vrrp_rules import advertised_version, speaks_vrrp
from vipkeeper.model.errors import ConfigError
from vrrp_compat.sockets.vrid_finder import LISTEN_S, find_vrids
from vrrp_compat.wire.vrid_census import VridUse, free_vrid, taken_message, used_by_others


def report_wire(config: Config) -> None:
    """Raises ConfigError when a VRID is taken, or there is no such interface; MissingPrivilege."""
    speaking = [unit for unit in build_members(config) if speaks_vrrp(config, config.vip[unit.name])]
    places = sorted({config.vip[unit.name].interface for unit in speaking})
    if not places:
        print("wire: no VIP of this file speaks VRRP")
        return
    print(f"wire: listening for {LISTEN_S:g} s")
    heard = dict(zip(places, asyncio.run(_listen(places)), strict=True))
    for place, uses in heard.items():
        for use in uses:
            print(f"{place}: {use}")
        free = free_vrid(uses)
        print(f"{place}: " + (f"VRID {free} is free" if free else "no VRID is free"))
    mistakes = []
    for unit in speaking:
        vip = config.vip[unit.name]
        version, vrid = advertised_version(vip), vip.vrrp.vrid
        ours = [each.address for each in unit.addresses if each.version == version]
        others = used_by_others(heard[vip.interface], vrid or 0, ours)
        if others:
            mistakes.append(f"vip.{unit.name}.vrrp.vrid: {taken_message(others, heard[vip.interface])}")
    if mistakes:
        raise ConfigError(tuple(mistakes))


async def _listen(places: list[str]) -> list[tuple[VridUse, ...]]:
    return await asyncio.gather(*map(find_vrids, places))
