"""Real flows through the table: NAT, DR and every tunnel; weights, marks, persistence, draining."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from tests.ipvs.answering import Conversation, ask
from tests.ipvs.balanced_lan import (
    GUE_PORT,
    NAMES,
    PORT,
    BalancedLan,
    inner_address,
    make_balanced_lan,
    realserver,
    virtual,
)
from vipkeeper.lab.network import LAN_INTERFACE
from vipkeeper.model.ipvs import (
    AddressKey,
    DestinationKey,
    Forwarding,
    MarkKey,
    Persistence,
    Service,
    Transport,
    TunnelKind,
    VirtualServer,
    whole_netmask,
)

pytestmark = [pytest.mark.root, pytest.mark.ipvs]

FIRST, SECOND = NAMES
MARK = 5
OTHER_PORT = 7443

versions = pytest.mark.parametrize("version", [4, 6], ids=["ipv4", "ipv6"])
transports = pytest.mark.parametrize("transport", list(Transport), ids=lambda one: one.value)


@pytest.fixture(scope="module")
def lan() -> Iterator[BalancedLan]:
    with make_balanced_lan() as made:
        yield made


@pytest.fixture(scope="module")
def quiet_lan(lan: BalancedLan) -> BalancedLan:
    """Its real servers have the VIPs and tell nobody, and unwrap what comes in a tunnel."""
    for host in lan.servers:
        realserver(host, "up")
        tunnels = "modprobe --dirname /run/uml -a ipip ip6_tunnel ip_gre ip6_gre fou fou6"
        gue = f"ip fou add port {GUE_PORT} gue; ip -6 fou add port {GUE_PORT} gue"
        host.namespace.run("sh", "-ec", f"{tunnels}; {gue}")
        host.namespace.configure(
            *(f"link set {device} up" for device in ("tunl0", "ip6tnl0", "gre0", "ip6gre0"))
        )
    return lan


@versions
@transports
def test_nat(lan: BalancedLan, transport: Transport, version: int) -> None:
    key = virtual(transport, version)
    lan.serve(key, lan.balance(key, Forwarding.NAT))
    assert ask(lan.client, key, 4) == {FIRST: 2, SECOND: 2}


@versions
@transports
def test_direct_routing(quiet_lan: BalancedLan, transport: Transport, version: int) -> None:
    key = virtual(transport, version)
    quiet_lan.serve(key, quiet_lan.balance(key, Forwarding.DR))
    assert ask(quiet_lan.client, key, 4) == {FIRST: 2, SECOND: 2}


@versions
@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP], ids=lambda one: one.value)
@pytest.mark.parametrize("tunnel", list(TunnelKind), ids=lambda one: one.value)
def test_tunnels(quiet_lan: BalancedLan, tunnel: TunnelKind, transport: Transport, version: int) -> None:
    key = virtual(transport, version)
    quiet_lan.serve(key, quiet_lan.balance(key, Forwarding.TUN, tunnel=tunnel))
    assert ask(quiet_lan.client, key, 4) == {FIRST: 2, SECOND: 2}


def test_weights(lan: BalancedLan) -> None:
    key = virtual(Transport.TCP, 4)
    lan.serve(key, lan.balance(key, Forwarding.NAT, "wrr", weights=(3, 1)))
    assert ask(lan.client, key, 8) == {FIRST: 6, SECOND: 2}


@versions
def test_a_persistent_client_stays_with_its_server(lan: BalancedLan, version: int) -> None:
    key = virtual(Transport.TCP, version)
    balanced = lan.balance(key, Forwarding.NAT)
    service = Service("rr", persistence=Persistence(300, whole_netmask(version)))
    lan.serve(key, replace(balanced, service=service))
    (answers,) = ask(lan.client, key, 4).values()
    assert answers == 4


@versions
def test_a_mark_makes_one_virtual_server_of_two_ports(lan: BalancedLan, version: int) -> None:
    """A client that is persistent gets the same server on both, as for HTTP and HTTPS."""
    first, second = virtual(Transport.TCP, version), virtual(Transport.TCP, version, OTHER_PORT)
    ends = [
        lan.answering.listen(host.name, host.namespace, replace(second, address=inner_address(host, version)))
        for host in lan.servers
    ]
    # As a rule of a firewall does it; the kernel that the tests bring along has no nftables.
    chosen = f"protocol {'ip' if version == 4 else 'ipv6'} flower ip_proto tcp dst_port"
    mark = f"action skbedit mark {MARK}"
    filters = "; ".join(
        f"tc filter add dev {LAN_INTERFACE} ingress {chosen} {port} {mark}" for port in (PORT, OTHER_PORT)
    )
    lan.director.namespace.run("sh", "-ec", f"tc qdisc add dev {LAN_INTERFACE} clsact; {filters}")
    try:
        service = Service("rr", persistence=Persistence(300, whole_netmask(version)))
        found = lan.balance(first, Forwarding.NAT).destinations
        # Port 0 leaves the port as it came.
        any_port = {DestinationKey(one.address, 0): how for one, how in found.items()}
        lan.serve(MarkKey(MARK, version), VirtualServer(service, any_port))
        answers = ask(lan.client, first, 2) + ask(lan.client, second, 2)
        assert list(answers.values()) == [4]
    finally:
        lan.director.namespace.run("tc", "qdisc", "del", "dev", LAN_INTERFACE, "clsact")
        for end in ends:
            end()


def test_a_server_is_drained_leaves_and_returns(lan: BalancedLan) -> None:
    """Weight 0 keeps the connections that are there; who is out gets none, and who returns its share."""
    key = virtual(Transport.TCP, 4)
    both = lan.balance(key, Forwarding.NAT)
    lan.serve(key, both)
    talks = {talk.server: talk for talk in (Conversation(lan.client, key), Conversation(lan.client, key))}
    assert talks.keys() == {FIRST, SECOND}
    lan.change(key, lan.balance(key, Forwarding.NAT, weights=(0, 1)))
    assert ask(lan.client, key, 3) == {SECOND: 3}
    assert talks[FIRST].goes_on()
    (_, (second, how)) = both.destinations.items()
    lan.change(key, replace(both, destinations={second: how}))
    assert ask(lan.client, key, 3) == {SECOND: 3}
    lan.change(key, both)
    assert ask(lan.client, key, 4) == {FIRST: 2, SECOND: 2}
    assert talks[SECOND].goes_on()
    for talk in talks.values():
        talk.end()


def test_nobody_answers_for_an_empty_virtual_server(lan: BalancedLan) -> None:
    """The control: what answers above are the real servers, by the table."""
    key: AddressKey = virtual(Transport.TCP, 4)
    lan.serve(key, VirtualServer(Service("rr")))
    with pytest.raises(OSError):  # noqa: PT011 - refused, or unreachable
        ask(lan.client, key, 1)
