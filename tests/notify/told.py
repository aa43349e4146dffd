"""Notifications and what is written of them, for the tests of this folder."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from vipkeeper.config.notify_schema import Notify, NotifyScript
from vipkeeper.model.state_changes import VipState
from vipkeeper.notify.notification import Kind, Notification

PATIENCE_S = 20.0


class Journal:
    """A log that is read by tests."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str, str]] = []

    def __call__(self, level: int, event: str, message: str = "", **fields: object) -> None:
        shown = " ".join(f"{name}={value}" for name, value in fields.items())
        self.lines.append((level, event, f"{message} {shown}"))

    def events(self) -> list[str]:
        return [event for _, event, _ in self.lines]

    def said(self, event: str) -> list[str]:
        return [text for _, each, text in self.lines if each == event]


def told(
    state: VipState = VipState.MASTER,
    name: str = "web",
    *,
    kind: Kind = Kind.INSTANCE,
    priority: int = 100,
    previous: VipState | None = None,
    notify: Notify | None = None,
    again: bool = False,
) -> Notification:
    return Notification(
        kind=kind,
        name=name,
        state=state,
        priority=priority,
        previous=previous,
        reason="why",
        detail="as told",
        epoch=7,
        addresses=("192.0.2.1/32", "2001:db8::1"),
        notify=notify or Notify(),
        again=again,
    )


def script(text: str) -> NotifyScript:
    return NotifyScript(script=text)


async def until(true: Callable[[], bool], otherwise: str = "it does not happen") -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline_s, otherwise
        await asyncio.sleep(0.01)
