"""Lines whose meaning depends on a line above them in their block.

Rules of this file: keepalived decides these while it reads; the order of lines matters.
"""

from __future__ import annotations

import ipaddress

from vrrp_compat.keepalived_conf.keyword_reading import mistake
from vrrp_compat.keepalived_conf.open_blocks import OpenBlock
from vrrp_compat.keepalived_conf.statements import Remark
from vrrp_compat.keepalived_conf.understood import Setting

_SOURCES = ("unicast_src_ip", "mcast_src_ip", "mcast_dst_ip")
_IPV6 = 6


def judge_setting(block: OpenBlock, setting: Setting) -> tuple[tuple[Remark, ...], bool]:
    """Remarks about a setting after those above it, and whether it counts."""
    if block.row.keyword == "vrrp_track_process":
        return _quorum(block, setting)
    if block.row.keyword != "vrrp_instance":
        return (), True
    if setting.keyword == "state":
        return _state(block, setting)
    if setting.keyword == "version":
        return _version(block, setting)
    if setting.keyword in _SOURCES:
        return _source(block, setting)
    if setting.keyword == "native_ipv6" and block.family == 4:
        return (mistake(setting.statement, "the instance has IPv4 addresses", "remove it"),), False
    return (), True


def _state(block: OpenBlock, setting: Setting) -> tuple[tuple[Remark, ...], bool]:
    above = block.find("state")
    if above is not None and above.values == ("MASTER",) and setting.values == ("BACKUP",):
        return (
            mistake(setting.statement, f"MASTER is said above ({above.place}) and stays", "remove one"),
        ), False
    return (), True


def _version(block: OpenBlock, setting: Setting) -> tuple[tuple[Remark, ...], bool]:
    above = block.find("version")
    if above is not None and above.values != setting.values:
        wrong = f"another version is said above ({above.place}) and stays"
        return (mistake(setting.statement, wrong, "remove one"),), False
    if block.family == _IPV6 and setting.values == (2,):
        return (mistake(setting.statement, "IPv6 needs version 3", "write version 3"),), False
    return (), True


def _source(block: OpenBlock, setting: Setting) -> tuple[tuple[Remark, ...], bool]:
    version = ipaddress.ip_address(str(setting.values[0])).version
    if block.family not in {None, version}:
        wrong = f"it is left out: the instance is one of IPv{block.family}"
        return (mistake(setting.statement, wrong, "write an address of that family"),), False
    block.family = version
    return (), True


def _quorum(block: OpenBlock, setting: Setting) -> tuple[tuple[Remark, ...], bool]:
    other = {"quorum": "quorum_max", "quorum_max": "quorum"}.get(setting.keyword)
    above = block.find(other) if other is not None else None
    if above is None:
        return (), True
    least, most = (setting, above) if setting.keyword == "quorum" else (above, setting)
    if least.values[0] > most.values[0]:  # type: ignore[operator]  # both are whole numbers
        wrong = f"quorum is above quorum_max ({above.place}), and this line is left out"
        return (mistake(setting.statement, wrong, "correct one of them"),), False
    return (), True
