"""What real servers and sorry servers must mean beyond their shape: where they are, how packets get there.

Rules of this file: as in `service_rules.py`. IPVS's own bounds are those of `ip_vs_ctl.c`.
"""

from __future__ import annotations

from collections.abc import Iterator

from vipkeeper.config.balancing_schema import RealServer
from vipkeeper.config.mistakes import Finding, dotted
from vipkeeper.config.resolved_services import ResolvedServer, ResolvedService
from vipkeeper.config.schema import Config
from vipkeeper.config.toml_positions import Path
from vipkeeper.model.ipvs import Forwarding, ip_version

_TUNNEL_WORDS = ("tunnel", "tunnel_port", "tunnel_checksum")


def broken_server_rules(config: Config, services: tuple[ResolvedService, ...]) -> Iterator[Finding]:
    """Everything that makes a real or sorry server unusable."""
    synchronized = config.ipvs.sync_daemon.interface is not None
    for service in services:
        if not service.real_servers:
            wrong = "has no real servers, so nobody would answer"
            fix = f"add [{dotted((*service.path, 'real_server'))}.NAME] with an address"
            yield Finding(service.path, wrong, fix)
        versions = service.ip_versions
        for server in service.servers:
            if server.address.why_not:
                yield Finding(
                    (*server.path, "address"), server.address.why_not, "write the address of one host"
                )
            elif versions:
                yield from _other_version(server, versions, synchronized=synchronized)
        for server in service.real_servers:
            yield from _bad_thresholds(server.path, server.written)
        yield from _bad_tunnels(service)
        yield from _repeated_servers(service)


def _other_version(
    server: ResolvedServer, versions: frozenset[int], *, synchronized: bool
) -> Iterator[Finding]:
    own = ip_version(server.address.text)
    other = sorted(versions - {own})
    if not other:
        return
    if server.method is not Forwarding.TUN:
        wrong = f"an IPv{other[0]} packet cannot get to an IPv{own} server"
        fix = f'write its IPv{other[0]} address, or lvs_method = "TUN"'
        yield Finding((*server.path, "address"), wrong, fix)
    elif synchronized:
        wrong = f"IPVS sends no IPv{other[0]} packet to an IPv{own} server while its sync daemon runs"
        fix = f"write its IPv{other[0]} address, or delete ipvs.sync_daemon"
        yield Finding((*server.path, "address"), wrong, fix)


def _bad_tunnels(service: ResolvedService) -> Iterator[Finding]:
    """What several servers inherit wrongly is said once."""
    yield from dict.fromkeys(found for server in service.servers for found in _bad_tunnel(service, server))
    virtual = service.written
    written = [word for word in _TUNNEL_WORDS if getattr(virtual, word) is not None]
    if not written:
        return
    kinds = {
        server.written.tunnel or virtual.tunnel or "ipip"
        for server in service.servers
        if server.method is Forwarding.TUN
    }
    for word in written:
        path = (*service.path, word)
        if not kinds:
            fix = 'write lvs_method = "TUN", or leave it out'
            yield Finding(path, "no real server is reached by a tunnel", fix)
        elif word == "tunnel_port" and "gue" not in kinds:
            yield Finding(path, "no tunnel is GUE, and no other has a port", 'write tunnel = "gue"')
        elif word == "tunnel_checksum" and kinds == {"ipip"} and virtual.tunnel_checksum != "nocsum":
            fix = 'write tunnel = "gue" or "gre", or leave it out'
            yield Finding(path, "ipip has no checksum", fix)


def _bad_tunnel(service: ResolvedService, server: ResolvedServer) -> Iterator[Finding]:
    """Its own words; those that it inherits are judged where they stand, unless only it can be wrong."""
    own, virtual = server.written, service.written
    if server.method is not Forwarding.TUN:
        for word in _TUNNEL_WORDS:
            if getattr(own, word) is not None:
                wrong = f"packets get there by {server.method.value.upper()}, not by a tunnel"
                yield Finding((*server.path, word), wrong, 'write lvs_method = "TUN", or leave it out')
        return
    kind = own.tunnel or virtual.tunnel or "ipip"
    if kind == "gue" and not (own.tunnel_port or virtual.tunnel_port):
        where = service.path if own.tunnel is None else server.path
        wrong = "a GUE tunnel needs the UDP port that the real server listens on"
        yield Finding((*where, "tunnel"), wrong, "add for example tunnel_port = 6080")
    if kind != "gue" and own.tunnel_port is not None:
        wrong, fix = f"{kind} has no port", 'write tunnel = "gue", or leave it out'
        yield Finding((*server.path, "tunnel_port"), wrong, fix)
    if kind == "ipip" and own.tunnel_checksum not in (None, "nocsum"):
        wrong, fix = "ipip has no checksum", 'write tunnel = "gue" or "gre", or leave it out'
        yield Finding((*server.path, "tunnel_checksum"), wrong, fix)
    if kind == "gre" and (own.tunnel_checksum or virtual.tunnel_checksum) == "remcsum":
        where = service.path if own.tunnel_checksum is None else server.path
        wrong = "GRE has no remote checksum offload"
        yield Finding((*where, "tunnel_checksum"), wrong, 'write "csum" or "nocsum"')


def _bad_thresholds(path: Path, real: RealServer) -> Iterator[Finding]:
    if real.lthreshold > real.uthreshold:
        wrong = f"{real.lthreshold} is above uthreshold, which is {real.uthreshold}"
        fix = "write a smaller number, or raise uthreshold"
        if real.uthreshold == 0:
            wrong, fix = "without uthreshold a server is never full", "add uthreshold, or leave it out"
        yield Finding((*path, "lthreshold"), wrong, fix)


def _repeated_servers(service: ResolvedService) -> Iterator[Finding]:
    """IPVS has one entry for each address and port of a virtual server."""
    first: dict[tuple[str, int], Path] = {}
    for server in service.servers:
        address = server.address.text
        earlier = first.setdefault((address, server.port), server.path)
        if earlier is server.path:
            continue
        if isinstance(server.written, RealServer):
            yield Finding(
                (*server.path, "address"), f"{address} is also {dotted(earlier)}", "keep one of them"
            )
        elif server.written.inhibit:
            wrong = f"{address} is also {dotted(earlier)}, which would have weight 0 while all is well"
            yield Finding((*server.path, "inhibit"), wrong, "leave it out, or write another sorry server")
