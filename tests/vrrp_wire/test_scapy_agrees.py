"""scapy as an independent judge of what is written, and as an independent writer of what is read."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6, in6_chksum
from scapy.layers.vrrp import VRRP, VRRPv3

from tests.vrrp_wire.generated import HOSTS_IPV4, HOSTS_IPV6, TO_IPV4, TO_IPV6, advertisements
from vrrp_compat.wire.advertisement import Advertisement, Datagram
from vrrp_compat.wire.authentication import with_password
from vrrp_compat.wire.checksum import ChecksumRule, fitting_rule
from vrrp_compat.wire.ip_packets import address_text, read_ip
from vrrp_compat.wire.ipv4_datagram import write_ipv4
from vrrp_compat.wire.message import read_advertisement, write_message

SLOWLY = settings(max_examples=40, deadline=None)


def texts(sent: Advertisement) -> list[str]:
    return [address_text(address) for address in sent.addresses]


@SLOWLY
@given(sent=advertisements(2, 4), source=HOSTS_IPV4, destination=TO_IPV4, secret=st.binary(max_size=8))
def test_version_2(sent: Advertisement, source: bytes, destination: bytes, secret: bytes) -> None:
    authentication = with_password(secret)
    high, low = (int.from_bytes(authentication.key[at : at + 4], "big") for at in (0, 4))
    theirs = IP(src=address_text(source), dst=address_text(destination), ttl=255, tos=0xC0, id=9) / VRRP(
        vrid=sent.vrid,
        priority=sent.priority,
        authtype=1,
        adv=sent.interval_cs // 100,
        addrlist=texts(sent),
        auth1=high,
        auth2=low,
    )
    ours = write_ipv4(sent, source, destination, identification=9, authentication=authentication)
    assert ours.hex() == bytes(theirs).hex()


@SLOWLY
@given(sent=advertisements(3, 4), source=HOSTS_IPV4, destination=TO_IPV4)
def test_version_3_over_ipv4(sent: Advertisement, source: bytes, destination: bytes) -> None:
    theirs = bytes(
        IP(src=address_text(source), dst=address_text(destination), ttl=255, tos=0xC0, id=9)
        / VRRPv3(vrid=sent.vrid, priority=sent.priority, adv=sent.interval_cs, addrlist=texts(sent))
    )
    assert write_ipv4(sent, source, destination, identification=9).hex() == theirs.hex()
    assert fitting_rule(theirs[20:], source, destination) is ChecksumRule.PSEUDO_HEADER
    assert read_advertisement(theirs[20:], 4) == sent


@SLOWLY
@given(sent=advertisements(3, 16), source=HOSTS_IPV6, destination=TO_IPV6)
def test_version_3_over_ipv6(sent: Advertisement, source: bytes, destination: bytes) -> None:
    """scapy's layer has no IPv6 addresses; so header and checksum are judged one by one."""
    ours = write_message(sent, source, destination)
    header = bytes(
        VRRPv3(
            vrid=sent.vrid,
            priority=sent.priority,
            ipcount=len(sent.addresses),
            adv=sent.interval_cs,
            chksum=int.from_bytes(ours[6:8], "big"),
        )
    )
    assert ours.hex() == (header + b"".join(sent.addresses)).hex()
    envelope = IPv6(src=address_text(source), dst=address_text(destination), hlim=255, nh=112)
    checksum: int = in6_chksum(112, envelope, ours)  # type: ignore[no-untyped-call] # scapy has no types
    assert checksum == 0
    packet = read_ip(bytes(envelope / ours))
    assert packet is not None
    assert packet.datagram == Datagram(
        source=source, destination=destination, ttl=255, protocol=112, payload=ours
    )
