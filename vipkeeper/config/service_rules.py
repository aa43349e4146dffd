"""What virtual servers and their groups must mean beyond their shape: which packets, chosen how, for whom.

Rules of this file: pure; see `rules.py`. It takes any Config; what is wrong in one place is said there alone.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

import msgspec

from vipkeeper.config.address_rules import good_addresses
from vipkeeper.config.balancing_schema import VirtualServer
from vipkeeper.config.group_addresses import GroupEntry, read_group_entry
from vipkeeper.config.mistakes import Finding, dotted, nearest
from vipkeeper.config.schema import Config
from vipkeeper.config.server_addresses import read_address, why_no_server
from vipkeeper.config.toml_positions import Path
from vipkeeper.config.virtual_servers import mark_version
from vipkeeper.config.words import WordError
from vipkeeper.model.ipvs import ip_version

_WHICH = ("address", "fwmark", "group")
_LONGEST_PREFIX = 128


def broken_service_rules(config: Config) -> Iterator[Finding]:
    """Everything that makes a virtual server or a group unusable, its real servers aside."""
    for name, group in config.virtual_server_group.items():
        if group.addresses is None and group.fwmarks is None:
            wrong = "names neither addresses nor firewall marks"
            yield Finding(("virtual_server_group", name), wrong, "add addresses or fwmarks")
        yield from _bad_entries(config, name)
    holders = vip_addresses(config)
    for name, virtual in config.virtual_server.items():
        at: Path = ("virtual_server", name)
        yield from _bad_target(config, at, virtual)
        yield from _bad_choice(config, at, virtual)
        yield from _bad_quorum(at, virtual)
        yield from _bad_owner(config, at, virtual, holders)
    yield from _repeated_services(config)


def good_entries(config: Config, group: str) -> Iterator[tuple[Path, GroupEntry]]:
    """The addresses of a group that can be understood, if there is such a group."""
    if group in config.virtual_server_group:
        for index, text in enumerate(config.virtual_server_group[group].addresses or ()):
            try:
                yield ("virtual_server_group", group, "addresses", index), read_group_entry(text)
            except WordError:
                continue


def ip_versions(config: Config, virtual: VirtualServer) -> frozenset[int]:
    """Those of the packets that it takes; empty where that cannot be understood."""
    if virtual.address is not None:
        wrong = why_no_server(virtual.address)
        return frozenset({ip_version(virtual.address)}) if wrong is None else frozenset()
    if virtual.fwmark is not None:
        return frozenset({mark_version(virtual)})
    group = config.virtual_server_group.get(virtual.group or "")
    marks = {mark_version(virtual)} if group is not None and group.fwmarks else set()
    return frozenset({entry.version for _, entry in good_entries(config, virtual.group or "")} | marks)


def _bad_entries(config: Config, name: str) -> Iterator[Finding]:
    for index, text in enumerate(config.virtual_server_group[name].addresses or ()):
        path: Path = ("virtual_server_group", name, "addresses", index)
        try:
            entry = read_group_entry(text)
        except WordError as error:
            yield Finding(path, error.wrong, error.fix)
            continue
        wrong = why_no_server(next(entry.addresses()))
        if wrong is not None:
            yield Finding(path, wrong, "write addresses that hosts can have")
    for index, mark in enumerate(config.virtual_server_group[name].fwmarks or ()):
        if not 1 <= mark <= 2**32 - 1:
            path = ("virtual_server_group", name, "fwmarks", index)
            yield Finding(path, f"{mark} is no firewall mark", "write a number from 1 to 4294967295")


def _bad_target(config: Config, at: Path, virtual: VirtualServer) -> Iterator[Finding]:
    written = [key for key in _WHICH if getattr(virtual, key) is not None]
    if not written:
        wrong = "does not say which packets it takes"
        yield Finding(at, wrong, "add address (with port and protocol), fwmark, or group")
    elif len(written) > 1:
        wrong = f"{' and '.join(written)} both say which packets it takes"
        yield Finding((*at, written[-1]), wrong, "keep one of them, and make a virtual server of the other")
    if virtual.address is not None:
        why = why_no_server(virtual.address)
        if why is not None:
            yield Finding((*at, "address"), why, "write the address that clients connect to")
    if virtual.group is not None and virtual.group not in config.virtual_server_group:
        fix = _unknown(virtual.group, config.virtual_server_group, "virtual_server_group")
        yield Finding((*at, "group"), f'there is no group "{virtual.group}"', fix)
    entries = list(good_entries(config, virtual.group or ""))
    if virtual.protocol is None and (virtual.address is not None or entries):
        wrong = "is missing: an address alone does not say what is spoken there"
        yield Finding((*at, "protocol"), wrong, 'add protocol = "tcp", "udp" or "sctp"')
    if virtual.persistence_timeout_s is None:
        every_port = "port 0 takes every port, which IPVS does for clients that keep their real server alone"
        fix = "write a port, or add for example persistence_timeout = 360"
        if virtual.address is not None and virtual.port == 0:
            yield Finding((*at, "port"), every_port, fix)
        for path, entry in entries:
            if entry.port == 0:
                yield Finding(path, f"{every_port}, and {dotted(at)} has no persistence_timeout", fix)


def _unknown(name: str, known: Iterable[str], table: str) -> str:
    near = nearest(name, known)
    return f'did you mean "{near}"?' if near is not None else f"add the table [{table}.{name}]"


def _bad_choice(config: Config, at: Path, virtual: VirtualServer) -> Iterator[Finding]:
    if virtual.ops and virtual.protocol in ("tcp", "sctp") and virtual.fwmark is None:
        wrong = f"a datagram alone is no {virtual.protocol.upper()} connection"
        yield Finding((*at, "ops"), wrong, "leave it out: it is for UDP and firewall marks")
    for index, flag in enumerate(virtual.sched_flags or ()):
        scheduler = flag.partition("-")[0]
        if scheduler in ("sh", "mh") and scheduler != virtual.lvs_sched:
            wrong = f"{flag} is a switch of {scheduler}, and lvs_sched is {virtual.lvs_sched}"
            yield Finding(
                (*at, "sched_flags", index), wrong, f'write lvs_sched = "{scheduler}", or leave it out'
            )
    versions = ip_versions(config, virtual)
    if virtual.persistence_timeout_s is not None and len(versions) > 1:
        wrong = "what counts as one client is written differently for IPv4 and IPv6, and its group has both"
        fix = "make a group and a virtual server for each IP version"
        yield Finding((*at, "persistence_timeout"), wrong, fix)
    elif virtual.persistence_granularity is not None and len(versions) == 1:
        yield from _bad_netmask(at, virtual.persistence_granularity, *versions)


def _bad_netmask(at: Path, text: str, version: int) -> Iterator[Finding]:
    if version == 6:
        good = text.isascii() and text.isdigit() and 1 <= int(text) <= _LONGEST_PREFIX
        fix = "write a prefix length from 1 to 128, for example 64"
    else:
        good, fix = _is_netmask(text), "write for example 255.255.255.0"
    if not good:
        wrong = f'"{text}" says nothing of an IPv{version} client'
        yield Finding((*at, "persistence_granularity"), wrong, fix)


def _is_netmask(text: str) -> bool:
    """Ones and then zeros."""
    try:
        mask = int(ipaddress.IPv4Address(text))
    except ValueError:
        return False
    rest = mask ^ (2**32 - 1)
    return mask != 0 and rest & (rest + 1) == 0


def _bad_quorum(at: Path, virtual: VirtualServer) -> Iterator[Finding]:
    if virtual.hysteresis >= virtual.quorum:
        wrong = f"{virtual.hysteresis} is not below quorum, which is {virtual.quorum}"
        fix = f"write at most {virtual.quorum - 1}, or raise quorum"
        yield Finding((*at, "hysteresis"), wrong, fix)


def _bad_owner(
    config: Config, at: Path, virtual: VirtualServer, holders: frozenset[str]
) -> Iterator[Finding]:
    if virtual.vip is not None:
        if virtual.vip not in config.vip:
            fix = _unknown(virtual.vip, config.vip, "vip")
            yield Finding((*at, "vip"), f'there is no VIP "{virtual.vip}"', fix)
        return
    if has_a_vip(config, virtual, holders):
        return
    why = "a firewall mark belongs to no VIP" if virtual.fwmark is not None else "no VIP has its address"
    fix = "add vip, the name of the VIP that it belongs to"
    if virtual.present == "owner":
        yield Finding((*at, "present"), f"{why}, so no node would ever have it", fix)
    if virtual.ha_suspend:
        yield Finding((*at, "ha_suspend"), f"{why}, so its real servers would never be checked", fix)


def has_a_vip(config: Config, virtual: VirtualServer, holders: frozenset[str]) -> bool:
    """Whether a VIP has an address of it; `holders` are the addresses of all VIPs."""
    if virtual.address is not None:
        return read_address(virtual.address) in holders
    entries = [entry for _, entry in good_entries(config, virtual.group or "")]
    known = [ipaddress.ip_address(text) for text in holders] if entries else []
    return any(
        entry.version == address.version and 0 <= int(address) - entry.first < entry.count
        for entry in entries
        for address in known
    )


def vip_addresses(config: Config) -> frozenset[str]:
    """Of all VIPs, those that can be understood."""
    return frozenset(address for _, address in good_addresses(config))


class _Span(msgspec.Struct, frozen=True, order=True):
    """Addresses of one virtual server that follow each other, of one protocol and port."""

    where: tuple[str, int, int]  # protocol, IP version, port
    first: int
    last: int
    path: Path
    name: str


def _repeated_services(config: Config) -> Iterator[Finding]:
    """IPVS has one entry for each address, port and protocol, and for each firewall mark."""
    spans = sorted(span for name in config.virtual_server for span in _spans(config, name))
    reaching: _Span | None = None  # of those before in the same place: the one that ends last
    for span in spans:
        if reaching is not None and reaching.where == span.where and reaching.last >= span.first:
            later, earlier = sorted((reaching, span), key=lambda each: _order(config, each), reverse=True)
            wrong = f"the same packets are taken by {dotted(earlier.path)}"
            path = later.path
            if earlier.name != later.name:
                wrong += f", which {dotted(('virtual_server', earlier.name))} has"
                at: Path = ("virtual_server", later.name)
                path = (*at, "group") if config.virtual_server[later.name].group is not None else path
            yield Finding(path, wrong, "keep it in one of them")
        if reaching is None or reaching.where != span.where or span.last > reaching.last:
            reaching = span


def _order(config: Config, span: _Span) -> tuple[int, str]:
    return list(config.virtual_server).index(span.name), dotted(span.path)


def _spans(config: Config, name: str) -> Iterator[_Span]:
    virtual = config.virtual_server[name]
    at: Path = ("virtual_server", name)
    protocol: str = virtual.protocol or ""
    marks = [((*at, "fwmark"), virtual.fwmark)] if virtual.fwmark is not None else []
    if virtual.address is not None and why_no_server(virtual.address) is None:
        address = ipaddress.ip_address(virtual.address)
        number = int(address)
        yield _Span((protocol, address.version, virtual.port), number, number, (*at, "address"), name)
    if virtual.group is not None and virtual.group in config.virtual_server_group:
        for path, entry in good_entries(config, virtual.group):
            where = (protocol, entry.version, entry.port)
            yield _Span(where, entry.first, entry.first + entry.count - 1, path, name)
        own: Path = ("virtual_server_group", virtual.group, "fwmarks")
        group = config.virtual_server_group[virtual.group]
        marks += [((*own, index), mark) for index, mark in enumerate(group.fwmarks or ())]
    for path, mark in marks:
        yield _Span(("fwmark", mark_version(virtual), 0), mark, mark, path, name)
