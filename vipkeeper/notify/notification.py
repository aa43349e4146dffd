"""One thing to tell of one VIP or sync group, with all that telling it takes.

Rules of this file: plain values, and what follows from them. A notification carries its settings, so that
what waits when the configuration changes is told as it was meant when it happened.
"""

from __future__ import annotations

import enum

import msgspec

from vipkeeper.config.notify_schema import Notify, NotifyScript
from vipkeeper.model.state_changes import VipState


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


def fifo_line(notification: Notification) -> bytes:
    """As keepalived writes it: `INSTANCE "web" MASTER 100`."""
    about = f'{notification.kind.value} "{notification.name}"'
    return f"{about} {notification.state.value} {notification.priority}\n".encode()


def scripts_for(notification: Notification) -> list[tuple[NotifyScript, tuple[str, ...]]]:
    """The programs that are to be run, in this order, each with what is added to its arguments.

    `any` comes last, and hears of states alone.
    """
    state, notify = notification.state, notification.notify
    named = {
        VipState.MASTER: notify.master,
        VipState.BACKUP: notify.backup,
        VipState.FAULT: notify.fault,
        VipState.STOP: notify.stop,
        VipState.DELETED: notify.deleted,
        VipState.MASTER_RX_LOWER_PRI: notify.master_rx_lower_pri,
    }
    found: list[tuple[NotifyScript, tuple[str, ...]]] = []
    script = named.get(state)
    if script is not None and script.script is not None:
        found.append((script, ()))
    if notify.any.script is not None and state not in REMARKS:
        words = (notification.kind.value, notification.name, state.value, str(notification.priority))
        found.append((notify.any, words))
    return found


def environment(notification: Notification) -> dict[str, str]:
    """What a script is told beside its arguments."""
    told = {
        "VIPKEEPER_VIP" if notification.kind is Kind.INSTANCE else "VIPKEEPER_GROUP": notification.name,
        "VIPKEEPER_STATE": notification.state.value,
        "VIPKEEPER_PREVIOUS": "" if notification.previous is None else notification.previous.value,
        "VIPKEEPER_PRIORITY": str(notification.priority),
        "VIPKEEPER_REASON": notification.reason,
        "VIPKEEPER_DETAIL": notification.detail,
        "VIPKEEPER_ADDRESSES": " ".join(notification.addresses),
    }
    if notification.epoch:
        told["VIPKEEPER_EPOCH"] = str(notification.epoch)
    return told
