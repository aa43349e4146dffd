"""Virtual servers beside the lines in which `ipvsadm -Sn` writes them: what IPVS can express, kind by kind.

Written by hand from ipvsadm's manual; the lines are the expectation, for writing and for reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vipkeeper.model.ipvs import (
    SCHEDULERS,
    AddressKey,
    Destination,
    DestinationKey,
    Forwarding,
    MarkKey,
    Persistence,
    SchedulerFlag,
    Service,
    ServiceKey,
    Transport,
    Tunnel,
    TunnelChecksum,
    TunnelKind,
    VirtualServer,
)

# Newer than the kernel that the tests bring along; a kernel that lacks it says so.
NOT_EVERYWHERE = "twos"

FLAGS = frozenset(SchedulerFlag)
FALLBACK_AND_PORT = frozenset({SchedulerFlag.FLAG_1, SchedulerFlag.FLAG_2})

WEB = AddressKey(Transport.TCP, "10.0.0.1", 80)
WEB6 = AddressKey(Transport.TCP, "2001:db8::1", 80)
DNS = AddressKey(Transport.UDP, "10.0.0.1", 53)
ONE = DestinationKey("10.1.0.1", 80)
ONE6 = DestinationKey("2001:db8:1::1", 80)


@dataclass(frozen=True, slots=True)
class Entry:
    """A virtual server, and its lines."""

    name: str
    key: ServiceKey
    server: VirtualServer
    lines: tuple[str, ...]


def service(name: str, key: ServiceKey, how: Service, line: str) -> Entry:
    return Entry(name, key, VirtualServer(how), (line,))


def destination(name: str, one: DestinationKey, how: Destination, words: str) -> Entry:
    """Of a service that is always the same."""
    shown = f"-a -t 10.0.0.1:80 -r {one} {words}"
    return Entry(name, WEB, VirtualServer(Service("rr"), {one: how}), ("-A -t 10.0.0.1:80 -s rr", shown))


def tunnel(kind: TunnelKind, port: int = 0, checksum: TunnelChecksum = TunnelChecksum.NONE) -> Destination:
    return Destination(Forwarding.TUN, tunnel=Tunnel(kind, port, checksum))


SERVICES = (
    *(
        service(f"scheduler-{name}", WEB, Service(name), f"-A -t 10.0.0.1:80 -s {name}")
        for name in SCHEDULERS
        if name != NOT_EVERYWHERE
    ),
    service("udp", DNS, Service(), "-A -u 10.0.0.1:53 -s wlc"),
    service(
        "sctp",
        AddressKey(Transport.SCTP, "10.0.0.1", 80),
        Service(),
        "-A --sctp-service 10.0.0.1:80 -s wlc",
    ),
    service("ipv6", WEB6, Service(), "-A -t [2001:db8::1]:80 -s wlc"),
    service("fwmark", MarkKey(7), Service(), "-A -f 7 -s wlc"),
    service("fwmark-ipv6", MarkKey(7, 6), Service(), "-A -f 7 -6 -s wlc"),
    service(
        "sh-flags", WEB, Service("sh", FALLBACK_AND_PORT), "-A -t 10.0.0.1:80 -s sh -b sh-fallback,sh-port"
    ),
    service(
        "mh-flags", WEB, Service("mh", FALLBACK_AND_PORT), "-A -t 10.0.0.1:80 -s mh -b mh-fallback,mh-port"
    ),
    service("flags", WEB, Service("wlc", FLAGS), "-A -t 10.0.0.1:80 -s wlc -b flag-1,flag-2,flag-3"),
    service("one-packet", DNS, Service("rr", one_packet=True), "-A -u 10.0.0.1:53 -s rr -o"),
    service(
        "persistent",
        WEB,
        Service(persistence=Persistence(360, "255.255.255.255")),
        "-A -t 10.0.0.1:80 -s wlc -p 360",
    ),
    service(
        "persistent-network",
        WEB,
        Service(persistence=Persistence(300, "255.255.255.0")),
        "-A -t 10.0.0.1:80 -s wlc -p 300 -M 255.255.255.0",
    ),
    service(
        "persistent-ipv6",
        WEB6,
        Service(persistence=Persistence(300, "64")),
        "-A -t [2001:db8::1]:80 -s wlc -p 300 -M 64",
    ),
    service(
        "persistent-fwmark-ipv6",
        MarkKey(9, 6),
        Service(persistence=Persistence(50, "64")),
        "-A -f 9 -6 -s wlc -p 50 -M 64",
    ),
    service(
        "persistent-every-port",
        AddressKey(Transport.TCP, "10.0.0.1", 0),
        Service(persistence=Persistence(50, "255.255.255.255")),
        "-A -t 10.0.0.1:0 -s wlc -p 50",
    ),
    service(
        "persistence-engine",
        AddressKey(Transport.UDP, "10.0.0.1", 5060),
        Service(persistence=Persistence(60, "255.255.255.255", "sip")),
        "-A -u 10.0.0.1:5060 -s wlc -p 60 --pe sip",
    ),
)

DESTINATIONS = (
    destination("nat", DestinationKey("10.1.0.1", 8080), Destination(weight=3), "-m -w 3"),
    destination("dr", ONE, Destination(Forwarding.DR), "-g -w 1"),
    destination("weight-0", ONE, Destination(Forwarding.DR, 0), "-g -w 0"),
    destination("thresholds", ONE, Destination(upper=200, lower=100), "-m -w 1 -x 200 -y 100"),
    destination("ipip", ONE, tunnel(TunnelKind.IPIP), "-i -w 1 --tun-type ipip"),
    destination(
        "gue", ONE, tunnel(TunnelKind.GUE, 6080), "-i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum"
    ),
    destination(
        "gue-csum",
        ONE,
        tunnel(TunnelKind.GUE, 6080, TunnelChecksum.CSUM),
        "-i -w 1 --tun-type gue --tun-port 6080 --tun-csum",
    ),
    destination(
        "gue-remcsum",
        ONE,
        tunnel(TunnelKind.GUE, 6080, TunnelChecksum.REMCSUM),
        "-i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum",
    ),
    destination("gre", ONE, tunnel(TunnelKind.GRE), "-i -w 1 --tun-type gre --tun-nocsum"),
    destination(
        "gre-csum",
        ONE,
        tunnel(TunnelKind.GRE, 0, TunnelChecksum.CSUM),
        "-i -w 1 --tun-type gre --tun-csum",
    ),
    destination("other-ip-version", ONE6, tunnel(TunnelKind.IPIP), "-i -w 1 --tun-type ipip"),
    Entry(
        "ipv6-nat",
        WEB6,
        VirtualServer(Service("rr"), {ONE6: Destination(weight=2)}),
        ("-A -t [2001:db8::1]:80 -s rr", "-a -t [2001:db8::1]:80 -r [2001:db8:1::1]:80 -m -w 2"),
    ),
    Entry(
        "fwmark-dr",
        MarkKey(7),
        VirtualServer(Service("rr"), {DestinationKey("10.1.0.1", 0): Destination(Forwarding.DR)}),
        ("-A -f 7 -s rr", "-a -f 7 -r 10.1.0.1:0 -g -w 1"),
    ),
)


def spread(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The same, each with an address or a mark of its own, so that one table holds all of them."""
    for number, entry in enumerate(entries, 10):
        at, at6, mark = f"10.0.0.{number}:", f"[2001:db8::{number:x}]:", f"-f {number}"
        yield Entry(
            entry.name,
            _moved(entry.key, number),
            entry.server,
            tuple(
                re.sub(r"-f [0-9]+", mark, line.replace("10.0.0.1:", at).replace("[2001:db8::1]:", at6))
                for line in entry.lines
            ),
        )


def _moved(key: ServiceKey, number: int) -> ServiceKey:
    if isinstance(key, MarkKey):
        return MarkKey(number, key.ip_version)
    address = f"10.0.0.{number}" if key.ip_version == 4 else f"2001:db8::{number:x}"
    return AddressKey(key.transport, address, key.port)


ENTRIES = tuple(spread((*SERVICES, *DESTINATIONS)))
