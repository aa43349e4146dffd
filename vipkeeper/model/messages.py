"""What nodes say to each other directly while the store is silent.

Rules of this file: values alone; every message names sender and receiver by node name; an answer repeats all
that it answers, so that it can be taken for an answer to nothing else; unknown fields are ignored so that
versions can mix.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable

import msgspec


class RefusedBecause(enum.Enum):
    """Why a node does not promise. A closed list: `ls`, logs and metrics show the texts."""

    STORE_ANSWERS = "the store answers it"
    NOT_READ = "it has not read the store since it started"
    OTHER_RECORDS = "its records name another owner for some of the VIPs"
    TOO_LONG = "the promise is asked for longer than any lease may last"
    FAILSAFE_OFF = "failsafe is off there"
    STARTED_ANEW = "it was started anew meanwhile"


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    """An owner asks: for `hold_ms` from when you hear this, do not start to answer for what I own.

    `units` is the digest of the VIP records that name this owner and incarnation (`digest_of`). `asked_ms`
    is the sender's clock and grows with every question: a repeated datagram is not heard twice. `process`
    is the receiver's, so that a question to an earlier process is not taken for one to this.
    """

    sender: str
    to: str
    nonce: str
    incarnation: str
    units: str
    hold_ms: int
    asked_ms: int
    process: str


class Promise(msgspec.Struct, frozen=True, tag="promise"):
    """The receiver of an Ask promises what it asks."""

    sender: str
    to: str
    nonce: str
    by: str  # the promising incarnation: another agent under its name has promised nothing
    incarnation: str  # the owner's
    units: str
    hold_ms: int


class Refusal(msgspec.Struct, frozen=True, tag="refusal"):
    """It does not, and why. `process` is the refusing one."""

    sender: str
    to: str
    nonce: str
    because: RefusedBecause
    process: str


class Ping(msgspec.Struct, frozen=True, tag="ping"):
    """Are you there?"""

    sender: str
    to: str
    nonce: str


class Pong(msgspec.Struct, frozen=True, tag="pong"):
    """Here I am."""

    sender: str
    to: str
    nonce: str
    process: str


Message = Ask | Promise | Refusal | Ping | Pong


class GivenPromise(msgspec.Struct, frozen=True):
    """A promise as the promising node keeps it, also over a restart. `until_s` is on CLOCK_BOOTTIME."""

    owner: str
    incarnation: str
    units: str
    until_s: float


def digest_of(units: Iterable[tuple[str, int]]) -> str:
    """Names and epochs of VIP records, in a text of a fixed length: a thousand VIPs fit into a datagram."""
    encoded = msgspec.json.encode(sorted(units))
    return hashlib.sha256(encoded).hexdigest()[:32]
