"""Two networks on one machine: a LAN that carries the VIPs, and a store network, so each can be cut alone.

    switch namespace     bridge "lan" and bridge "store"; the other end of every cable is a port here
    host namespaces      eth0 on the LAN, store0 on the store network; agents run here
    client namespace     eth0 on the LAN: an ordinary machine with an ordinary ARP cache
    observer namespace   eth0 on the LAN: sends crafted frames, and never disturbs the client's ARP cache

Every lab uses the same addresses: nothing leaves its own namespaces. Host i (from 1) has .i in each network.

    LAN      10.77.0.0/16 and fd77::/64    hosts 10.77.1.i, client 10.77.2.1, observer 10.77.2.2
                                           VIPs 10.77.4.x and up; 10.77.255.x: senders of ARP probes
    store    10.88.0.0/16                  hosts 10.88.1.i, member i of the store 10.88.2.i
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from vipkeeper.lab.namespaces import Namespace, make_namespace

LAN, STORE = "lan", "store"  # the switch's bridges
LAN_INTERFACE = "eth0"
STORE_INTERFACE = "store0"


@dataclass(frozen=True, slots=True)
class Host:
    """One machine of the lab. `mac` is that of its LAN interface."""

    name: str
    namespace: Namespace
    mac: str
    ipv4: str
    ipv6: str
    store_ipv4: str
    lan_port: str  # the switch's end of its cables
    store_port: str


@dataclass(frozen=True, slots=True)
class Station:
    """A machine with one interface: the client, the observer, a store server."""

    namespace: Namespace
    mac: str
    ipv4: str
    ipv6: str


@dataclass(frozen=True, slots=True)
class Network:
    switch: Namespace
    hosts: tuple[Host, ...]
    client: Station
    observer: Station
    store_servers: tuple[Station, ...]

    def host(self, name: str) -> Host:
        return next(host for host in self.hosts if host.name == name)


def vip_ipv4(number: int) -> str:
    """The number-th IPv4 VIP of the lab, from 0; there is room for 60000."""
    return f"10.77.{4 + number // 250}.{1 + number % 250}"


def vip_ipv6(number: int) -> str:
    """The number-th IPv6 VIP of the lab, from 0."""
    return f"fd77::4:{1 + number:x}"


@contextlib.contextmanager
def make_network(lab_name: str, *, hosts: int, store_servers: int) -> Iterator[Network]:
    """Both networks, up and addressed; all gone when the block ends, however it ends."""
    with contextlib.ExitStack() as stack:
        wiring = _Wiring(lab_name, stack)
        observer = wiring.station("observer", LAN, 2, "10.77.2.2")
        yield Network(
            switch=wiring.switch,
            hosts=tuple(wiring.host(number, observer) for number in range(1, hosts + 1)),
            client=wiring.station("client", LAN, 1, "10.77.2.1"),
            observer=observer,
            store_servers=tuple(
                wiring.station(f"store{number}", STORE, number, f"10.88.2.{number}")
                for number in range(1, store_servers + 1)
            ),
        )


class _Wiring:
    """Makes the switch, and machines plugged into it; `stack` takes care of their removal."""

    def __init__(self, lab_name: str, stack: contextlib.ExitStack) -> None:
        self._lab_name = lab_name
        self._stack = stack
        self.switch = self._namespace("switch")
        for bridge in (LAN, STORE):
            # With snooping on, neighbour solicitations reach a port only after it has joined the group.
            self.switch.configure(
                f"link add {bridge} type bridge forward_delay 0 mcast_snooping 0 stp_state 0",
                f"link set {bridge} up",
            )

    def station(self, role: str, bridge: str, number: int, ipv4: str) -> Station:
        interface = LAN_INTERFACE if bridge == LAN else STORE_INTERFACE
        made = Station(self._namespace(role), _mac(bridge, number), ipv4, f"fd77::2:{number}")
        self._plug(made.namespace, interface, bridge, f"{bridge}-{role}", made.mac)
        made.namespace.configure(f"addr add {ipv4}/16 dev {interface}", f"link set {interface} up")
        if bridge == LAN:
            made.namespace.configure(f"addr add {made.ipv6}/64 dev {interface} nodad")
        return made

    def host(self, number: int, observer: Station) -> Host:
        name = f"node{number}"
        made = Host(
            name=name,
            namespace=self._namespace(name),
            mac=_mac(LAN, 16 + number),
            ipv4=f"10.77.1.{number}",
            ipv6=f"fd77::1:{number}",
            store_ipv4=f"10.88.1.{number}",
            lan_port=f"{LAN}-{name}",
            store_port=f"{STORE}-{name}",
        )
        self._plug(made.namespace, LAN_INTERFACE, LAN, made.lan_port, made.mac)
        self._plug(made.namespace, STORE_INTERFACE, STORE, made.store_port, _mac(STORE, 16 + number))
        made.namespace.configure(
            f"addr add {made.ipv4}/16 dev {LAN_INTERFACE}",
            f"addr add {made.ipv6}/64 dev {LAN_INTERFACE} nodad",
            f"addr add {made.store_ipv4}/16 dev {STORE_INTERFACE}",
            f"link set {LAN_INTERFACE} up",
            f"link set {STORE_INTERFACE} up",
            # A host that had to ask for the observer's MAC would ask in the VIP's name, and that broadcast
            # would tell the client who has the VIP before anybody announced it.
            f"neigh add {observer.ipv4} lladdr {observer.mac} dev {LAN_INTERFACE} nud permanent",
            f"neigh add {observer.ipv6} lladdr {observer.mac} dev {LAN_INTERFACE} nud permanent",
        )
        return made

    def _namespace(self, role: str) -> Namespace:
        return self._stack.enter_context(make_namespace(self._lab_name, role))

    def _plug(self, namespace: Namespace, interface: str, bridge: str, port: str, mac: str) -> None:
        self.switch.configure(
            f"link add {port} type veth peer name {interface} address {mac} netns {namespace.name}",
            f"link set {port} master {bridge} up",
        )


def _mac(bridge: str, number: int) -> str:
    """A locally administered address that tells the network and the machine."""
    return f"02:76:6b:{0x4C if bridge == LAN else 0x53:02x}:00:{number:02x}"
