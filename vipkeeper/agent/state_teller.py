"""Tells changes of VIPs once the kernel has them, to whoever listens.

Rules of this file: MASTER is told when every address stands, everything else when none does any more; what
was decided again before the kernel had it is not told; a listener that fails harms nothing here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import Protocol

from vipkeeper.agent.logs import log
from vipkeeper.model.state_changes import StateChange, VipState

Listener = Callable[[StateChange], None]


class Kernel(Protocol):
    """What is known of it without asking it anew."""

    def settled(self, served: Collection[str], gone: Collection[str]) -> set[str]:
        """Those to be served of which every address stands; those to be gone, as a reading has shown."""
        ...


class StateTeller:
    """One agent's. Whoever decides calls `settle` when the kernel may have changed."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._undone: dict[str, StateChange] = {}
        self._remarks: list[StateChange] = []

    def decided(self, change: StateChange) -> None:
        """It is told when the kernel has it."""
        self._undone.pop(change.unit, None)  # in the order of the decisions
        self._undone[change.unit] = change

    def remark(self, change: StateChange) -> None:
        """Told with the next `settle`, after changes of the same unit, and not of one that is changing."""
        self._remarks.append(change)

    def settle(self, kernel: Kernel) -> None:
        """Tell what is done."""
        if self._undone:
            masters = {name for name, one in self._undone.items() if one.state is VipState.MASTER}
            done = kernel.settled(masters, self._undone.keys() - masters)
            for name in [name for name in self._undone if name in done]:
                self._tell(self._undone.pop(name))
        if self._remarks:
            remarks, self._remarks = self._remarks, []
            for remark in remarks:
                if remark.unit not in self._undone:
                    self._tell(remark)

    def _tell(self, change: StateChange) -> None:
        try:
            self._listener(change)
        except Exception as error:  # noqa: BLE001 - no VIP depends on what is told of it
            what = f"a change was not told: {type(error).__name__}: {error}. Please report this"
            log(logging.ERROR, "defect", what, vip=change.unit, state=change.state.value)
