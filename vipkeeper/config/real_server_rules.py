"""What real servers and sorry servers must mean beyond their shape: where they are, how packets get there.

Rules of this file: as in `service_rules.py`. IPVS's own bounds are those of `ip_vs_ctl.c`.
"""

from __future__ import annotations

from collections.abc import Iterator

from vipkeeper.config.balancing_schema import RealServer, SorryServer, VirtualServer
from vipkeeper.config.mistakes import Finding, dotted
from vipkeeper.config.schema import Config
from vipkeeper.config.server_addresses import canonical, why_no_server
from vipkeeper.config.service_rules import ip_versions
from vipkeeper.config.toml_positions import Path
from vipkeeper.config.virtual_servers import method_of, table_port
from vipkeeper.model.ipvs import DestinationKey, Forwarding, ip_version

Server = RealServer | SorryServer
_TUNNEL_WORDS = ("tunnel", "tunnel_port", "tunnel_checksum")


def broken_server_rules(config: Config) -> Iterator[Finding]:
    """Everything that makes a real or sorry server unusable."""
    for name, virtual in config.virtual_server.items():
        at: Path = ("virtual_server", name)
        if not virtual.real_server:
            wrong = "has no real servers, so nobody would answer"
            yield Finding(at, wrong, f"add [{dotted((*at, 'real_server'))}.NAME] with an address")
        versions = ip_versions(config, virtual)
        for path, server in servers_of(at, virtual):
            why = why_no_server(server.address or "")
            if why is not None:
                yield Finding((*path, "address"), why, "write the address of one host")
            else:
                yield from _other_version(config, path, virtual, server, versions)
            yield from _bad_tunnel(at, path, virtual, server)
        for server_name, real in virtual.real_server.items():
            yield from _bad_thresholds((*at, "real_server", server_name), real)
        yield from _idle_tunnel_words(at, virtual)
        yield from _repeated_servers(at, virtual)


def servers_of(at: Path, virtual: VirtualServer) -> Iterator[tuple[Path, Server]]:
    """All that packets may go to, the sorry server last."""
    for name, real in virtual.real_server.items():
        yield (*at, "real_server", name), real
    if virtual.sorry_server.address is not None:
        yield (*at, "sorry_server"), virtual.sorry_server


def _other_version(
    config: Config, path: Path, virtual: VirtualServer, server: Server, versions: frozenset[int]
) -> Iterator[Finding]:
    own = ip_version(canonical(server.address or ""))
    other = sorted(versions - {own})
    if not other:
        return
    if method_of(virtual, server) is not Forwarding.TUN:
        wrong = f"an IPv{other[0]} packet cannot get to an IPv{own} server"
        fix = f'write its IPv{other[0]} address, or lvs_method = "TUN"'
        yield Finding((*path, "address"), wrong, fix)
    elif config.ipvs.sync_daemon.interface is not None:
        wrong = f"IPVS sends no IPv{other[0]} packet to an IPv{own} server while its sync daemon runs"
        fix = f"write its IPv{other[0]} address, or delete ipvs.sync_daemon"
        yield Finding((*path, "address"), wrong, fix)


def _bad_tunnel(at: Path, path: Path, virtual: VirtualServer, server: Server) -> Iterator[Finding]:
    """Its own words; those that it inherits are judged where they stand, unless only it can be wrong."""
    own = [word for word in _TUNNEL_WORDS if getattr(server, word) is not None]
    method = method_of(virtual, server)
    if method is not Forwarding.TUN:
        for word in own:
            wrong = f"packets get there by {method.value.upper()}, not by a tunnel"
            yield Finding((*path, word), wrong, 'write lvs_method = "TUN", or leave it out')
        return
    kind = server.tunnel or virtual.tunnel or "ipip"
    where = path if server.tunnel is not None else at
    if kind == "gue" and not (server.tunnel_port or virtual.tunnel_port):
        wrong = "a GUE tunnel needs the UDP port that the real server listens on"
        yield Finding((*where, "tunnel"), wrong, "add for example tunnel_port = 6080")
    if kind != "gue" and server.tunnel_port is not None:
        yield Finding((*path, "tunnel_port"), f"{kind} has no port", 'write tunnel = "gue", or leave it out')
    checksum = server.tunnel_checksum or virtual.tunnel_checksum or "nocsum"
    said_at = path if server.tunnel_checksum is not None else at
    if kind == "ipip" and server.tunnel_checksum not in (None, "nocsum"):
        wrong, fix = "ipip has no checksum", 'write tunnel = "gue" or "gre", or leave it out'
        yield Finding((*path, "tunnel_checksum"), wrong, fix)
    if kind == "gre" and checksum == "remcsum":
        wrong = "GRE has no remote checksum offload"
        yield Finding((*said_at, "tunnel_checksum"), wrong, 'write "csum" or "nocsum"')


def _idle_tunnel_words(at: Path, virtual: VirtualServer) -> Iterator[Finding]:
    reached = [
        server for _, server in servers_of(at, virtual) if method_of(virtual, server) is Forwarding.TUN
    ]
    kinds = {server.tunnel or virtual.tunnel or "ipip" for server in reached}
    for word in _TUNNEL_WORDS:
        if getattr(virtual, word) is None:
            continue
        if not reached:
            fix = 'write lvs_method = "TUN", or leave it out'
            yield Finding((*at, word), "no real server is reached by a tunnel", fix)
        elif word == "tunnel_port" and "gue" not in kinds:
            yield Finding((*at, word), "no tunnel is GUE, and no other has a port", 'write tunnel = "gue"')
        elif word == "tunnel_checksum" and kinds == {"ipip"} and virtual.tunnel_checksum != "nocsum":
            fix = 'write tunnel = "gue" or "gre", or leave it out'
            yield Finding((*at, word), "ipip has no checksum", fix)


def _bad_thresholds(path: Path, real: RealServer) -> Iterator[Finding]:
    if real.lthreshold > real.uthreshold:
        wrong = f"{real.lthreshold} is above uthreshold, which is {real.uthreshold}"
        fix = "write a smaller number, or raise uthreshold"
        if real.uthreshold == 0:
            wrong, fix = "without uthreshold a server is never full", "add uthreshold, or leave it out"
        yield Finding((*path, "lthreshold"), wrong, fix)


def _repeated_servers(at: Path, virtual: VirtualServer) -> Iterator[Finding]:
    """IPVS has one entry for each address and port of a virtual server."""
    first: dict[DestinationKey, Path] = {}
    for path, server in servers_of(at, virtual):
        port = table_port(virtual, method_of(virtual, server), server.port)
        key = DestinationKey(canonical(server.address or ""), port)
        if key not in first:
            first[key] = path
        elif isinstance(server, RealServer):
            yield Finding(
                (*path, "address"), f"{key.address} is also {dotted(first[key])}", "keep one of them"
            )
        elif server.inhibit:
            wrong = f"{key.address} is also {dotted(first[key])}, which would have weight 0 while all is well"
            yield Finding((*path, "inhibit"), wrong, "leave it out, or write another sorry server")
