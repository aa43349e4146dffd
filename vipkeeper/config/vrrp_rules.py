"""What the settings of VRRP must mean beyond their shape.

Rules of this file: pure; see `rules.py`. What does not speak VRRP is judged by its virtual MAC alone.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from vipkeeper.config.address_words import read_address
from vipkeeper.config.mistakes import Finding, dotted
from vipkeeper.config.schema import Config
from vipkeeper.config.strict_rules import strict_notices, vrrp_in_force
from vipkeeper.config.toml_positions import Path
from vipkeeper.config.vip_addresses import MOST_ADVERTISED, advertised_addresses, written_addresses
from vipkeeper.config.vip_schema import Vip
from vipkeeper.config.vrrp_schema import VipVrrp
from vipkeeper.config.words import LONGEST_INTERFACE_NAME, WordError

HIGHEST_PRIORITY = 255
SECRET_BYTES = 8  # of a password or key; RFC 2338 5.3.10
_INTERFACE_NAME = re.compile(rf"(?!\.{{1,2}}$)[^/\s]{{1,{LONGEST_INTERFACE_NAME}}}")
_USUAL_NAME = {4: "vrrp", 6: "vrrp6"}  # of a virtual MAC's interface, before the VRID
LONGEST_INTERVAL_S = {2: 255.0, 3: 40.95}
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?"
# The last label is no number: 10.0.0.300 is a mistyped address.
_HOST_NAME = re.compile(rf"({_LABEL}\.)*(?![0-9]+\.?$){_LABEL}\.?")


def speaks_vrrp(config: Config, vip: Vip) -> bool:
    """Whether this node sends advertisements for it, ever."""
    return config.backend == "vrrp" or vip.announce_vrrp


def advertised_version(vip: Vip) -> int:
    """4 or 6: the family of its first address. `vip` has good addresses."""
    return read_address(vip.addresses[0], vip.interface).vip.version


def broken_vrrp_rules(config: Config) -> Iterator[Finding]:
    """Everything that makes VRRP unusable. VIPs with unusable addresses are left to others."""
    first: dict[tuple[str, int, int], str] = {}
    called: dict[str, str] = {}
    for name, vip in config.vip.items():
        at: Path = ("vip", name)
        if config.backend == "vrrp" and vip.announce_vrrp:
            fix = 'leave it out: it is for a VIP whose owner a store decides, and backend is "vrrp"'
            yield Finding((*at, "announce_vrrp"), "has no meaning here", fix)
        if config.backend != "vrrp" and not vip.vrrp.accept:
            fix = 'leave it out: it is for a master that VRRP elects (backend = "vrrp")'
            yield Finding((*at, "vrrp", "accept"), "has no meaning here", fix)
        if not _has_good_addresses(vip):
            continue
        if speaks_vrrp(config, vip) or vip.vrrp.virtual_mac:
            yield from _bad_vrid(config, name, vip, first)
        yield from _bad_virtual_mac(config, name, vip, called)
        if not speaks_vrrp(config, vip):
            continue
        table: Path = (*at, "vrrp")
        family = advertised_version(vip)
        yield from _bad_version(table, vip.vrrp, family)
        yield from _bad_interval(table, vip.vrrp)
        yield from _bad_authentication(table, vip.vrrp)
        yield from _bad_partners(table, vip.vrrp, family)
        yield from _bad_priority(config, name, vip)


def vrrp_notices(config: Config) -> Iterator[Finding]:
    """What works, but may surprise. `config` has no broken rule."""
    for name, vip in config.vip.items():
        if not speaks_vrrp(config, vip):
            continue
        table: Path = ("vip", name, "vrrp")
        vrrp = vip.vrrp
        yield from strict_notices(name, vip)
        if vrrp.auth_type == "pass" and not vrrp.strict:
            wrong = "the password is sent in clear text with each advertisement, so everybody on the segment"
            wrong += " can read and repeat it"
            yield Finding((*table, "auth_type"), wrong, "use ah where that matters, or a store")
        if vrrp.auth_pass is not None and len(vrrp.auth_pass.encode()) > SECRET_BYTES:
            yield Finding((*table, "auth_pass"), "only its first 8 bytes are used", "write 8 bytes at most")
        first = read_address(vip.addresses[0], vip.interface).vip.address
        if advertised_version(vip) == 6 and not ipaddress.ip_address(first).is_link_local:
            yield Finding(
                ("vip", name, "addresses", 0),
                f"{first} is not link-local, which RFC 9568 (5.2.9) asks of the first IPv6 address",
                "keepalived and FRR accept it; write a link-local address first if another peer does not",
            )
        yield from _surplus(name, vip)
        soonest_s = (vrrp_in_force(vip).down_timer_adverts - 1) * vrrp.advert_interval_s
        if config.backend != "vrrp" and config.lease.ttl_s > soonest_s:
            yield Finding(
                (*table, "advert_interval"),
                f"a VRRP neighbour takes over {soonest_s:g} s after an owner's death at the "
                f"earliest, and its lease of {config.lease.ttl_s:g} s may still run then",
                "raise advert_interval, or lower lease.ttl",
            )


def _surplus(name: str, vip: Vip) -> Iterator[Finding]:
    """Addresses that an advertisement has no room for go along without being named, as in keepalived."""
    version = advertised_version(vip)
    for index, text in enumerate(vip.addresses):
        each = read_address(text, vip.interface).vip
        if each.version == version and each not in advertised_addresses(vip):
            yield Finding(
                ("vip", name, "addresses", index),
                f"an advertisement holds {MOST_ADVERTISED[version]} IPv{version} addresses; {each.address} "
                "and those after it go along without being advertised",
                "give them to another VIP, or list them in excluded_addresses on all routers",
            )
            return


def vrrp_summary(config: Config) -> Iterator[str]:
    """For people: what each VIP says, and how long clients wait for another master."""
    for name, vip in sorted(config.vip.items()):
        vrrp = vip.vrrp
        silence_s = vrrp_in_force(vip).down_timer_adverts * vrrp.advert_interval_s
        skewed_s = silence_s + (1.0 if vrrp.version == 2 else vrrp.advert_interval_s)
        whom = "multicast" if vrrp.unicast_peers is None else f"unicast to {', '.join(vrrp.unicast_peers)}"
        yield (
            f"vip {name}: VRRP version {vrrp.version}, VRID {vrrp.vrid}, {whom}, every "
            f"{vrrp.advert_interval_s:g} s; a master that dies is replaced within {silence_s:g} to "
            f"{skewed_s:g} s, and its kernel stops answering before that"
        )


def _has_good_addresses(vip: Vip) -> bool:
    try:
        return bool(written_addresses(vip))
    except WordError:
        return False


def _bad_vrid(
    config: Config, name: str, vip: Vip, first: dict[tuple[str, int, int], str]
) -> Iterator[Finding]:
    path: Path = ("vip", name, "vrrp", "vrid")
    if vip.vrrp.vrid is None:
        why = "announce_vrrp is set" if vip.announce_vrrp else "virtual_mac is set"
        why = f'backend is "{config.backend}"' if config.backend == "vrrp" else why
        yield Finding(path, f"is missing, and {why}", "add for example vrid = 51, the same on all routers")
        return
    family = advertised_version(vip)
    key = (vip.interface, family, vip.vrrp.vrid)
    if key in first:
        wrong = f"{vip.vrrp.vrid} is also {dotted(('vip', first[key], 'vrrp', 'vrid'))} on {vip.interface}"
        yield Finding(path, wrong, "a virtual router is one VIP: give one of them another number")
    first.setdefault(key, name)


def _bad_virtual_mac(config: Config, name: str, vip: Vip, first: dict[str, str]) -> Iterator[Finding]:
    """A virtual MAC is an interface, and two of them cannot have one name."""
    vrrp, path = vip.vrrp, ("vip", name, "vrrp", "virtual_mac_name")
    chosen = vrrp.virtual_mac_name
    if chosen is not None and not vrrp.virtual_mac:
        yield Finding(path, "is set without virtual_mac", "add virtual_mac = true, or leave it out")
    if not vrrp.virtual_mac or vrrp.vrid is None:
        return
    if chosen is not None and not _INTERFACE_NAME.fullmatch(chosen):
        fix = f"at most {LONGEST_INTERFACE_NAME} characters without slashes and spaces"
        yield Finding(path, f'"{chosen}" cannot be the name of an interface', fix)
    called = chosen or f"{_USUAL_NAME[advertised_version(vip)]}.{vrrp.vrid}"
    # On one interface it is the VRID that is wrong, and that has been said.
    if called in first and (chosen is not None or config.vip[first[called]].interface != vip.interface):
        wrong = f"{called} is also the interface of {dotted(('vip', first[called]))}"
        at: Path = path if chosen is not None else (*path[:-1], "vrid")
        yield Finding(at, wrong, "give one of them another vrid or virtual_mac_name")
    first.setdefault(called, name)


def _bad_version(table: Path, vrrp: VipVrrp, family: int) -> Iterator[Finding]:
    if vrrp.version == 2 and family == 6:
        fix = "write version = 3, or an IPv4 address first (the others go along with it)"
        yield Finding((*table, "version"), "version 2 is for IPv4 alone, and the first address is IPv6", fix)


def _bad_interval(table: Path, vrrp: VipVrrp) -> Iterator[Finding]:
    path: Path = (*table, "advert_interval")
    interval_s, longest_s = vrrp.advert_interval_s, LONGEST_INTERVAL_S[vrrp.version]
    if interval_s > longest_s:
        wrong = f"{interval_s:g} s is more than version {vrrp.version} can say"
        yield Finding(path, wrong, f"write at most {longest_s:g}")
    elif vrrp.version == 2 and interval_s != round(interval_s):
        wrong = f"{interval_s:g} s cannot be said in version 2, which counts whole seconds"
        yield Finding(path, wrong, "write whole seconds, or version = 3")
    elif abs(interval_s * 100 - round(interval_s * 100)) > 1e-6:
        yield Finding(path, f"{interval_s:g} s cannot be said: VRRP counts in steps of 0.01 s", "round it")


def _bad_authentication(table: Path, vrrp: VipVrrp) -> Iterator[Finding]:
    if vrrp.auth_type == "none":
        if vrrp.auth_pass is not None:
            yield Finding((*table, "auth_pass"), "auth_pass is set without auth_type", "set auth_type too")
    elif vrrp.version == 3:
        fix = "write version = 2 (on all routers), or leave it out"
        yield Finding((*table, "auth_type"), "version 3 has no authentication", fix)
    elif vrrp.auth_pass is None:
        yield Finding((*table, "auth_type"), f'"{vrrp.auth_type}" needs a secret', "set auth_pass too")


def _bad_partners(table: Path, vrrp: VipVrrp, family: int) -> Iterator[Finding]:
    if vrrp.unicast_peers is not None and vrrp.multicast_group is not None:
        wrong = "multicast_group and unicast_peers are both set"
        yield Finding((*table, "multicast_group"), wrong, "keep one of them")
    for index, peer in enumerate(vrrp.unicast_peers or ()):
        path: Path = (*table, "unicast_peers", index)
        address = _address(peer)
        if address is None and not _HOST_NAME.fullmatch(peer):
            yield Finding(path, f'"{peer}" is neither an address nor a host name', "write ADDR or NAME")
        elif address is not None and (address.version != family or address.is_multicast):
            yield Finding(path, f"{peer} is not a unicast IPv{family} address", _SAME_FAMILY)
    if vrrp.multicast_group is not None:
        group = _address(vrrp.multicast_group)
        if group is None or not group.is_multicast or group.version != family:
            wrong = f'"{vrrp.multicast_group}" is not a multicast IPv{family} address'
            yield Finding((*table, "multicast_group"), wrong, _SAME_FAMILY)
    sources = [(("source_address",), vrrp.source_address)] if vrrp.source_address is not None else []
    listed = [(("allowed_sources", at), text) for at, text in enumerate(vrrp.allowed_sources or ())]
    for where, text in (*sources, *listed):
        address = _address(text)
        if address is None or address.is_multicast or address.version != family:
            yield Finding((*table, *where), f'"{text}" is not a unicast IPv{family} address', _SAME_FAMILY)


_SAME_FAMILY = "write an address of the family that is advertised, that of the first address of the VIP"


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _bad_priority(config: Config, name: str, vip: Vip) -> Iterator[Finding]:
    """With a store the owner's advertisements say 255, whatever its priority."""
    if config.backend != "vrrp":
        return
    own = vip.priority
    priority = config.priority if own is None else own
    if priority > HIGHEST_PRIORITY:
        path: Path = ("priority",) if own is None else ("vip", name, "priority")
        fix = f"write 1 to 254 ({HIGHEST_PRIORITY}: this router owns the addresses)"
        yield Finding(path, f"{priority} is more than VRRP can say", fix)
