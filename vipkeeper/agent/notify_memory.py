"""Keeps in the run directory what the notifier leaves to the next agent.

Rules of this file: what cannot be read is as if it were not there; what cannot be written is told of.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from vipkeeper.agent.logs import log
from vipkeeper.agent.run_directory import RunDirectory
from vipkeeper.model.server_changes import ServerState
from vipkeeper.model.state_changes import VipState
from vipkeeper.notify.memory import Mail
from vipkeeper.notify.notification import Kind, Name
from vipkeeper.notify.server_notification import ServerName

_Value = TypeVar("_Value")

_STATES, _SERVERS, _MAILS = "told-states", "told-servers", "waiting-mails"


class NotifyMemory:
    """Implements `Memory`."""

    def __init__(self, directory: RunDirectory) -> None:
        self._directory = directory
        self._kept_servers: dict[ServerName, ServerState] = {}

    def states(self) -> dict[Name, VipState]:
        """See `Memory.states`. What another version wrote and this one does not know is left out."""
        words = self._read(_STATES, dict[str, str]) or {}
        kinds, states = {kind.value: kind for kind in Kind}, {state.value: state for state in VipState}
        found: dict[Name, VipState] = {}
        for word, state in words.items():
            kind, _, name = word.partition(" ")
            if kind in kinds and state in states:
                found[kinds[kind], name] = states[state]
        return found

    def keep_states(self, states: Mapping[Name, VipState]) -> None:
        """See `Memory.keep_states`."""
        self._write(_STATES, {f"{kind.value} {name}": state.value for (kind, name), state in states.items()})

    def servers(self) -> dict[ServerName, ServerState]:
        """See `Memory.servers`."""
        rows = self._read(_SERVERS, list[tuple[str, str, ServerState]]) or []
        self._kept_servers = {(virtual, real): state for virtual, real, state in rows}
        return dict(self._kept_servers)

    def keep_servers(self, states: Mapping[ServerName, ServerState]) -> None:
        """See `Memory.keep_servers`. Most agents have no virtual servers, and nothing is written for them."""
        if states != self._kept_servers:
            self._kept_servers = dict(states)
            self._write(_SERVERS, [(virtual, real, state) for (virtual, real), state in states.items()])

    def take_mails(self) -> list[Mail]:
        """See `Memory.take_mails`."""
        mails = self._read(_MAILS, list[Mail]) or []
        if mails:
            self._write(_MAILS, [])
        return mails

    def keep_mails(self, mails: list[Mail]) -> None:
        """See `Memory.keep_mails`."""
        if mails:
            self._write(_MAILS, mails)

    def _read(self, name: str, kind: type[_Value]) -> _Value | None:
        kept = self._directory.kept(name)
        try:
            return None if kept is None else msgspec.json.decode(kept, type=kind)
        except msgspec.DecodeError:
            return None

    def _write(self, name: str, value: object) -> None:
        try:
            self._directory.keep(name, msgspec.json.encode(value))
        except OSError as error:
            log(logging.WARNING, name, f"cannot be kept for the next agent: {error.strerror}")
