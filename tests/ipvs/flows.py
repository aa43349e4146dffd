"""Datagrams through a virtual server whose director, client and real server are one namespace."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from tests.ipvs.director import Director
from vipkeeper.model.ipvs import AddressKey, DestinationKey, Transport

_VIP, _REAL = "10.9.1.1", "10.9.1.2"
ECHO = AddressKey(Transport.UDP, _VIP, 7)
ECHO_REAL = DestinationKey(_REAL, 7)
_PATIENCE_S = 20.0


@contextmanager
def conversation(director: Director) -> Iterator[Callable[[int], None]]:
    """One client of the virtual server. A call sends so many bytes, to its first destination and back."""
    for address in (_VIP, _REAL):
        director.namespace.run("ip", "address", "replace", f"{address}/32", "dev", "lo")
    with (
        closing(director.namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)) as server,
        closing(director.namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)) as client,
    ):
        for one in (server, client):
            one.settimeout(_PATIENCE_S)
        server.bind((_REAL, ECHO_REAL.port))
        client.connect((_VIP, ECHO.port))

        def echo(length: int) -> None:
            client.send(bytes(length))
            data, sender = server.recvfrom(2048)
            server.sendto(data, sender)
            client.recv(2048)

        yield echo


def echo_some(director: Director, *, datagrams: int, length: int) -> None:
    """Datagrams of one client."""
    with conversation(director) as echo:
        for _ in range(datagrams):
            echo(length)
