"""The closed list of reasons why a datagram is not an advertisement for us.

Rules of this file: the texts are a contract: metrics, logs and `vipkeeper vrrp decode` show them. Add, never
rename. Each explanation says who has to act; a discarded datagram changes nothing and restarts no timer.
"""

from __future__ import annotations

import enum

import msgspec


class DiscardReason(enum.Enum):
    """Why it is discarded, in the order in which a receiver looks."""

    # What only a capture can hold: a kernel gives its raw sockets whole datagrams.
    FRAGMENT = "fragment"
    INCOMPLETE = "incomplete"

    PROTOCOL = "protocol"
    AH_NEXT_HEADER = "ah-next-header"
    LENGTH = "length"
    VRID = "vrid"
    DESTINATION = "destination"
    TTL = "ttl"
    VERSION = "version"
    TYPE = "type"
    NO_ADDRESSES = "no-addresses"
    CHECKSUM = "checksum"
    AUTH_TYPE = "auth-type"
    AUTH_PASSWORD = "auth-password"  # noqa: S105 - the name of a counter
    AH_SPI = "ah-spi"
    AH_ICV = "ah-icv"
    AH_REPLAY = "ah-replay"
    INTERVAL_ZERO = "interval-zero"
    INTERVAL = "interval"
    ADDRESSES = "addresses"
    SOURCE = "source"

    @property
    def explained(self) -> str:
        return _EXPLAINED[self]


class Discard(msgspec.Struct, frozen=True):
    """A datagram that changes nothing. `detail` has the values that differ; never a secret."""

    reason: DiscardReason
    detail: str = ""


_EXPLAINED: dict[DiscardReason, str] = {
    DiscardReason.FRAGMENT: (
        "a part of a fragmented datagram, which a receiver puts together first; whoever captures needs all "
        "parts, and the peer's operator fewer addresses or a larger MTU"
    ),
    DiscardReason.INCOMPLETE: (
        "the capture has only the beginning of it; whoever captures should not limit the length "
        "(tcpdump -s 0)"
    ),
    DiscardReason.PROTOCOL: "neither VRRP (protocol 112) nor AH (51); whoever wired the socket has to look",
    DiscardReason.AH_NEXT_HEADER: (
        "its authentication header is followed by something else than VRRP; the sender's operator has to look"
    ),
    DiscardReason.LENGTH: (
        "too short, or not as long as its own address count says; the sender's operator has to look: damage "
        "on the way, another protocol, or keepalived's auth_hmac, which is not understood here"
    ),
    DiscardReason.VRID: (
        "another virtual router's; nothing to do if it is meant to be there, or else the operators have to "
        "agree on one virtual_router_id"
    ),
    DiscardReason.DESTINATION: (
        "sent to another address than this router listens to; the operators have to agree on unicast or "
        "multicast, and on the group"
    ),
    DiscardReason.TTL: (
        "it came through a router or was forged: on the segment the TTL is 255; the network's operator has "
        "to find out who forwards or sends it"
    ),
    DiscardReason.VERSION: (
        "another VRRP version than configured here (2 is for IPv4 alone); the operators have to agree on one"
    ),
    DiscardReason.TYPE: "not an advertisement, the only type there is; the sender's operator has to look",
    DiscardReason.NO_ADDRESSES: (
        "it names no address; the peer's operator has to give its virtual router the addresses"
    ),
    DiscardReason.CHECKSUM: (
        "its checksum is wrong by every rule allowed here: damage on the way, or a peer whose rule (with or "
        "without pseudo header) has to be allowed by the operator here"
    ),
    DiscardReason.AUTH_TYPE: (
        "another authentication type than configured here; the operators have to agree on one"
    ),
    DiscardReason.AUTH_PASSWORD: (
        "another password than configured here; the operators have to agree on one, or somebody guesses"
    ),
    DiscardReason.AH_SPI: (
        "its authentication header names another sender than its IP header: address translation, which the "
        "network's operator has to remove, or a forgery"
    ),
    DiscardReason.AH_ICV: (
        "its check value does not fit: another key than here, on which the operators have to agree, "
        "something that changes packets on the way, or a forgery"
    ),
    DiscardReason.AH_REPLAY: (
        "its sequence number is not above the last one: a recording played again, or a peer that counts "
        "from the start and will go on once it has heard us; if it lasts, its operator has to restart it"
    ),
    DiscardReason.INTERVAL_ZERO: (
        "it promises an advertisement every 0 s, after which nobody could ever be called silent; the peer's "
        "operator has to set an interval"
    ),
    DiscardReason.INTERVAL: (
        "another advertisement interval than configured here, which version 2 forbids; the operators have "
        "to agree on one"
    ),
    DiscardReason.ADDRESSES: (
        "other addresses than configured here; the operators have to give all routers the same list"
    ),
    DiscardReason.SOURCE: (
        "from a host that is no peer of ours; the operator here has to add it, or to find out who it is"
    ),
}
