"""IPVS messages, byte for byte where a mistake would not be refused, and back again; no kernel is needed."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as some

from vipkeeper.kernel import ipvs_numbers as n
from vipkeeper.kernel.generic_netlink import COMMAND
from vipkeeper.kernel.ipvs_messages import IpvsMessages
from vipkeeper.kernel.ipvs_reading import fields_of, read_destination, read_service
from vipkeeper.kernel.netlink_wire import Message, attribute_map, attributes
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
    Transport,
    Tunnel,
    TunnelChecksum,
    TunnelKind,
)

MESSAGES = IpvsMessages(family=30)
WEB = AddressKey(Transport.TCP, "192.0.2.1", 80)
ONE = DestinationKey("198.51.100.1", 80)

ports = some.integers(0, 65535)
ipv4 = some.ip_addresses(v=4).map(str)
ipv6 = some.ip_addresses(v=6).map(str)
engines = some.sampled_from(["", "sip"])
persistences4 = some.builds(Persistence, some.integers(1, 2**20), ipv4, engines)
persistences6 = some.builds(Persistence, some.integers(1, 2**20), some.integers(1, 128).map(str), engines)
keys4 = some.builds(AddressKey, some.sampled_from(Transport), ipv4, ports)
keys6 = some.builds(AddressKey, some.sampled_from(Transport), ipv6, ports)
marks = some.builds(MarkKey, some.integers(1, 2**32 - 1), some.sampled_from([4, 6]))
tunnels = some.builds(Tunnel, some.sampled_from(TunnelKind), ports, some.sampled_from(TunnelChecksum))


@some.composite
def services(draw: some.DrawFn, version: int) -> Service:
    return Service(
        draw(some.sampled_from(SCHEDULERS)),
        draw(some.frozensets(some.sampled_from(SchedulerFlag))),
        draw(some.none() | (persistences4 if version == 4 else persistences6)),
        draw(some.booleans()),
    )


@some.composite
def destinations(draw: some.DrawFn) -> Destination:
    forwarding = draw(some.sampled_from(Forwarding))
    weight, upper, lower = (draw(some.integers(0, 2**31 - 1)) for _ in range(3))
    tunnel = draw(tunnels) if forwarding is Forwarding.TUN else None
    return Destination(forwarding, weight, upper, lower, tunnel)


@given(keys4 | keys6 | marks, some.data())
def test_a_service_is_read_as_it_was_written(key: AddressKey | MarkKey, data: some.DataObject) -> None:
    service = data.draw(services(key.ip_version))
    message = MESSAGES.add_service(key, service)
    assert read_service(fields_of(message.body, n.ATTR_SERVICE)) == (key, service)


@given(some.builds(DestinationKey, ipv4 | ipv6, ports), destinations())
def test_a_destination_is_read_as_it_was_written(one: DestinationKey, how: Destination) -> None:
    message = MESSAGES.add_destination(WEB, one, how)
    assert read_destination(fields(message, n.ATTR_DEST)) == (one, how)


def fields(message: Message, wanted: int) -> dict[int, bytes]:
    """Those of the service or of the destination in a message that has both."""
    found = dict(attributes(message.body, COMMAND.size))
    return attribute_map(found[wanted])


def test_a_change_is_the_set_command() -> None:
    assert MESSAGES.edit_service(WEB, Service()).body[0] == n.SET_SERVICE
    assert MESSAGES.edit_destination(WEB, ONE, Destination()).body[0] == n.SET_DEST


def test_the_netmask_is_a_mask_for_ipv4_and_a_length_for_ipv6() -> None:
    for version, netmask, expected in (
        (4, "255.255.255.0", bytes([255, 255, 255, 0])),
        (6, "64", struct.pack("=I", 64)),
    ):
        message = MESSAGES.add_service(MarkKey(1, version), Service(persistence=Persistence(10, netmask)))
        assert fields(message, n.ATTR_SERVICE)[n.SVC_NETMASK] == expected


def test_a_netmask_is_there_without_persistence() -> None:
    for version, expected in ((4, b"\xff" * 4), (6, struct.pack("=I", 128))):
        message = MESSAGES.add_service(MarkKey(1, version), Service())
        assert fields(message, n.ATTR_SERVICE)[n.SVC_NETMASK] == expected


def test_ports_are_in_network_order() -> None:
    gue = Destination(Forwarding.TUN, tunnel=Tunnel(TunnelKind.GUE, 6080))
    found = fields(MESSAGES.add_destination(WEB, ONE, gue), n.ATTR_DEST)
    assert found[n.DEST_TUN_PORT] == (6080).to_bytes(2, "big")
    assert found[n.DEST_PORT] == (80).to_bytes(2, "big")


def test_a_tunnel_is_named_for_tun_and_for_nothing_else() -> None:
    with pytest.raises(ValueError, match="tun with tunnel None"):
        Destination(Forwarding.TUN)
    with pytest.raises(ValueError, match="dr with tunnel"):
        Destination(Forwarding.DR, tunnel=Tunnel())


def test_only_our_flags_are_decided_on() -> None:
    """A flag of the kernel's own is not cleared."""
    flags, mask = n.FLAGS.unpack(fields(MESSAGES.edit_service(WEB, Service()), n.ATTR_SERVICE)[n.SVC_FLAGS])
    assert (flags, mask & 0x02) == (0, 0)
