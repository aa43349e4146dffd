"""IPVS records of the kernel as values: services, destinations, counters, daemons, timeouts.

Rules of this file: pure; nothing is filled in: what the kernel did not say is not believed to be a default.
Counters are the 64-bit ones.
"""

from __future__ import annotations

import functools
import ipaddress
import operator
import struct
from collections.abc import Mapping

from vipkeeper.kernel import ipvs_numbers as n
from vipkeeper.kernel.generic_netlink import COMMAND
from vipkeeper.kernel.netlink_wire import attribute_map, nested_map
from vipkeeper.model.ipvs import (
    AddressKey,
    Destination,
    DestinationCounts,
    DestinationKey,
    Forwarding,
    IpvsInfo,
    MarkKey,
    Persistence,
    Service,
    ServiceKey,
    SyncDaemon,
    SyncRole,
    Timeouts,
    Traffic,
    Tunnel,
)

Fields = Mapping[int, bytes]

_U16 = struct.Struct("=H")
_U32 = struct.Struct("=I")
_U64 = struct.Struct("=Q")
_BE16 = struct.Struct("!H")
_IPV4_BYTES = 4
_FLAGS_OF = {number: flag for flag, number in n.F_SCHEDULER.items()}


def fields_of(body: bytes, attribute: int) -> Fields:
    """The fields of the service, destination or daemon that a record carries. It carries nothing else."""
    return nested_map(body, COMMAND.size, attribute)


def read_service(fields: Fields) -> tuple[ServiceKey, Service]:
    """A virtual server and how it chooses. Raises KeyError for what is not known here."""
    version = n.IP_VERSIONS[_U16.unpack(fields[n.SVC_AF])[0]]
    (flags, _) = n.FLAGS.unpack(fields[n.SVC_FLAGS])
    service = Service(
        scheduler=_text(fields[n.SVC_SCHED_NAME]),
        flags=frozenset(flag for number, flag in _FLAGS_OF.items() if flags & number),
        persistence=_persistence(fields, version) if flags & n.F_PERSISTENT else None,
        one_packet=bool(flags & n.F_ONE_PACKET),
    )
    return _service_key(fields, version), service


def _service_key(fields: Fields, version: int) -> ServiceKey:
    if n.SVC_FWMARK in fields:
        return MarkKey(_U32.unpack(fields[n.SVC_FWMARK])[0], version)
    return AddressKey(
        n.TRANSPORT_OF[_U16.unpack(fields[n.SVC_PROTOCOL])[0]],
        _address(fields[n.SVC_ADDR], version),
        _BE16.unpack(fields[n.SVC_PORT])[0],
    )


def _persistence(fields: Fields, version: int) -> Persistence:
    mask = fields[n.SVC_NETMASK]
    return Persistence(
        timeout_s=_U32.unpack(fields[n.SVC_TIMEOUT])[0],
        netmask=str(ipaddress.IPv4Address(mask)) if version == 4 else str(_U32.unpack(mask)[0]),
        engine=_text(fields.get(n.SVC_PE_NAME, b"")),
    )


def read_destination(fields: Fields) -> tuple[DestinationKey, Destination]:
    """A real server and how it is used. Raises KeyError for what is not known here."""
    return _destination_key(_WHO(fields)), _destination(_HOW(fields))


_WHO = operator.itemgetter(n.DEST_ADDR_FAMILY, n.DEST_ADDR, n.DEST_PORT)
_HOW = operator.itemgetter(
    n.DEST_FWD_METHOD,
    n.DEST_WEIGHT,
    n.DEST_U_THRESH,
    n.DEST_L_THRESH,
    n.DEST_TUN_TYPE,
    n.DEST_TUN_PORT,
    n.DEST_TUN_FLAGS,
)


# The same few thousand entries are read again and again; equal ones become the same object, which is also
# compared faster.
@functools.lru_cache(maxsize=1 << 14)
def _destination_key(who: tuple[bytes, ...]) -> DestinationKey:
    family, address, port = who
    return DestinationKey(_address(address, n.IP_VERSIONS[_U16.unpack(family)[0]]), _BE16.unpack(port)[0])


