"""Hypothesis strategies: advertisements that the formats can hold, and damage."""

from __future__ import annotations

from hypothesis import strategies as st

from vrrp_compat.wire.advertisement import GROUP_IPV4, GROUP_IPV6, Advertisement

ADDRESSES = {4: st.binary(min_size=4, max_size=4), 16: st.binary(min_size=16, max_size=16)}
# No address that a host can have: multicast would be another kind of destination.
HOSTS_IPV4 = ADDRESSES[4].filter(lambda address: address[0] < 0xE0)
HOSTS_IPV6 = ADDRESSES[16].filter(lambda address: address[0] < 0xFF)
TO_IPV4 = HOSTS_IPV4 | st.just(GROUP_IPV4)
TO_IPV6 = HOSTS_IPV6 | st.just(GROUP_IPV6)


def advertisements(version: int, address_bytes: int) -> st.SearchStrategy[Advertisement]:
    """Every field over all of its range."""
    intervals_cs = st.integers(1, 255).map(lambda s: s * 100) if version == 2 else st.integers(1, 4095)
    return st.builds(
        Advertisement,
        version=st.just(version),
        vrid=st.integers(1, 255),
        priority=st.integers(0, 255),
        interval_cs=intervals_cs,
        addresses=st.lists(ADDRESSES[address_bytes], min_size=1, max_size=255).map(tuple),
    )


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """The same with some bytes changed, cut out, put in or cut off."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.sampled_from(["change", "cut out", "put in", "cut off"])):
            case "change":
                data[at : at + 1] = draw(st.binary(min_size=1, max_size=4))
            case "cut out":
                del data[at : at + draw(st.integers(1, 8))]
            case "put in":
                data[at:at] = draw(st.binary(min_size=1, max_size=8))
            case _:
                del data[at:]
    return bytes(data)
