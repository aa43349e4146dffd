"""The addresses of VIPs as their settings say them: how they look, which are advertised, how announced.

Rules of this file: pure; texts that mean nothing raise `WordError`, and `address_rules.py` finds them first.
"""

from __future__ import annotations

from vipkeeper.config.address_words import WrittenAddress, read_address
from vipkeeper.config.garp_schema import Garp
from vipkeeper.config.schema import Config
from vipkeeper.config.vip_schema import Vip
from vipkeeper.model.address_options import (
    PLAIN,
    USUAL_STEPS,
    AddressOptions,
    AddressSettings,
    AnnouncementPattern,
)
from vipkeeper.model.vips import VipAddress

# What one advertisement holds: its count is one byte, and it must fit a packet of 1500 bytes.
MOST_ADVERTISED = {4: 255, 6: 90}

# keepalived's, for what a table leaves out of a pair of which it names the other.
_MASTER_REPEAT = 5
_MASTER_DELAY_S = 5.0


def written_addresses(vip: Vip) -> tuple[WrittenAddress, ...]:
    """All of one VIP; those that go along without being advertised come last."""
    texts = (*vip.addresses, *(vip.excluded_addresses or ()))
    return tuple(read_address(text, vip.interface) for text in texts)


def advertised_addresses(vip: Vip) -> tuple[VipAddress, ...]:
    """Those in its VRRP advertisements: of the family of the first, and as many as one holds."""
    listed = [read_address(text, vip.interface).vip for text in vip.addresses]
    version = listed[0].version
    return tuple([each for each in listed if each.version == version][: MOST_ADVERTISED[version]])


def address_settings(config: Config) -> AddressSettings:
    """For the host's shell, by the text of an address."""
    options: dict[str, AddressOptions] = {}
    patterns: dict[str, AnnouncementPattern] = {}
    lower: dict[str, AnnouncementPattern] = {}
    for vip in config.vip.values():
        garp = merged_garp(config.garp, vip.garp)
        for written in written_addresses(vip):
            address = written.vip.address
            if written.options != PLAIN:
                options[address] = written.options
            if garp != Garp():
                interval_s = garp.interval_s if written.vip.version == 4 else garp.gna_interval_s
                patterns[address] = _master_pattern(garp, interval_s or 0.0)
                lower[address] = _lower_pattern(garp, interval_s or 0.0)
    return AddressSettings(options, patterns, lower)


def merged_garp(general: Garp, own: Garp) -> Garp:
    """What counts for one VIP."""
    values = {
        name: getattr(general, name) if getattr(own, name) is None else getattr(own, name)
        for name in Garp.__struct_fields__
    }
    return Garp(**values)


def _master_pattern(garp: Garp, interval_s: float) -> AnnouncementPattern:
    if garp.master_repeat is None and garp.master_delay_s is None:
        steps = USUAL_STEPS
    else:
        steps = _burst_and_burst(
            _MASTER_REPEAT if garp.master_repeat is None else garp.master_repeat,
            _MASTER_DELAY_S if garp.master_delay_s is None else garp.master_delay_s,
        )
    return AnnouncementPattern(steps, garp.master_refresh_s, garp.master_refresh_repeat or 1, interval_s)


def _lower_pattern(garp: Garp, interval_s: float) -> AnnouncementPattern:
    """As a new master does, unless it says otherwise."""
    if garp.lower_prio_repeat is None and garp.lower_prio_delay_s is None:
        return _master_pattern(garp, interval_s)
    repeat, delay_s = garp.lower_prio_repeat, garp.lower_prio_delay_s
    if repeat is None:
        repeat = _MASTER_REPEAT if garp.master_repeat is None else garp.master_repeat
    if delay_s is None:
        delay_s = _MASTER_DELAY_S if garp.master_delay_s is None else garp.master_delay_s
    steps = _burst_and_burst(repeat, delay_s) if repeat else ()
    return AnnouncementPattern(steps, garp.master_refresh_s, garp.master_refresh_repeat or 1, interval_s)


def _burst_and_burst(repeat: int, delay_s: float) -> tuple[tuple[float, int], ...]:
    now = (0.0, repeat)
    return (now, (delay_s, repeat)) if delay_s else (now,)
