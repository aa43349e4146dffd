"""One thing to tell of a virtual server's quorum, or of one of its real servers.

Rules of this file: plain values, and what follows from them; both implement `Telling`. Words, lines and
addresses are keepalived's, in its own punctuation.
"""

from __future__ import annotations

import msgspec

from vipkeeper.config.notify_schema import NotifyScript
from vipkeeper.model.server_changes import ServerState
from vipkeeper.notify.telling import Turn

# A virtual server, and one of its real servers or, for its quorum, "".
ServerName = tuple[str, str]


class _OfVirtualServer(msgspec.Struct, frozen=True, kw_only=True):
    """`again`: an earlier process has told it to programs and by mail; a reader of the FIFO may be new."""

    virtual_server: str
    virtual_address: str  # [192.0.2.80]:tcp:80
    state: ServerState
    previous: ServerState | None = None
    detail: str = ""
    program: NotifyScript = NotifyScript()
    mailed: bool = False
    timeout_s: float = 30.0
    again: bool = False

    @property
    def turn(self) -> Turn:
        """The programs of one virtual server and of all its real servers take turns."""
        return "VS", self.virtual_server

    @property
    def word(self) -> str:
        """The state."""
        return self.state.value

    @property
    def ends(self) -> bool:
        """STOP."""
        return self.state is ServerState.STOP

    @property
    def repeats(self) -> bool:
        """Never: each is a change."""
        return False

    @property
    def heard_as(self) -> str:
        """UP or DOWN: keepalived has no word for the end."""
        return ServerState.UP.value if self.state is ServerState.UP else ServerState.DOWN.value

    def programs(self) -> list[tuple[NotifyScript, tuple[str, ...]]]:
        """One, or none."""
        return [] if self.program.script is None else [(self.program, ())]


class QuorumNotification(_OfVirtualServer, frozen=True, kw_only=True):
    """The quorum of a virtual server was lost or regained."""

    weight: int  # that is well now
    quorum: int

    @property
    def name(self) -> str:
        """The virtual server's."""
        return self.virtual_server

    @property
    def of(self) -> ServerName:
        """Whom it is about."""
        return self.virtual_server, ""

    def fifo_line(self) -> bytes:
        """`VS [192.0.2.80]:tcp:80 UP`."""
        return f"VS {self.virtual_address} {self.heard_as}\n".encode()

    def environment(self) -> dict[str, str]:
        """What it is called there is a contract with programs: add, never rename."""
        return {
            **_environment(self),
            "VIPKEEPER_WEIGHT": str(self.weight),
            "VIPKEEPER_QUORUM": str(self.quorum),
        }


class RealServerNotification(_OfVirtualServer, frozen=True, kw_only=True):
    """A real server failed or recovered."""

    real_server: str
    real_address: str  # [10.0.0.11]:tcp:80

    @property
    def name(self) -> str:
        """As `vipkeeper server drain` takes it."""
        return f"{self.virtual_server}/{self.real_server}"

    @property
    def of(self) -> ServerName:
        """Whom it is about."""
        return self.virtual_server, self.real_server

    def fifo_line(self) -> bytes:
        """`RS [10.0.0.11]:tcp:80 [192.0.2.80]:tcp:80 DOWN`."""
        return f"RS {self.real_address} {self.virtual_address} {self.heard_as}\n".encode()

    def environment(self) -> dict[str, str]:
        """See `QuorumNotification`."""
        return {
            **_environment(self),
            "VIPKEEPER_REAL_SERVER": self.real_server,
            "VIPKEEPER_REAL_ADDRESS": self.real_address,
        }


ServerNotification = QuorumNotification | RealServerNotification


def _environment(about: _OfVirtualServer) -> dict[str, str]:
    return {
        "VIPKEEPER_VIRTUAL_SERVER": about.virtual_server,
        "VIPKEEPER_VIRTUAL_ADDRESS": about.virtual_address,
        "VIPKEEPER_STATE": about.state.value,
        "VIPKEEPER_PREVIOUS": "" if about.previous is None else about.previous.value,
        "VIPKEEPER_DETAIL": about.detail,
    }