@functools.lru_cache(maxsize=1 << 10)
def _destination(how: tuple[bytes, ...]) -> Destination:
    method, weight, upper, lower, kind, port, checksum = how
    forwarding = n.FORWARDING_OF[_U32.unpack(method)[0] & n.FORWARDING_MASK]
    tunnel = Tunnel(n.TUNNEL_OF[kind[0]], _BE16.unpack(port)[0], n.CHECKSUM_OF[_U16.unpack(checksum)[0]])
    return Destination(
        forwarding=forwarding,
        weight=_U32.unpack(weight)[0],
        upper=_U32.unpack(upper)[0],
        lower=_U32.unpack(lower)[0],
        tunnel=tunnel if forwarding is Forwarding.TUN else None,
    )


def read_service_traffic(fields: Fields) -> Traffic:
    return _traffic(fields[n.SVC_STATS64])


def read_destination_counts(fields: Fields) -> DestinationCounts:
    return DestinationCounts(
        active=_U32.unpack(fields[n.DEST_ACTIVE_CONNS])[0],
        inactive=_U32.unpack(fields[n.DEST_INACT_CONNS])[0],
        persistent=_U32.unpack(fields[n.DEST_PERSIST_CONNS])[0],
        traffic=_traffic(fields[n.DEST_STATS64]),
    )


def _traffic(payload: bytes) -> Traffic:
    """Linux 4.1 and later; before, counters of 32 bits ran over and rates were capped."""
    counts = attribute_map(payload)

    def count(kind: int) -> int:
        number: int = _U64.unpack(counts[kind])[0]
        return number

    return Traffic(
        connections=count(n.STATS_CONNS),
        packets_in=count(n.STATS_INPKTS),
        packets_out=count(n.STATS_OUTPKTS),
        bytes_in=count(n.STATS_INBYTES),
        bytes_out=count(n.STATS_OUTBYTES),
        connections_per_s=count(n.STATS_CPS),
        packets_in_per_s=count(n.STATS_INPPS),
        packets_out_per_s=count(n.STATS_OUTPPS),
        bytes_in_per_s=count(n.STATS_INBPS),
        bytes_out_per_s=count(n.STATS_OUTBPS),
    )


def read_daemon(fields: Fields) -> tuple[SyncRole, SyncDaemon]:
    """A running daemon, with what the kernel chose."""
    group = fields.get(n.DAEMON_MCAST_GROUP, fields.get(n.DAEMON_MCAST_GROUP6, b""))
    return n.ROLE_OF[_U32.unpack(fields[n.DAEMON_STATE])[0]], SyncDaemon(
        interface=_text(fields[n.DAEMON_MCAST_IFN]),
        sync_id=_U32.unpack(fields[n.DAEMON_SYNC_ID])[0],
        max_bytes=_U16.unpack(fields[n.DAEMON_SYNC_MAXLEN])[0] if n.DAEMON_SYNC_MAXLEN in fields else 0,
        group=str(ipaddress.ip_address(group)) if group else "",
        port=_U16.unpack(fields[n.DAEMON_MCAST_PORT])[0] if n.DAEMON_MCAST_PORT in fields else 0,
        ttl=fields[n.DAEMON_MCAST_TTL][0] if n.DAEMON_MCAST_TTL in fields else 0,
    )


def read_timeouts(body: bytes) -> Timeouts:
    fields = attribute_map(body, COMMAND.size)
    return Timeouts(
        tcp_s=_U32.unpack(fields[n.ATTR_TIMEOUT_TCP])[0],
        tcp_fin_s=_U32.unpack(fields[n.ATTR_TIMEOUT_TCP_FIN])[0],
        udp_s=_U32.unpack(fields[n.ATTR_TIMEOUT_UDP])[0],
    )


def read_info(body: bytes) -> IpvsInfo:
    """The version is one byte for each of its three numbers."""
    fields = attribute_map(body, COMMAND.size)
    (version,) = _U32.unpack(fields[n.INFO_VERSION])
    return IpvsInfo(
        f"{version >> 16 & 0xFF}.{version >> 8 & 0xFF}.{version & 0xFF}",
        _U32.unpack(fields[n.INFO_CONN_TAB_SIZE])[0],
    )


@functools.lru_cache(maxsize=1 << 14)
def _address(packed: bytes, version: int) -> str:
    return str(ipaddress.ip_address(packed[:_IPV4_BYTES] if version == 4 else packed))


def _text(payload: bytes) -> str:
    return payload.rstrip(b"\0").decode()
