"""Faults of links, paths and servers, each a context manager that heals when its block ends.

Rules of this file: rules are nftables tables of our own name inside a lab's namespace; there is no netem in
every kernel, so loss is `numgen random` at the interface's own hooks, where ARP passes too.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator

from vipkeeper.lab.etcd_servers import EtcdCluster
from vipkeeper.lab.namespaces import Namespace
from vipkeeper.lab.network import LAN_INTERFACE, STORE_INTERFACE, Host, Network, Station
from vipkeeper.lab.zookeeper_servers import ELECTION_PORT, QUORUM_PORT, ZookeeperEnsemble

ETCD_PEER_PORT = 2380
FAILSAFE_PORT = 7480
_table_numbers = itertools.count(1)


@contextlib.contextmanager
def cut_link(network: Network, host: Host) -> Iterator[None]:
    """Pull the host's LAN cable at the switch: no frame passes and the host sees no carrier."""
    network.switch.configure(f"link set {host.lan_port} down")
    try:
        yield
    finally:
        network.switch.configure(f"link set {host.lan_port} up")


@contextlib.contextmanager
def cut_all_links(network: Network, host: Host) -> Iterator[None]:
    """Both cables: to the others the host is as good as dead, yet it runs.

    The store's goes first: between the two the host could still release what it owns.
    """
    ports = (host.store_port, host.lan_port)
    network.switch.configure(*(f"link set {port} down" for port in ports))
    try:
        yield
    finally:
        network.switch.configure(*(f"link set {port} up" for port in ports))


@contextlib.contextmanager
def partition_from_store(host: Host) -> Iterator[None]:
    """Whatever the host exchanges with the store is dropped silently; its LAN works on."""
    with _table(
        host.namespace,
        "inet",
        f"""chain in {{ type filter hook input priority 0; iifname "{STORE_INTERFACE}" drop; }}
            chain out {{ type filter hook output priority 0; oifname "{STORE_INTERFACE}" drop; }}""",
    ):
        yield


@contextlib.contextmanager
def partition_from_servers(host: Host, servers: Iterable[Station]) -> Iterator[None]:
    """Some of the store's servers are out of the host's reach, silently."""
    listed = ", ".join(server.ipv4 for server in servers)
    with _table(
        host.namespace,
        "inet",
        f"""chain in {{ type filter hook input priority 0; ip saddr {{ {listed} }} drop; }}
            chain out {{ type filter hook output priority 0; ip daddr {{ {listed} }} drop; }}""",
    ):
        yield


@contextlib.contextmanager
def blocked_promises(network: Network) -> Iterator[None]:
    """A firewall between all hosts that lets no question for a promise through, nor an answer."""
    with contextlib.ExitStack() as stack:
        for host in network.hosts:
            rule = f"udp dport {FAILSAFE_PORT} drop; udp sport {FAILSAFE_PORT} drop;"
            chain = f"chain in {{ type filter hook input priority 0; {rule} }}"
            stack.enter_context(_table(host.namespace, "inet", chain))
        yield


@contextlib.contextmanager
def frozen_store(store: EtcdCluster | ZookeeperEnsemble) -> Iterator[None]:
    """SIGSTOP to every server; SIGCONT at the end."""
    with contextlib.ExitStack() as stack:
        for member in store.members:
            stack.callback(member.process.thaw)
            member.process.freeze()
        yield


@contextlib.contextmanager
def partition_from_peers(network: Network, host: Host) -> Iterator[None]:
    """On the LAN the host and the other hosts no longer hear each other; clients and store reach all."""
    others = [other for other in network.hosts if other is not host]
    with contextlib.ExitStack() as stack:
        stack.enter_context(_drop_frames_from(host.namespace, [other.mac for other in others]))
        for other in others:
            stack.enter_context(_drop_frames_from(other.namespace, [host.mac]))
        yield


@contextlib.contextmanager
def random_loss(
    host: Host, percent: int, interfaces: tuple[str, ...] = (LAN_INTERFACE, STORE_INTERFACE)
) -> Iterator[None]:
    """Drop so many of a hundred frames, in each direction, on each of the interfaces."""
    chains = "\n".join(
        f"chain {interface}-{hook} {{ type filter hook {hook} device {interface} priority 0; "
        f"numgen random mod 100 < {percent} drop; }}"
        for interface in interfaces
        for hook in ("ingress", "egress")
    )
    with _table(host.namespace, "netdev", chains):
        yield


@contextlib.contextmanager
def partition_etcd_member(server: Station) -> Iterator[None]:
    """The member's peers are out of reach; its clients are not."""
    with _cut_ports(server, (ETCD_PEER_PORT,)):
        yield


@contextlib.contextmanager
def partition_zookeeper_member(server: Station) -> Iterator[None]:
    """The other servers are out of reach; its clients are not."""
    with _cut_ports(server, (QUORUM_PORT, ELECTION_PORT)):
        yield


@contextlib.contextmanager
def _cut_ports(server: Station, ports: tuple[int, ...]) -> Iterator[None]:
    """Nothing passes from or to these ports, on whichever side they are."""
    listed = ", ".join(map(str, ports))
    rules = f"tcp dport {{ {listed} }} drop; tcp sport {{ {listed} }} drop;"
    with _table(
        server.namespace,
        "inet",
        f"""chain in {{ type filter hook input priority 0; {rules} }}
            chain out {{ type filter hook output priority 0; {rules} }}""",
    ):
        yield


@contextlib.contextmanager
def _drop_frames_from(namespace: Namespace, macs: list[str]) -> Iterator[None]:
    with _table(
        namespace,
        "netdev",
        f"chain in {{ type filter hook ingress device {LAN_INTERFACE} priority 0; "
        f"ether saddr {{ {', '.join(macs)} }} drop; }}",
    ):
        yield


@contextlib.contextmanager
def _table(namespace: Namespace, family: str, chains: str) -> Iterator[None]:
    """One table for one fault, so that faults can overlap and heal in any order."""
    name = f"fault{next(_table_numbers)}"
    namespace.run("nft", "-f", "-", text_input=f"table {family} {name} {{\n{chains}\n}}\n")
    try:
        yield
    finally:
        namespace.run("nft", "delete", "table", family, name)
