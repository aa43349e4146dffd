r"""A director, two real servers and a client on one LAN, made of the lab's hosts.

    client --- LAN --- director --- store network --- real servers
                \______________________________________/

Through NAT, answers have to come back by the director: packets that leave a real server from its address in
the store network go there. With DR and tunnels a real server has the VIP and answers the client over the LAN.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from tests.ipvs.answering import Answering, answering
from vipkeeper.changes.ipvs_changes import AddServers
from vipkeeper.changes.ipvs_plan import ipvs_plan
from vipkeeper.kernel.ipvs_host import IpvsHost
from vipkeeper.lab.lab import make_lan
from vipkeeper.lab.namespaces import Namespace
from vipkeeper.lab.network import LAN_INTERFACE, STORE_INTERFACE, Host, vip_ipv4, vip_ipv6
from vipkeeper.model.ipvs import (
    AddressKey,
    Destination,
    DestinationKey,
    Forwarding,
    IpvsTable,
    OwnIpvs,
    Service,
    ServiceKey,
    Transport,
    Tunnel,
    TunnelKind,
    VirtualServer,
)

PORT = 7080
GUE_PORT = 6080
VIPS = {4: vip_ipv4(0), 6: vip_ipv6(0)}
NAMES = ("node2", "node3")
_TABLE = "88"


def virtual(transport: Transport, version: int, port: int = PORT) -> AddressKey:
    """The virtual server of the tests."""
    return AddressKey(transport, VIPS[version], port)


def inner_address(host: Host, version: int) -> str:
    """Of a host in the network behind the director."""
    return host.store_ipv4 if version == 4 else f"fd88::1:{host.name[-1]}"


@dataclass(frozen=True, slots=True)
class BalancedLan:
    director: Host
    servers: tuple[Host, ...]
    client: Namespace
    ipvs: IpvsHost
    answering: Answering

    def real(self, version: int, how: Forwarding, port: int = PORT) -> list[DestinationKey]:
        """The real servers, as the director reaches them by that way."""
        return [
            DestinationKey(
                inner_address(host, version)
                if how is Forwarding.NAT
                else (host.ipv4 if version == 4 else host.ipv6),
                port,
            )
            for host in self.servers
        ]

    def serve(self, key: ServiceKey, server: VirtualServer) -> None:
        """Have this in the table and nothing else."""
        self.ipvs.flush()
        assert self.ipvs.apply(AddServers({key: server})) == ()

    def change(self, key: ServiceKey, server: VirtualServer) -> None:
        """Go there as the director does: by the difference."""
        for step in ipvs_plan(IpvsTable({key: server}), self.ipvs.read(), OwnIpvs()):
            assert self.ipvs.apply(step) == ()

    def balance(
        self,
        key: AddressKey,
        how: Forwarding,
        scheduler: str = "rr",
        *,
        weights: tuple[int, ...] = (1, 1),
        tunnel: TunnelKind | None = None,
    ) -> VirtualServer:
        """Both real servers behind `key`."""
        described = None if tunnel is None else Tunnel(tunnel, GUE_PORT if tunnel is TunnelKind.GUE else 0)
        found = self.real(key.ip_version, how, key.port)
        return VirtualServer(
            Service(scheduler),
            {
                one: Destination(how, weight, tunnel=described)
                for one, weight in zip(found, weights, strict=True)
            },
        )


@contextlib.contextmanager
def make_balanced_lan() -> Iterator[BalancedLan]:
    """Everything but the table. Real servers listen on the VIPs and on their own addresses."""
    with contextlib.ExitStack() as stack:
        lan = stack.enter_context(make_lan(hosts=3))
        director, *servers = lan.network.hosts
        _make_router(director)
        for host in servers:
            _make_real_server(host, director)
        served = stack.enter_context(answering())
        for host in servers:
            for transport in Transport:
                for version, vip in VIPS.items():
                    for address in (vip, inner_address(host, version)):
                        served.listen(host.name, host.namespace, AddressKey(transport, address, PORT))
        ipvs = director.namespace.call(IpvsHost)
        stack.callback(ipvs.close)
        yield BalancedLan(director, tuple(servers), lan.network.client.namespace, ipvs, served)


def _make_router(director: Host) -> None:
    """One process for the settings: each takes a tenth of a second under User-Mode Linux."""
    on = "echo 1 > /proc/sys/net"
    director.namespace.run("sh", "-c", f"{on}/ipv4/ip_forward; {on}/ipv6/conf/all/forwarding")
    director.namespace.configure(
        f"addr add {VIPS[4]}/32 dev {LAN_INTERFACE}",
        # Never the source of a tunnel: a real server takes no packet that comes from an address of its own.
        f"addr add {VIPS[6]}/128 dev {LAN_INTERFACE} nodad preferred_lft 0",
        f"addr add {inner_address(director, 6)}/64 dev {STORE_INTERFACE} nodad",
    )


def _make_real_server(host: Host, director: Host) -> None:
    host.namespace.configure(f"addr add {inner_address(host, 6)}/64 dev {STORE_INTERFACE} nodad")
    for version in (4, 6):
        own, gateway = inner_address(host, version), inner_address(director, version)
        lines = (
            f"route add default via {gateway} dev {STORE_INTERFACE} table {_TABLE}",
            f"rule add from {own} lookup {_TABLE}",
        )
        host.namespace.run("ip", f"-{version}", "-batch", "-", text_input="\n".join(lines) + "\n")


def realserver(host: Host, action: str) -> None:
    """`vipkeeper realserver ACTION` for both VIPs, as an operator gives it."""
    vips = [word for vip in VIPS.values() for word in ("--vip", vip)]
    run_dir = f"/run/realserver-{host.name}"
    host.namespace.run(sys.executable, "-m", "vipkeeper", "realserver", action, *vips, "--run-dir", run_dir)
