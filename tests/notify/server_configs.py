"""A configuration with virtual servers, and changes of them, for the tests of this folder."""

from __future__ import annotations

from tests.notify.test_told_states import config, vip
from vipkeeper.config.schema import Config
from vipkeeper.model.server_changes import QuorumChange, RealServerChange, ServerState

UP, DOWN, STOP = ServerState.UP, ServerState.DOWN, ServerState.STOP


def servers(*more: str, web: str = "", web1: str = "", ipvs: str = "") -> Config:
    """Virtual servers `web` (with `web1` and `web2`), `mark`, `many` (a group) and `six`."""
    return config(
        *more,
        vip("a", 1),
        f"[ipvs]\n{ipvs}\n",
        '[virtual_server_group.G]\naddresses = ["192.0.2.81-82 80"]\nfwmarks = [7]\n',
        f'[virtual_server.web]\naddress = "192.0.2.80"\nport = 80\nprotocol = "tcp"\nquorum = 2\n{web}\n',
        f'[virtual_server.web.real_server.web1]\naddress = "10.0.0.11"\nport = 8081\n{web1}\n',
        '[virtual_server.web.real_server.web2]\naddress = "10.0.0.12"\nport = 8082\nweight = 2\n',
        "[virtual_server.mark]\nfwmark = 3\n",
        '[virtual_server.mark.real_server.only]\naddress = "10.0.0.11"\nport = 8081\n',
        '[virtual_server.many]\ngroup = "G"\nprotocol = "udp"\n',
        '[virtual_server.many.real_server.one]\naddress = "10.0.0.13"\nport = 8082\n',
        '[virtual_server.six]\naddress = "2001:DB8::80"\nport = 80\nprotocol = "sctp"\n',
        '[virtual_server.six.real_server.one]\naddress = "2001:DB8::1"\n',
    )


def real(
    name: str, state: ServerState, virtual: str = "web", *, first: bool = False, detail: str = "as told"
) -> RealServerChange:
    return RealServerChange(virtual, name, state, detail=detail, first=first)


def quorum(
    state: ServerState, virtual: str = "web", *, first: bool = False, weight: int | None = None
) -> QuorumChange:
    well = weight if weight is not None else 3 if state is UP else 1
    return QuorumChange(virtual, state, weight=well, quorum=2, first=first)
