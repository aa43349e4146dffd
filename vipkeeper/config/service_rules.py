"""What virtual servers and their groups must mean beyond their shape: which packets, chosen how, for whom.

Rules of this file: pure; see `rules.py`. It takes any virtual server; what is wrong in one place is said
there alone.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from vipkeeper.config.balancing_schema import VirtualServer
from vipkeeper.config.mistakes import Finding, dotted, nearest
from vipkeeper.config.resolved_services import ResolvedGroup, ResolvedService
from vipkeeper.config.schema import Config
from vipkeeper.config.server_addresses import read_server
from vipkeeper.config.toml_positions import Path
from vipkeeper.config.vip_holders import VipHolders
from vipkeeper.model.ipvs import ip_version

_WHICH = ("address", "fwmark", "group")
_LONGEST_PREFIX = 128
_PREFIX = re.compile("[0-9]{1,9}")  # int() refuses thousands of digits


def broken_service_rules(config: Config, services: tuple[ResolvedService, ...]) -> Iterator[Finding]:
    """Everything that makes a virtual server unusable, its real servers aside."""
    holders = VipHolders(config)
    for service in services:
        yield from _bad_target(config, service)
        yield from _bad_choice(service)
        yield from _bad_quorum(service.path, service.written)
        yield from _bad_owner(config, service, holders)
    yield from _repeated_services(services)


def broken_group_entries(groups: Mapping[str, ResolvedGroup]) -> Iterator[Finding]:
    """Everything that makes a virtual server group unusable."""
    for name, group in groups.items():
        if not (group.entries or group.marks or group.findings):
            wrong = "names neither addresses nor firewall marks"
            yield Finding(("virtual_server_group", name), wrong, "add addresses or fwmarks")
        yield from group.findings
        for path, entry in group.entries:
            why = next(filter(None, (read_server(end).why_not for end in entry.ends)), None)
            if why is not None:
                yield Finding(path, why, "write addresses that hosts can have")
        for path, mark in group.marks:
            if not 1 <= mark <= 2**32 - 1:
                yield Finding(path, f"{mark} is no firewall mark", "write a number from 1 to 4294967295")


def _bad_target(config: Config, service: ResolvedService) -> Iterator[Finding]:
    at, virtual, entries = service.path, service.written, service.entries
    written = [key for key in _WHICH if getattr(virtual, key) is not None]
    if not written:
        wrong = "does not say which packets it takes"
        yield Finding(at, wrong, "add address (with port and protocol), fwmark, or group")
    elif len(written) > 1:
        wrong = f"{' and '.join(written)} both say which packets it takes"
        yield Finding((*at, written[-1]), wrong, "keep one of them, and make a virtual server of the other")
    if service.address is not None and service.address.why_not:
        yield Finding((*at, "address"), service.address.why_not, "write the address that clients connect to")
    if virtual.group is not None and service.group is None:
        fix = _unknown(virtual.group, config.virtual_server_group, "virtual_server_group")
        yield Finding((*at, "group"), f'there is no group "{virtual.group}"', fix)
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


def _bad_choice(service: ResolvedService) -> Iterator[Finding]:
    at, virtual = service.path, service.written
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
    if virtual.persistence_timeout_s is None and virtual.persistence_granularity is None:
        return
    versions = service.ip_versions
    if virtual.persistence_timeout_s is not None and len(versions) > 1:
        wrong = "what counts as one client is written differently for IPv4 and IPv6, and its group has both"
        fix = "make a group and a virtual server for each IP version"
        yield Finding((*at, "persistence_timeout"), wrong, fix)
    elif virtual.persistence_granularity is not None and len(versions) == 1:
        yield from _bad_netmask(at, virtual.persistence_granularity, *versions)


def _bad_netmask(at: Path, text: str, version: int) -> Iterator[Finding]:
    if version == 6:
        good = _PREFIX.fullmatch(text) is not None and 1 <= int(text) <= _LONGEST_PREFIX
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


def _bad_owner(config: Config, service: ResolvedService, holders: VipHolders) -> Iterator[Finding]:
    at, virtual = service.path, service.written
    if virtual.vip is not None:
        if virtual.vip not in config.vip:
            fix = _unknown(virtual.vip, config.vip, "vip")
            yield Finding((*at, "vip"), f'there is no VIP "{virtual.vip}"', fix)
        return
    if not (virtual.present == "owner" or virtual.ha_suspend) or holders.by_address(service):
        return
    why = "a firewall mark belongs to no VIP" if virtual.fwmark is not None else "no VIP has its address"
    fix = "add vip, the name of the VIP that it belongs to"
    if virtual.present == "owner":
        yield Finding((*at, "present"), f"{why}, so no node would ever have it", fix)
    if virtual.ha_suspend:
        yield Finding((*at, "ha_suspend"), f"{why}, so its real servers would never be checked", fix)


class _Span(NamedTuple):
    """Addresses of one virtual server that follow each other, of one protocol and port."""

    where: tuple[str, int, int]  # protocol, IP version, port
    first: int
    last: int
    order: int  # of the virtual server in the file
    path: Path


def _repeated_services(services: tuple[ResolvedService, ...]) -> Iterator[Finding]:
    """IPVS has one entry for each address, port and protocol, and for each firewall mark."""
    spans = sorted(span for order, service in enumerate(services) for span in _spans(order, service))
    reaching: _Span | None = None  # of those before in the same place: the one that ends last
    for span in spans:
        if reaching is not None and reaching.where == span.where and reaching.last >= span.first:
            earlier, later = sorted((reaching, span), key=lambda each: (each.order, each.path))
            wrong = f"the same packets are taken by {dotted(earlier.path)}"
            path = later.path
            if earlier.order != later.order:
                wrong += f", which {dotted(services[earlier.order].path)} has"
                if services[later.order].written.group is not None:
                    path = (*services[later.order].path, "group")
            yield Finding(path, wrong, "keep it in one of them")
        if reaching is None or reaching.where != span.where or span.last > reaching.last:
            reaching = span


def _spans(order: int, service: ResolvedService) -> Iterator[_Span]:
    protocol: str = service.written.protocol or ""
    address = service.address
    if address is not None and not address.why_not:
        number = int(ipaddress.ip_address(address.text))
        where = (protocol, ip_version(address.text), service.written.port)
        yield _Span(where, number, number, order, (*service.path, "address"))
    for path, entry in service.entries:
        where = (protocol, entry.version, entry.port)
        yield _Span(where, entry.first, entry.first + entry.count - 1, order, path)
    for path, mark in service.marks:
        yield _Span(("fwmark", service.mark_version, 0), mark, mark, order, path)
