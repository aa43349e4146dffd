"""Where this host speaks from, for each VIP: what its peers see, and what orders routers of equal priority.

Rules of this file: nothing is sent; a virtual address is never the answer, because it moves.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Collection, Mapping

from vipkeeper.config.schema import Config
from vipkeeper.config.vip_addresses import written_addresses
from vipkeeper.config.vrrp_rules import advertised_version
from vipkeeper.kernel.netlink_socket import NetlinkSocket
from vipkeeper.kernel.own_addresses import speaking_address
from vipkeeper.model.host import Link
from vrrp_compat.wire.message import is_link_local

_ANY_PORT = 9  # a route does not depend on it
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


def find_sources(
    netlink: NetlinkSocket, config: Config, links: Mapping[str, Link], names: Mapping[tuple[str, int], bytes]
) -> dict[str, bytes | None]:
    """By VIP; None where the interface has no such address now. Raises KernelRefused or MissingPrivilege."""
    virtual = _virtual_addresses(config)
    primary: dict[tuple[int, int], bytes | None] = {}
    found: dict[str, bytes | None] = {}
    for name, vip in config.vip.items():
        version, link = advertised_version(vip), links.get(vip.interface)
        found[name] = None
        if link is None:
            continue
        if version == 6 and vip.vrrp.unicast_peers:
            known = (_packed(peer, version) or names.get((peer, version)) for peer in vip.vrrp.unicast_peers)
            peer = next((each for each in known if each is not None), None)
            if peer is not None and not is_link_local(peer):
                found[name] = _towards(peer, link.name, virtual)
                continue
        place = (link.index, version)
        if place not in primary:
            primary[place] = speaking_address(netlink, link.index, version, virtual=virtual)
        found[name] = primary[place]
    return found


def _virtual_addresses(config: Config) -> frozenset[bytes]:
    return frozenset(
        socket.inet_pton(_FAMILIES[each.version], each.address)
        for vip in config.vip.values()
        for each in (written.vip for written in written_addresses(vip))
    )


def _packed(text: str, version: int) -> bytes | None:
    with contextlib.suppress(OSError):
        return socket.inet_pton(_FAMILIES[version], text)
    return None


def _towards(peer: bytes, interface: str, virtual: Collection[bytes]) -> bytes | None:
    """What the kernel would take (RFC 6724); connecting a datagram socket sends nothing."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as probe:
        try:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
            probe.connect((socket.inet_ntop(socket.AF_INET6, peer), _ANY_PORT))
        except OSError:
            return None
        own = _packed(str(probe.getsockname()[0]).partition("%")[0], 6)
    return None if own in virtual else own
