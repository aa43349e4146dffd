"""IPVS as a table of values: virtual servers, their destinations, timeouts, connection synchronisation.

Rules of this file: plain values; wanted and observed are the same type, and what the kernel does not keep
is not in it, so that a table read back equals the table written. Addresses are canonical text, as
`ipaddress` prints them.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

import msgspec


class Transport(enum.Enum):
    """What a virtual server by address is spoken to with."""

    TCP = "tcp"
    UDP = "udp"
    SCTP = "sctp"


class AddressKey(msgspec.Struct, frozen=True, tag="address"):
    """A virtual server by its address. Port 0 takes every port, and needs persistence."""

    transport: Transport
    address: str
    port: int

    @property
    def ip_version(self) -> int:
        return ip_version(self.address)

    def __str__(self) -> str:
        return f"{self.transport.value} {endpoint(self.address, self.port)}"


class MarkKey(msgspec.Struct, frozen=True, tag="mark"):
    """A virtual server of all packets that carry a firewall mark, of one IP version."""

    mark: int
    ip_version: int = 4

    def __str__(self) -> str:
        return f"fwmark {self.mark}" + (" ipv6" if self.ip_version == 6 else "")


ServiceKey = AddressKey | MarkKey


def ip_version(address: str) -> int:
    """4 or 6."""
    return 6 if ":" in address else 4


def endpoint(address: str, port: int) -> str:
    """As it is written in a URL."""
    return f"[{address}]:{port}" if ip_version(address) == 6 else f"{address}:{port}"


SCHEDULERS = (
    "rr",
    "wrr",
    "lc",
    "wlc",
    "lblc",
    "lblcr",
    "sh",
    "mh",
    "dh",
    "fo",
    "ovf",
    "sed",
    "nq",
    "twos",
)
DEFAULT_SCHEDULER = "wlc"


class SchedulerFlag(enum.Enum):
    """Three switches that a scheduler may give a meaning to."""

    FLAG_1 = "flag-1"
    FLAG_2 = "flag-2"
    FLAG_3 = "flag-3"


# What they mean to the schedulers that know them, under the names that ipvsadm and keepalived use.
NAMED_FLAGS: Mapping[str, SchedulerFlag] = {
    "sh-fallback": SchedulerFlag.FLAG_1,
    "sh-port": SchedulerFlag.FLAG_2,
    "mh-fallback": SchedulerFlag.FLAG_1,
    "mh-port": SchedulerFlag.FLAG_2,
}


class Persistence(msgspec.Struct, frozen=True):
    """Connections of one client go to one destination. The netmask says what counts as one client.

    `netmask` is as ipvsadm takes it: 255.255.255.0 for IPv4, a prefix length for IPv6. `engine` may be
    "sip" (one call is one client); empty: by address.
    """

    timeout_s: int
    netmask: str
    engine: str = ""


def whole_netmask(version: int) -> str:
    """Each address is a client of its own."""
    return "255.255.255.255" if version == 4 else "128"


class Service(msgspec.Struct, frozen=True):
    """How one virtual server chooses."""

    scheduler: str = DEFAULT_SCHEDULER
    flags: frozenset[SchedulerFlag] = frozenset()
    persistence: Persistence | None = None
    one_packet: bool = False  # each datagram is a connection of its own; UDP


class Forwarding(enum.Enum):
    """How a packet gets to the destination."""

    NAT = "nat"
    DR = "dr"
    TUN = "tun"
    LOCAL = "local"
    BYPASS = "bypass"


class TunnelKind(enum.Enum):
    """What a packet is wrapped in on its way to a destination that is reached by a tunnel."""

    IPIP = "ipip"
    GUE = "gue"
    GRE = "gre"


class TunnelChecksum(enum.Enum):
    """Of the tunnel's header: none, a checksum, or remote checksum offload (GUE)."""

    NONE = "nocsum"
    CSUM = "csum"
    REMCSUM = "remcsum"


