"""IPVS commands as netlink messages: what is written into the kernel's table.

Rules of this file: pure. Every field of an entry is in its message, so that a change leaves nothing of what
was there before; ports and IPv4 netmasks in network order, everything else in the host's.
"""

from __future__ import annotations

import functools
import ipaddress
import struct

from vipkeeper.kernel import ipvs_numbers as n
from vipkeeper.kernel.generic_netlink import command
from vipkeeper.kernel.netlink_wire import Message, attribute, nested, text_attribute
from vipkeeper.model.ipvs import (
    AddressKey,
    Destination,
    DestinationKey,
    Persistence,
    Service,
    ServiceKey,
    SyncDaemon,
    SyncRole,
    Timeouts,
    Tunnel,
    ip_version,
    whole_netmask,
)

_U16 = struct.Struct("=H")
_U32 = struct.Struct("=I")
_BE16 = struct.Struct("!H")
# A union of an IPv4 and an IPv6 address; the kernel wants all of it for either.
_ADDRESS_BYTES = 16


class IpvsMessages:
    """Messages for the family's id of this boot."""

    def __init__(self, family: int) -> None:
        self._family = family

    def add_service(self, key: ServiceKey, service: Service) -> Message:
        return self._service(n.NEW_SERVICE, service_fields(key), _service_terms(key, service))

    def edit_service(self, key: ServiceKey, service: Service) -> Message:
        return self._service(n.SET_SERVICE, service_fields(key), _service_terms(key, service))

    def remove_service(self, key: ServiceKey) -> Message:
        return self._service(n.DEL_SERVICE, service_fields(key))

    def add_destination(self, key: ServiceKey, one: DestinationKey, how: Destination) -> Message:
        return self._destination(n.NEW_DEST, key, _destination_fields(one) + _destination_terms(how))

    def edit_destination(self, key: ServiceKey, one: DestinationKey, how: Destination) -> Message:
        return self._destination(n.SET_DEST, key, _destination_fields(one) + _destination_terms(how))

    def remove_destination(self, key: ServiceKey, one: DestinationKey) -> Message:
        return self._destination(n.DEL_DEST, key, _destination_fields(one))

    def flush(self) -> Message:
        """Everything goes, whoever made it."""
        return command(self._family, n.FLUSH, n.VERSION)

    def zero(self, key: ServiceKey | None = None) -> Message:
        """Counters of one virtual server, or of all, begin again."""
        if key is None:
            return command(self._family, n.ZERO, n.VERSION)
        return self._service(n.ZERO, service_fields(key))

    def set_timeouts(self, timeouts: Timeouts) -> Message:
        return command(
            self._family,
            n.SET_CONFIG,
            n.VERSION,
            attribute(n.ATTR_TIMEOUT_TCP, _U32.pack(timeouts.tcp_s)),
            attribute(n.ATTR_TIMEOUT_TCP_FIN, _U32.pack(timeouts.tcp_fin_s)),
            attribute(n.ATTR_TIMEOUT_UDP, _U32.pack(timeouts.udp_s)),
        )

    def start_daemon(self, role: SyncRole, daemon: SyncDaemon) -> Message:
        state = attribute(n.DAEMON_STATE, _U32.pack(n.ROLES[role]))
        fields = nested(n.ATTR_DAEMON, state, *_daemon_fields(daemon))
        return command(self._family, n.NEW_DAEMON, n.VERSION, fields)

    def stop_daemon(self, role: SyncRole) -> Message:
        state = attribute(n.DAEMON_STATE, _U32.pack(n.ROLES[role]))
        return command(self._family, n.DEL_DAEMON, n.VERSION, nested(n.ATTR_DAEMON, state))

    def ask_timeouts(self) -> Message:
        return command(self._family, n.GET_CONFIG, n.VERSION)

    def ask_info(self) -> Message:
        return command(self._family, n.GET_INFO, n.VERSION)

    def _service(self, number: int, *fields: bytes) -> Message:
        return command(self._family, number, n.VERSION, nested(n.ATTR_SERVICE, *fields))

    def _destination(self, number: int, key: ServiceKey, fields: bytes) -> Message:
        return command(
            self._family,
            number,
            n.VERSION,
            nested(n.ATTR_SERVICE, service_fields(key)),
            nested(n.ATTR_DEST, fields),
        )


