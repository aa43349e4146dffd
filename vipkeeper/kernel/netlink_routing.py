"""The real routing of this network namespace, over rtnetlink.

Rules of this file: it carries out and reports, it decides nothing. Each kind of entry is one packed batch.

What other programs do to the routing of a busy router is not looked at: the kernel picks ours out of a table
by their protocol number (strict dumps, Linux 4.20), and an event counts only if it names that number.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import socket
from collections.abc import Callable, Mapping, Sequence

from vipkeeper.kernel.addresses import RTM_DELADDR, RTM_NEWADDR
from vipkeeper.kernel.links import RTM_DELLINK, RTM_NEWLINK
from vipkeeper.kernel.netlink_socket import CAP_NET_ADMIN, Answer, NetlinkSocket, receive_events
from vipkeeper.kernel.netlink_wire import NLM_F_CREATE, NLM_F_EXCL, Message
from vipkeeper.kernel.refusals import explain, kernel_error
from vipkeeper.kernel.route_messages import (
    RTM_DELROUTE,
    RTM_GETROUTE,
    RTM_NEWROUTE,
    is_ours,
    read_route_message,
    request_for_ours,
    route_body,
)
from vipkeeper.kernel.rule_messages import (
    RTM_DELRULE,
    RTM_GETRULE,
    RTM_NEWRULE,
    is_our_rule,
    read_rule_message,
    request_for_rules,
    rule_body,
)
from vipkeeper.kernel.static_addresses import is_our_static, read_static_addresses, static_body
from vipkeeper.model.routing import Entry, Route, Routing, Rule, StaticAddress

_NETLINK_ROUTE = 0
# RTMGRP_LINK, IPV4_IFADDR, IPV4_ROUTE, IPV4_RULE, IPV6_IFADDR, IPV6_ROUTE, and group 19 (IPV6_RULE)
_GROUPS = 0x1 | 0x10 | 0x40 | 0x80 | 0x100 | 0x400 | 1 << 18
_VERSIONS = (4, 6)
_LINK_EVENTS = frozenset({RTM_NEWLINK, RTM_DELLINK})
_GONE = frozenset({errno.ESRCH, errno.ENOENT, errno.EADDRNOTAVAIL, errno.ENODEV})


class NetlinkRouting:
    """Implements `HostRouting` for the namespace in which it is made."""

    def __init__(self) -> None:
        self._netlink = NetlinkSocket(_NETLINK_ROUTE)
        self._netlink.filter_dumps()
        self._listener: socket.socket | None = None
        self._hear: Callable[[], None] = lambda: None

    def read(self) -> Routing:
        """See `HostRouting.read`."""
        name_of = functools.cache(_name)
        routes: list[Route] = []
        rules: list[Rule] = []
        for version in _VERSIONS:
            for kind, body in self._netlink.dump(RTM_GETROUTE, request_for_ours(version)):
                route = read_route_message(body, name_of) if kind == RTM_NEWROUTE else None
                routes.extend([route] if route is not None else [])
            for kind, body in self._netlink.dump(RTM_GETRULE, request_for_rules(version)):
                rule = read_rule_message(body) if kind == RTM_NEWRULE else None
                rules.extend([rule] if rule is not None else [])
        addresses = read_static_addresses(self._netlink, name_of)
        return Routing(tuple(addresses), tuple(routes), tuple(rules))

    def add(self, wanted: Routing) -> Mapping[Entry, str]:
        """See `HostRouting.add`."""
        return (
            self._send(wanted.addresses, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, frozenset())
            | self._send(wanted.routes, RTM_NEWROUTE, NLM_F_CREATE, frozenset())
            | self._send(wanted.rules, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, frozenset())
        )

    def remove(self, unwanted: Routing) -> Mapping[Entry, str]:
        """See `HostRouting.remove`."""
        return (
            self._send(unwanted.rules, RTM_DELRULE, 0, _GONE)
            | self._send(unwanted.routes, RTM_DELROUTE, 0, _GONE)
            | self._send(unwanted.addresses, RTM_DELADDR, 0, _GONE)
        )

    def _send(
        self, entries: Sequence[Entry], kind: int, flags: int, forgiven: frozenset[int]
    ) -> dict[Entry, str]:
        refused: dict[Entry, str] = {}
        sent: list[Entry] = []
        batch: list[Message] = []
        for entry in entries:
            try:
                body = _body(entry)
            except KeyError as missing:
                refused[entry] = f"interface {missing.args[0]} does not exist"
                continue
            sent.append(entry)
            # An equal IPv6 route would become one way of somebody else's.
            apart = isinstance(entry, Route) and entry.version == 6 and kind == RTM_NEWROUTE
            batch.append(Message(kind, flags | NLM_F_EXCL if apart else flags, body))
        for position, answer in self._netlink.batch(batch).items():
            if answer.number not in forgiven:
                refused[sent[position]] = _reason(sent[position], answer)
        return refused

    def listen(self, hear: Callable[[], None]) -> None:
        """See `HostRouting.listen`."""
        self._hear = hear
        self._listener = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_ROUTE
        )
        self._listener.bind((0, _GROUPS))
        asyncio.get_running_loop().add_reader(self._listener, self._events_wait)

    def _events_wait(self) -> None:
        if self._listener is None:
            return
        try:
            telling = [_tells(kind, body) for kind, body in receive_events(self._listener)]
        except OSError as lost:
            if lost.errno != errno.ENOBUFS:
                raise
            telling = [True]
        if any(telling):
            self._hear()

    def close(self) -> None:
        """See `HostRouting.close`."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        self._netlink.close()


def _tells(kind: int, body: bytes) -> bool:
    return (
        kind in _LINK_EVENTS
        or (kind == RTM_DELROUTE and is_ours(body))
        or (kind == RTM_DELRULE and is_our_rule(body))
        or (kind == RTM_DELADDR and is_our_static(body))
    )


def _body(entry: Entry) -> bytes:
    """Raises KeyError with the name of an interface that does not exist."""
    if isinstance(entry, StaticAddress):
        return static_body(entry, _index(entry.vip.interface))
    return route_body(entry, _index) if isinstance(entry, Route) else rule_body(entry)


def _reason(entry: Entry, answer: Answer) -> str:
    if answer.number == errno.EPERM:
        raise kernel_error(answer.number, "changing routes", capability=CAP_NET_ADMIN)
    if answer.number == errno.EEXIST:
        return "there is one like it that was not put there by vipkeeper, which is left alone"
    return explain(answer.number, answer.text)


def _index(name: str) -> int:
    try:
        return socket.if_nametoindex(name)
    except OSError:
        raise KeyError(name) from None


def _name(index: int) -> str:
    try:
        return socket.if_indextoname(index)
    except OSError:
        return ""