class Tunnel(msgspec.Struct, frozen=True):
    """`port` is GUE's, and 0 for the others."""

    kind: TunnelKind = TunnelKind.IPIP
    port: int = 0
    checksum: TunnelChecksum = TunnelChecksum.NONE


class DestinationKey(msgspec.Struct, frozen=True):
    """One real server of one virtual server."""

    address: str
    port: int

    @property
    def ip_version(self) -> int:
        return ip_version(self.address)

    def __str__(self) -> str:
        return endpoint(self.address, self.port)


class Destination(msgspec.Struct, frozen=True):
    """How one real server is used. Weight 0: it gets no new connections and keeps those it has.

    With more than `upper` connections it gets none until there are fewer than `lower`; 0: no such limit.
    `tunnel` is there for TUN and for nothing else.
    """

    forwarding: Forwarding = Forwarding.NAT
    weight: int = 1
    upper: int = 0
    lower: int = 0
    tunnel: Tunnel | None = None

    def __post_init__(self) -> None:
        # The kernel always says by which tunnel, so a table that does not would differ from it for ever.
        if (self.forwarding is Forwarding.TUN) is (self.tunnel is None):
            raise ValueError(f"forwarding {self.forwarding.value} with tunnel {self.tunnel}")


class VirtualServer(msgspec.Struct, frozen=True):
    """A service with its destinations."""

    service: Service
    destinations: Mapping[DestinationKey, Destination] = msgspec.field(default_factory=dict)


class Timeouts(msgspec.Struct, frozen=True):
    """How long a connection without packets is remembered: of the whole host."""

    tcp_s: int
    tcp_fin_s: int
    udp_s: int


class SyncRole(enum.Enum):
    """A master tells of its connections, a backup listens; a host may do both."""

    MASTER = "master"
    BACKUP = "backup"


class SyncDaemon(msgspec.Struct, frozen=True):
    """Connection synchronisation over one interface. What is 0 or empty is chosen by the kernel."""

    interface: str
    sync_id: int = 0
    max_bytes: int = 0  # of a message
    group: str = ""  # multicast; IPv4 or IPv6
    port: int = 0
    ttl: int = 0

    def is_met_by(self, running: SyncDaemon) -> bool:
        """Whether the kernel's own choices aside, this is what runs."""
        return (
            self.interface == running.interface
            and self.sync_id == running.sync_id
            and self.max_bytes in (0, running.max_bytes)
            and self.group in ("", running.group)
            and self.port in (0, running.port)
            and self.ttl in (0, running.ttl)
        )


class IpvsTable(msgspec.Struct, frozen=True):
    """All of one network namespace. Wanted: timeouts None, and a role without an entry, are left as found."""

    servers: Mapping[ServiceKey, VirtualServer] = msgspec.field(default_factory=dict)
    timeouts: Timeouts | None = None
    daemons: Mapping[SyncRole, SyncDaemon] = msgspec.field(default_factory=dict)


class OwnIpvs(msgspec.Struct, frozen=True):
    """What may be taken away because we wanted it: IPVS itself does not say who made an entry."""

    services: frozenset[ServiceKey] = frozenset()
    roles: frozenset[SyncRole] = frozenset()


class Traffic(msgspec.Struct, frozen=True):
    """Counted since the entry was made or zeroed, and the kernel's own rates."""

    connections: int = 0
    packets_in: int = 0
    packets_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    connections_per_s: int = 0
    packets_in_per_s: int = 0
    packets_out_per_s: int = 0
    bytes_in_per_s: int = 0
    bytes_out_per_s: int = 0


class DestinationCounts(msgspec.Struct, frozen=True):
    """Connections that a destination has now, and its traffic."""

    active: int
    inactive: int
    persistent: int
    traffic: Traffic


class ServiceCounts(msgspec.Struct, frozen=True):
    """Of a virtual server and each of its destinations."""

    traffic: Traffic
    destinations: Mapping[DestinationKey, DestinationCounts]


class IpvsInfo(msgspec.Struct, frozen=True):
    """What the kernel says of its IPVS."""

    version: str
    connection_table_size: int
