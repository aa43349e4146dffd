"""Virtual servers with what they inherit: how packets get to each server, and what is checked there.

Rules of this file: pure; it takes any Config, also one with mistakes. Rules, notices and the director's plan
look at this, so that all of them mean the same, and an address is read once for all of them.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping

import msgspec

from vipkeeper.config.balancing_schema import RealServer, SorryServer, VirtualServer
from vipkeeper.config.checker_schema import Check
from vipkeeper.config.group_addresses import GroupEntry, read_group_entry
from vipkeeper.config.mistakes import Finding
from vipkeeper.config.schema import Config
from vipkeeper.config.server_addresses import ServerAddress, read_server
from vipkeeper.config.toml_positions import Path
from vipkeeper.config.words import WordError
from vipkeeper.model.balancing import CheckKind
from vipkeeper.model.ipvs import Forwarding, Tunnel, TunnelChecksum, TunnelKind, ip_version

WrittenCheck = tuple[CheckKind, str, Check]

USUAL_WEIGHT = 1
_VERSIONS = {"inet": 4, "inet6": 6}
_METHODS = {method.value.upper(): method for method in Forwarding}
_KINDS = tuple(CheckKind)
_check_tables = operator.attrgetter(*(kind.value for kind in CheckKind))


class ResolvedServer(msgspec.Struct, frozen=True, kw_only=True):
    """A real or sorry server of one virtual server, and how packets get there.

    `port` is what stands in IPVS's table. 0: that of each service, and of a firewall mark none.
    """

    path: Path
    written: RealServer | SorryServer
    address: ServerAddress
    method: Forwarding
    port: int


class ResolvedRealServer(ResolvedServer, frozen=True, kw_only=True):
    """A real server. `checks` are its own, or if it has none those of its virtual server."""

    name: str
    written: RealServer
    weight: int
    checks: tuple[WrittenCheck, ...]
    check_port: int  # 0: nothing says one


class ResolvedGroup(msgspec.Struct, frozen=True):
    """What a virtual server group names, as far as it can be understood, and what is wrong with the rest."""

    entries: tuple[tuple[Path, GroupEntry], ...]
    marks: tuple[tuple[Path, int], ...]
    findings: tuple[Finding, ...]


class ResolvedService(msgspec.Struct, frozen=True):
    """A virtual server. `address` and `group` are None where it names none, or no group that there is."""

    path: Path
    name: str
    written: VirtualServer
    address: ServerAddress | None
    group: ResolvedGroup | None
    checks: tuple[WrittenCheck, ...]  # as written for all its real servers
    real_servers: tuple[ResolvedRealServer, ...]
    sorry: ResolvedServer | None

    @property
    def servers(self) -> tuple[ResolvedServer, ...]:
        """All that packets may go to, the sorry server last."""
        return self.real_servers if self.sorry is None else (*self.real_servers, self.sorry)

    @property
    def entries(self) -> tuple[tuple[Path, GroupEntry], ...]:
        """Addresses of its group."""
        return () if self.group is None else self.group.entries

    @property
    def marks(self) -> tuple[tuple[Path, int], ...]:
        """Its firewall marks, its own and those of its group, each where it stands."""
        own = self.written.fwmark
        marks = () if own is None else (((*self.path, "fwmark"), own),)
        return marks if self.group is None else (*marks, *self.group.marks)

    @property
    def mark_version(self) -> int:
        """The IP version of its firewall marks."""
        if self.written.ip_family is not None:
            return _VERSIONS[self.written.ip_family]
        return next((ip_version(real.address.text) for real in self.real_servers), 4)

    @property
    def ip_versions(self) -> frozenset[int]:
        """Those of the packets that it takes; empty where that cannot be understood."""
        if self.address is not None:
            return frozenset() if self.address.why_not else frozenset({ip_version(self.address.text)})
        marks = {self.mark_version} if self.marks else set()
        return frozenset({entry.version for _, entry in self.entries} | marks)

    @property
    def total_weight(self) -> int:
        """Of all real servers, as configured."""
        return sum(real.weight for real in self.real_servers)

    @property
    def quorum_in_force(self) -> tuple[int, int]:
        """Quorum and hysteresis, lowered to what all real servers together can reach."""
        total = max(1, self.total_weight)
        quorum = min(self.written.quorum, total)
        return quorum, min(self.written.hysteresis, total - quorum)


def resolve_services(
    config: Config, groups: Mapping[str, ResolvedGroup] | None = None
) -> tuple[ResolvedService, ...]:
    """All virtual servers, in the order of the file; with their groups, if those are known already."""
    groups = resolve_groups(config) if groups is None else groups
    return tuple(_service(name, virtual, groups) for name, virtual in config.virtual_server.items())


def resolve_groups(config: Config) -> dict[str, ResolvedGroup]:
    """All virtual server groups, each read once however many virtual servers name it."""
    return {name: _group(config, name) for name in config.virtual_server_group}


def written_checks(services: tuple[ResolvedService, ...]) -> Iterator[tuple[Path, Check]]:
    """Each where it stands, however many real servers inherit it."""
    for service in services:
        for kind, name, check in service.checks:
            yield (*service.path, kind.value, name), check
        for real in service.real_servers:
            if real.checks is not service.checks:
                for kind, name, check in real.checks:
                    yield (*real.path, kind.value, name), check


def tunnel_of(virtual: VirtualServer, server: ResolvedServer) -> Tunnel | None:
    """What packets are wrapped in; what a virtual server says of another kind of tunnel is not for it."""
    if server.method is not Forwarding.TUN:
        return None
    own = server.written
    kind = TunnelKind(own.tunnel or virtual.tunnel or "ipip")
    port = own.tunnel_port or virtual.tunnel_port or 0
    checksum = TunnelChecksum(own.tunnel_checksum or virtual.tunnel_checksum or "nocsum")
    return Tunnel(
        kind,
        port if kind is TunnelKind.GUE else 0,
        TunnelChecksum.NONE if kind is TunnelKind.IPIP else checksum,
    )


def _service(name: str, virtual: VirtualServer, groups: Mapping[str, ResolvedGroup]) -> ResolvedService:
    path: Path = ("virtual_server", name)
    checks = _checks_of(virtual)
    return ResolvedService(
        path=path,
        name=name,
        written=virtual,
        address=None if virtual.address is None else read_server(virtual.address),
        group=None if virtual.group is None else groups.get(virtual.group),
        checks=checks,
        real_servers=tuple(
            _real_server((*path, "real_server", each), each, virtual, real, checks)
            for each, real in virtual.real_server.items()
        ),
        sorry=_sorry_server(path, virtual),
    )


def _real_server(
    path: Path, name: str, virtual: VirtualServer, real: RealServer, inherited: tuple[WrittenCheck, ...]
) -> ResolvedRealServer:
    method = _METHODS[real.lvs_method or virtual.lvs_method or "NAT"]
    usual_weight = USUAL_WEIGHT if virtual.weight is None else virtual.weight
    return ResolvedRealServer(
        path=path,
        name=name,
        written=real,
        address=read_server(real.address),
        method=method,
        port=_table_port(virtual, method, real.port),
        weight=usual_weight if real.weight is None else real.weight,
        checks=_checks_of(real) or inherited,
        check_port=virtual.port if real.port is None else real.port,
    )


def _sorry_server(path: Path, virtual: VirtualServer) -> ResolvedServer | None:
    sorry = virtual.sorry_server
    if sorry.address is None:
        return None
    method = _METHODS[sorry.lvs_method or virtual.lvs_method or "NAT"]
    return ResolvedServer(
        path=(*path, "sorry_server"),
        written=sorry,
        address=read_server(sorry.address),
        method=method,
        port=_table_port(virtual, method, sorry.port),
    )


def _table_port(virtual: VirtualServer, method: Forwarding, written: int | None) -> int:
    """Only NAT can change the port of a packet; in the table of the others the virtual one has to stand."""
    if method is Forwarding.NAT and written is not None:
        return written
    return 0 if virtual.address is None else virtual.port


def _checks_of(owner: RealServer | VirtualServer) -> tuple[WrittenCheck, ...]:
    found: list[WrittenCheck] = []
    for kind, table in zip(_KINDS, _check_tables(owner), strict=True):
        if table:  # most have none of most kinds
            found += [(kind, name, check) for name, check in table.items()]
    return tuple(found)


def _group(config: Config, name: str) -> ResolvedGroup:
    path: Path = ("virtual_server_group", name)
    group = config.virtual_server_group[name]
    entries: list[tuple[Path, GroupEntry]] = []
    findings: list[Finding] = []
    for index, text in enumerate(group.addresses or ()):
        at: Path = (*path, "addresses", index)
        try:
            entries.append((at, read_group_entry(text)))
        except WordError as error:
            findings.append(Finding(at, error.wrong, error.fix))
    marks = tuple(((*path, "fwmarks", index), mark) for index, mark in enumerate(group.fwmarks or ()))
    return ResolvedGroup(tuple(entries), marks, tuple(findings))
