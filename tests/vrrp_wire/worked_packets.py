"""Whole datagrams that keepalived 2.2.7 sent. The IPv6 one has the header that an IPv6 socket leaves out."""

from __future__ import annotations

import ipaddress

from vrrp_compat.wire.advertisement import Advertisement
from vrrp_compat.wire.authentication import with_key, with_password

NODE1 = ipaddress.IPv4Address("10.77.0.1").packed
NODE2 = ipaddress.IPv4Address("10.77.0.2").packed
VIP = ipaddress.IPv4Address("10.77.0.100").packed
NODE1_IPV6 = ipaddress.IPv6Address("fe80::77:ff:fe00:1").packed
VIPS_IPV6 = tuple(ipaddress.IPv6Address(text).packed for text in ("fe80::77:100", "fd77::100"))

PASSWORD = with_password(b"secret12")
KEY = with_key(b"s3cretAH")
UNICAST_KEY = with_key(b"uniAHkey")

V2_NONE = bytes.fromhex("45c0002800010000ff70d0440a4d0001e0000012 2155640100016ff7 0a4d0064 0000000000000000")
V2_PASS = bytes.fromhex("45c0002800010000ff70d0440a4d0001e0000012 215f64010101016f 0a4d0064 7365637265743132")
V2_AH = bytes.fromhex(
    "45c0004000010000ff33d0690a4d0001e0000012 700400000a4d000100000001 2406660ee245289133f288e8"
    "2179ff010201d2d2 0a4d0064 0000000000000000"
)
V2_AH_UNICAST = bytes.fromhex(
    "45c0004000010000ff33a62d0a4d00010a4d0002 700400000a4d000100000001 2afe1c29b3d17cf2738143c3"
    "2120640102016e2c 0a4d0064 0000000000000000"
)
V3_IPV4 = bytes.fromhex("45c0002000010000ff70d04b0a4d0002e0000012 313d640100327500 0a4d0064")
V3_UNICAST = bytes.fromhex("45c0002000010000ff70a6100a4d00010a4d0002 312c640100324ad6 0a4d0064")
V3_IPV6 = bytes.fromhex(
    "6c08e2e2002870ff fe80000000000000007700fffe000001 ff020000000000000000000000000012"
    "313eff020032d376 fe800000000000000000000000770100 fd770000000000000000000000000100"
)
ALL = {
    "v2-none": V2_NONE,
    "v2-pass": V2_PASS,
    "v2-ah": V2_AH,
    "v2-ah-unicast": V2_AH_UNICAST,
    "v3-ipv4": V3_IPV4,
    "v3-unicast": V3_UNICAST,
    "v3-ipv6": V3_IPV6,
}
ADVERTISEMENTS = {
    "v2-none": Advertisement(2, 0x55, 100, 100, (VIP,)),
    "v2-pass": Advertisement(2, 0x5F, 100, 100, (VIP,)),
    "v2-ah": Advertisement(2, 0x79, 255, 100, (VIP,)),
    "v2-ah-unicast": Advertisement(2, 0x20, 100, 100, (VIP,)),
    "v3-ipv4": Advertisement(3, 0x3D, 100, 50, (VIP,)),
    "v3-unicast": Advertisement(3, 0x2C, 100, 50, (VIP,)),
    "v3-ipv6": Advertisement(3, 0x3E, 255, 50, VIPS_IPV6),
}
