"""What a configuration names that this host has not: addresses of its own, programs.

Rules of this file: pure; see `rules.py`. Only told: a file is also checked on machines that will not run it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vipkeeper.config.mistakes import Finding
from vipkeeper.config.programs_named import all_scripts, program_of
from vipkeeper.config.schema import Config
from vipkeeper.config.toml_positions import Path
from vipkeeper.config.vrrp_rules import speaks_vrrp


def named_sources(config: Config) -> tuple[tuple[str, str], ...]:
    """Each address that advertisements are to come from, with its interface."""
    return tuple(
        (vip.vrrp.source_address, vip.interface)
        for vip in config.vip.values()
        if vip.vrrp.source_address is not None and speaks_vrrp(config, vip)
    )


def named_programs(config: Config) -> tuple[str, ...]:
    """Each program that scripts begin with."""
    found = (program_of(script) for _, script in all_scripts(config))
    return tuple(dict.fromkeys(program for program in found if program is not None))


def named_servers(config: Config) -> tuple[str, ...]:
    """The address of each real server."""
    found = (
        real.address for virtual in config.virtual_server.values() for real in virtual.real_server.values()
    )
    return tuple(dict.fromkeys(found))


def servers_on_directors(config: Config, own: frozenset[str]) -> Iterator[Finding]:
    """Real servers that are this host itself. A sorry server may well be."""
    for name, virtual in config.virtual_server.items():
        if virtual.present == "owner":
            continue
        for server, real in virtual.real_server.items():
            # By NAT the address is another one when the packet comes there, so that it ends its way.
            if real.address in own and (real.lvs_method or virtual.lvs_method) in ("DR", "TUN"):
                yield Finding(
                    ("virtual_server", name, "real_server", server, "address"),
                    f"{real.address} is this host: two directors that are real servers of each other send "
                    "packets round between them while both have the virtual server",
                    'write present = "owner", or run the real server elsewhere',
                )


def foreign_sources(config: Config, foreign: frozenset[str]) -> Iterator[Finding]:
    """Source addresses that this host has not: often a file that was copied from another node."""
    for name, vip in config.vip.items():
        address = vip.vrrp.source_address
        if address is None or address not in foreign or not speaks_vrrp(config, vip):
            continue
        path: Path = ("vip", name, "vrrp", "source_address")
        if address in (vip.vrrp.unicast_peers or ()):
            wrong = f"this host has no address {address}, and it is among the peers: it is another node's"
        else:
            wrong = f"this host has no address {address}: was the file copied from another node?"
        yield Finding(path, wrong, f"write the address of this node on {vip.interface}")


def own_address_as_peer(config: Config, foreign: frozenset[str]) -> Iterator[Finding]:
    """Peers that are this node itself: the list was copied from another node."""
    for name, vip in config.vip.items():
        address, peers = vip.vrrp.source_address, vip.vrrp.unicast_peers or ()
        if address in peers and address not in foreign and speaks_vrrp(config, vip):
            path: Path = ("vip", name, "vrrp", "unicast_peers", peers.index(address))
            wrong = f"{address} is this node's own address"
            yield Finding(path, wrong, "list the other nodes alone")


def unusable_programs(config: Config, unusable: Mapping[str, str]) -> Iterator[Finding]:
    """Programs that cannot be run here; `unusable` says why."""
    for path, script in all_scripts(config):
        program = program_of(script)
        if program is not None and program in unusable:
            fix = "install it, or correct the path" if "/" in program else "write its whole path"
            yield Finding(path, f"{program} {unusable[program]}", fix)
