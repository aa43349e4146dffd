"""What is in front of an IP packet in a capture, by the capture's link type.

Rules of this file: a frame that carries no IP, or too little of it, gives None and is not an error: captures
are full of others' frames.
"""

from __future__ import annotations

ETHERNET = 1
RAW_IP = 101

LINK_NAMES = {
    0: "loopback",
    ETHERNET: "Ethernet",
    12: "raw IP",
    14: "raw IP",
    RAW_IP: "raw IP",
    108: "loopback",
    113: "Linux cooked",
    228: "raw IP",
    229: "raw IP",
    276: "Linux cooked",
}

_IPV4, _IPV6 = 0x0800, 0x86DD
_VLAN_TAGS = frozenset({0x8100, 0x88A8, 0x9100})
# AF_INET and AF_INET6 of the machine that captured: Linux, macOS, the BSDs.
_FAMILIES = frozenset({2, 10, 24, 28, 30})
# Link type -> where its protocol number is, and where what it carries begins.
_PROTOCOL_AT = {ETHERNET: (12, 14), 113: (14, 16), 276: (0, 20)}


def ip_bytes(link_type: int, frame: bytes) -> bytes | None:
    """The frame from its IP header on."""
    if link_type in _PROTOCOL_AT:
        at, carried = _PROTOCOL_AT[link_type]
        return _behind_tags(frame, at, carried)
    if LINK_NAMES.get(link_type) == "loopback":
        family = frame[:4]
        # Link type 0 has it in the byte order of the machine that captured.
        known = int.from_bytes(family, "big") in _FAMILIES or int.from_bytes(family, "little") in _FAMILIES
        return frame[4:] if len(family) == 4 and known else None
    return frame if link_type in LINK_NAMES and frame else None


def _behind_tags(frame: bytes, at: int, carried: int) -> bytes | None:
    """VLAN tags, one or more: each is two bytes of its own, and the protocol of what follows."""
    protocol = int.from_bytes(frame[at : at + 2], "big")
    while protocol in _VLAN_TAGS and len(frame) >= carried + 4:
        protocol = int.from_bytes(frame[carried + 2 : carried + 4], "big")
        carried += 4
    return frame[carried:] if protocol in {_IPV4, _IPV6} and len(frame) > carried else None