@functools.lru_cache(maxsize=1)  # each destination repeats its service
def service_fields(key: ServiceKey) -> bytes:
    """What tells a virtual server from all others."""
    family = attribute(n.SVC_AF, _U16.pack(n.FAMILIES[key.ip_version]))
    if not isinstance(key, AddressKey):
        return family + attribute(n.SVC_FWMARK, _U32.pack(key.mark))
    return (
        family
        + attribute(n.SVC_PROTOCOL, _U16.pack(n.TRANSPORTS[key.transport]))
        + attribute(n.SVC_ADDR, _packed(key.address))
        + attribute(n.SVC_PORT, _BE16.pack(key.port))
    )


def _service_terms(key: ServiceKey, service: Service) -> bytes:
    flags = n.F_ONE_PACKET if service.one_packet else 0
    for flag in service.flags:
        flags |= n.F_SCHEDULER[flag]
    # The kernel refuses an IPv6 service whose prefix length is not 1 to 128, persistent or not, and one by
    # firewall mark like any other.
    kept = service.persistence or Persistence(0, whole_netmask(key.ip_version))
    if service.persistence is not None:
        flags |= n.F_PERSISTENT
    terms = (
        text_attribute(n.SVC_SCHED_NAME, service.scheduler)
        + attribute(n.SVC_FLAGS, n.FLAGS.pack(flags, n.F_OURS))
        + attribute(n.SVC_TIMEOUT, _U32.pack(kept.timeout_s))
        + attribute(n.SVC_NETMASK, _netmask(kept.netmask))
    )
    return terms + text_attribute(n.SVC_PE_NAME, kept.engine) if kept.engine else terms


def _netmask(text: str) -> bytes:
    """A mask in network order for IPv4; the length of the prefix, in the host's order, for IPv6."""
    return ipaddress.IPv4Address(text).packed if "." in text else _U32.pack(int(text))


def _destination_fields(one: DestinationKey) -> bytes:
    # Without its own IP version the kernel would take it for one of the service's.
    return (
        attribute(n.DEST_ADDR, _packed(one.address))
        + attribute(n.DEST_PORT, _BE16.pack(one.port))
        + attribute(n.DEST_ADDR_FAMILY, _U16.pack(n.FAMILIES[one.ip_version]))
    )


def _destination_terms(how: Destination) -> bytes:
    tunnel = how.tunnel or Tunnel()
    return (
        attribute(n.DEST_FWD_METHOD, _U32.pack(n.FORWARDINGS[how.forwarding]))
        + attribute(n.DEST_WEIGHT, _U32.pack(how.weight))
        + attribute(n.DEST_U_THRESH, _U32.pack(how.upper))
        + attribute(n.DEST_L_THRESH, _U32.pack(how.lower))
        + attribute(n.DEST_TUN_TYPE, bytes([n.TUNNELS[tunnel.kind]]))
        + attribute(n.DEST_TUN_PORT, _BE16.pack(tunnel.port))
        + attribute(n.DEST_TUN_FLAGS, _U16.pack(n.CHECKSUMS[tunnel.checksum]))
    )


def _daemon_fields(daemon: SyncDaemon) -> list[bytes]:
    """What is 0 or empty is left out, and the kernel chooses."""
    fields = [
        text_attribute(n.DAEMON_MCAST_IFN, daemon.interface),
        attribute(n.DAEMON_SYNC_ID, _U32.pack(daemon.sync_id)),
    ]
    if daemon.max_bytes:
        fields.append(attribute(n.DAEMON_SYNC_MAXLEN, _U16.pack(daemon.max_bytes)))
    if daemon.group:
        kind = n.DAEMON_MCAST_GROUP if ip_version(daemon.group) == 4 else n.DAEMON_MCAST_GROUP6
        fields.append(attribute(kind, ipaddress.ip_address(daemon.group).packed))
    if daemon.port:
        fields.append(attribute(n.DAEMON_MCAST_PORT, _U16.pack(daemon.port)))
    if daemon.ttl:
        fields.append(attribute(n.DAEMON_MCAST_TTL, bytes([daemon.ttl])))
    return fields


@functools.lru_cache(maxsize=4096)
def _packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed.ljust(_ADDRESS_BYTES, b"\0")
