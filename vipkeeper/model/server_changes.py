"""What is told to others when a real server fails or recovers, or a quorum is lost or regained.

Rules of this file: plain values. The director makes them, the agent's notifier tells them.
"""

from __future__ import annotations

import enum

import msgspec


class ServerState(enum.Enum):
    """Up or down, or the end of it."""

    UP = "UP"
    DOWN = "DOWN"
    STOP = "STOP"  # the agent ends; it is told only of what has `omega`. What a reload takes out goes DOWN


class RealServerChange(msgspec.Struct, frozen=True, tag="real_server"):
    """One real server of one virtual server."""

    virtual_server: str
    real_server: str
    state: ServerState
    detail: str = ""  # why, for people
    first: bool = False  # the first state of a start or reload; keepalived tells it too


class QuorumChange(msgspec.Struct, frozen=True, tag="quorum"):
    """The quorum of one virtual server."""

    virtual_server: str
    state: ServerState
    weight: int  # that is well now
    quorum: int
    detail: str = ""
    first: bool = False


ServerChange = RealServerChange | QuorumChange
