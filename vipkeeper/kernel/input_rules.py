"""Addresses of this host that others may resolve and forward through, not talk to (`accept = false`).

RFC 9568 6.1, Accept_Mode: packets to such an address are not taken, but ARP and neighbour discovery always
are. Rules of this file: one table of ours, `nft list table inet vipkeeper`, made anew in one transaction each
time; it outlives a killed agent, as its addresses do. The chain stands behind IPVS, which takes packets out
of the same hook before (priorities 98 and 99), and no packet that is forwarded passes it.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Collection

from vipkeeper.kernel import nftables_messages as nft
from vipkeeper.kernel.netlink_socket import NetlinkSocket
from vipkeeper.kernel.netlink_wire import (
    NLM_F_APPEND,
    NLM_F_CREATE,
    Message,
    attribute,
    nested,
    text_attribute,
)
from vipkeeper.kernel.refusals import explain
from vipkeeper.model.errors import KernelRefused

_NETLINK_NETFILTER = 12
_SUBSYSTEM = 10
_INET = 1
_NFGENMSG = struct.Struct("!BBH")  # family, version, resource
_U32 = struct.Struct("!I")

_NEWTABLE, _DELTABLE, _NEWCHAIN, _NEWRULE, _NEWSET, _NEWELEM = 0, 2, 3, 6, 9, 12
_LOCAL_IN = 1
_BEHIND_IPVS = 200
_CHAIN = "input"
_SILENT = {4: nft.AddressSet("silent4", 7, 4, False), 6: nft.AddressSet("silent6", 8, 16, False)}

_META_INTERFACE, _META_FAMILY, _META_PROTOCOL = 4, 15, 16
_LOOPBACK = struct.pack("=I", 1)  # its index in every namespace
_DESTINATION = {4: 16, 6: 24}
_FAMILY = {4: bytes([socket.AF_INET]), 6: bytes([socket.AF_INET6])}
_ICMPV6, _SOLICITATION, _ADVERTISEMENT = b"\x3a", b"\x87", b"\x88"
# No such table; no nf_tables in this kernel.
_ABSENT = frozenset({errno.ENOENT, errno.EOPNOTSUPP, errno.EINVAL, errno.EPROTONOSUPPORT})


class InputRules:
    """Of the network namespace in which it is made."""

    def __init__(self) -> None:
        self._netlink: NetlinkSocket | None = None
        self._silent: frozenset[str] | None = None  # None: whatever an earlier process left

    def require(self) -> None:
        """Raises KernelRefused where this kernel cannot do it; what stands is not touched."""
        _transact(self._open(), [_table(_NEWTABLE, NLM_F_CREATE)])

    def set(self, addresses: Collection[str]) -> None:
        """Packets to these, and to no others, are dropped from now on. Raises KernelRefused."""
        wanted = frozenset(addresses)
        if wanted == self._silent:
            return
        if wanted:
            steps = [_table(_NEWTABLE, NLM_F_CREATE), _table(_DELTABLE, 0), *_layout(wanted)]
            _transact(self._open(), steps)
        else:
            remove_input_rules()
        self._silent = wanted

    def close(self, *, keep: bool) -> None:
        """Let go of it; unless `keep`, with nothing of it left."""
        try:
            if not keep:
                remove_input_rules()
        finally:
            if self._netlink is not None:
                self._netlink.close()

    def _open(self) -> NetlinkSocket:
        if self._netlink is None:
            try:
                self._netlink = NetlinkSocket(_NETLINK_NETFILTER)
            except OSError as refused:
                raise _refusal(refused.errno or 0) from refused
        return self._netlink


def remove_input_rules() -> None:
    """Take away what an earlier process left, if there is anything. Raises KernelRefused."""
    try:
        netlink = NetlinkSocket(_NETLINK_NETFILTER)
    except OSError:
        return  # a kernel without netfilter has no table
    try:
        refused = netlink.transaction(nft.begin(), [_table(_DELTABLE, 0)], nft.end())
    finally:
        netlink.close()
    if refused and not _ABSENT.issuperset(answer.number for answer in refused.values()):
        raise _refusal(next(iter(refused.values())).number)


def _transact(netlink: NetlinkSocket, steps: list[Message]) -> None:
    refused = netlink.transaction(nft.begin(), steps, nft.end())
    if refused:
        raise _refusal(next(iter(refused.values())).number)


def _refusal(number: int) -> KernelRefused:
    return KernelRefused(
        f"accept = false needs nf_tables with the inet family, and the kernel refused it: {explain(number)}",
        number,
    )


def _layout(wanted: Collection[str]) -> list[Message]:
    """The whole table."""
    place = nested(4, attribute(1, _U32.pack(_LOCAL_IN)), attribute(2, struct.pack("!i", _BEHIND_IPVS)))
    steps = [
        _table(_NEWTABLE, NLM_F_CREATE),
        _message(
            _NEWCHAIN,
            NLM_F_CREATE,
            text_attribute(1, nft.TABLE),
            text_attribute(3, _CHAIN),
            place,
            attribute(5, _U32.pack(nft.ACCEPT)),
            text_attribute(7, "filter"),
        ),
        _rule(
            nft.meta(_META_FAMILY),
            nft.compare(_FAMILY[6]),
            nft.meta(_META_PROTOCOL),
            nft.compare(_ICMPV6),
            nft.load(0, 1, nft.TRANSPORT_HEADER),
            nft.compare(_SOLICITATION, nft.AT_LEAST),
            nft.compare(_ADVERTISEMENT, nft.AT_MOST),
            nft.verdict(nft.ACCEPT),
        ),
    ]
    for number, (version, silent) in enumerate(_SILENT.items(), 1):
        keys = [_key(text) for text in sorted(wanted) if (":" in text) == (version == 6)]
        if keys:
            steps += [_set(silent, number), _elements(silent, keys), _drop(version, silent)]
    return steps


def _drop(version: int, silent: nft.AddressSet) -> Message:
    return _rule(
        nft.meta(_META_FAMILY),
        nft.compare(_FAMILY[version]),
        nft.load(_DESTINATION[version], silent.key_bytes),
        nft.look_up(silent, inverted=False),
        # What this host says to itself has come over no network.
        nft.meta(_META_INTERFACE),
        nft.compare(_LOOPBACK, nft.UNEQUAL),
        nft.verdict(nft.DROP),
    )


def _key(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def _table(kind: int, flags: int) -> Message:
    return _message(kind, flags, text_attribute(1, nft.TABLE))


def _set(silent: nft.AddressSet, number: int) -> Message:
    return _message(
        _NEWSET,
        NLM_F_CREATE,
        text_attribute(1, nft.TABLE),
        text_attribute(2, silent.name),
        attribute(3, _U32.pack(0)),
        attribute(4, _U32.pack(silent.type_number)),
        attribute(5, _U32.pack(silent.key_bytes)),
        attribute(10, _U32.pack(number)),
    )


def _elements(silent: nft.AddressSet, keys: list[bytes]) -> Message:
    return _message(
        _NEWELEM,
        NLM_F_CREATE,
        text_attribute(1, nft.TABLE),
        text_attribute(2, silent.name),
        nested(3, *(nft.element(key) for key in keys)),
    )


def _rule(*expressions: bytes) -> Message:
    return _message(
        _NEWRULE,
        NLM_F_CREATE | NLM_F_APPEND,
        text_attribute(1, nft.TABLE),
        text_attribute(2, _CHAIN),
        nested(4, *expressions),
    )


def _message(kind: int, flags: int, *parts: bytes) -> Message:
    return Message(_SUBSYSTEM << 8 | kind, flags, _NFGENMSG.pack(_INET, 0, 0) + b"".join(parts))
