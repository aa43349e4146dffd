"""One thing to tell of one VIP or sync group, with all that telling it takes.

Rules of this file: plain values, and what follows from them. A notification carries its settings, so that
what waits when the configuration changes is told as it was meant when it happened.
"""

from __future__ import annotations

import enum

import msgspec

from vipkeeper.config.notify_schema import Notify, NotifyScript
from vipkeeper.model.state_changes import VipState
from vipkeeper.notify.telling import Turn


class Kind(enum.Enum):
    """What changed, in keepalived's words: a VIP is its instance, a sync group its group."""

    INSTANCE = "INSTANCE"
    GROUP = "GROUP"


Name = tuple[Kind, str]


# Told while the state stays what it is.
REMARKS = frozenset({VipState.MASTER_RX_LOWER_PRI, VipState.MASTER_PRIORITY, VipState.BACKUP_PRIORITY})
PRIORITY_REMARKS = frozenset({VipState.MASTER_PRIORITY, VipState.BACKUP_PRIORITY})


class Notification(msgspec.Struct, frozen=True):
    """`again`: an earlier process has told it to scripts and by mail; a reader of the FIFO may be new."""

    kind: Kind
    name: str
    state: VipState
    priority: int  # of a sync group 0, as keepalived says it
    previous: VipState | None = None
    reason: str = ""
    detail: str = ""
    epoch: int = 0
    addresses: tuple[str, ...] = ()
    notify: Notify = Notify()
    again: bool = False

    @property
    def of(self) -> Name:
        """Whom it is about."""
        return self.kind, self.name

    @property
    def turn(self) -> Turn:
        """See `Telling`; so are those below."""
        return self.kind.value, self.name

    @property
    def word(self) -> str:
        """The state."""
        return self.state.value

    @property
    def ends(self) -> bool:
        """STOP."""
        return self.state is VipState.STOP

    @property
    def repeats(self) -> bool:
        """Said at each advertisement."""
        return self.state is VipState.MASTER_RX_LOWER_PRI

    @property
    def timeout_s(self) -> float:
        """Of each program."""
        return self.notify.timeout_s

    def fifo_line(self) -> bytes:
        """As keepalived writes it: `INSTANCE "web" MASTER 100`."""
        return f'{self.kind.value} "{self.name}" {self.state.value} {self.priority}\n'.encode()

    def programs(self) -> list[tuple[NotifyScript, tuple[str, ...]]]:
        """`any` comes last, and hears of states alone."""
        notify = self.notify
        named = {
            VipState.MASTER: notify.master,
            VipState.BACKUP: notify.backup,
            VipState.FAULT: notify.fault,
            VipState.STOP: notify.stop,
            VipState.DELETED: notify.deleted,
            VipState.MASTER_RX_LOWER_PRI: notify.master_rx_lower_pri,
        }
        found: list[tuple[NotifyScript, tuple[str, ...]]] = []
        script = named.get(self.state)
        if script is not None and script.script is not None:
            found.append((script, ()))
        if notify.any.script is not None and self.state not in REMARKS:
            words = (self.kind.value, self.name, self.state.value, str(self.priority))
            found.append((notify.any, words))
        return found

    def environment(self) -> dict[str, str]:
        """What it is called there is a contract with programs: add, never rename."""
        told = {
            "VIPKEEPER_VIP" if self.kind is Kind.INSTANCE else "VIPKEEPER_GROUP": self.name,
            "VIPKEEPER_STATE": self.state.value,
            "VIPKEEPER_PREVIOUS": "" if self.previous is None else self.previous.value,
            "VIPKEEPER_PRIORITY": str(self.priority),
            "VIPKEEPER_REASON": self.reason,
            "VIPKEEPER_DETAIL": self.detail,
            "VIPKEEPER_ADDRESSES": " ".join(self.addresses),
        }
        if self.epoch:
            told["VIPKEEPER_EPOCH"] = str(self.epoch)
        return told
