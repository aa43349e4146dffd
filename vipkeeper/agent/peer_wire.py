"""Messages between nodes as datagrams, each with proof that its sender knows a key of the cluster.

    VKF1 | key id, 8 bytes | HMAC-SHA256 of all but itself, 32 bytes | the message as JSON

Rules of this file: no IO; what cannot be proven is never decoded; a datagram gives a message or a reason,
never an exception.
"""

from __future__ import annotations

import enum
import functools
import hmac
from collections.abc import Iterable

import msgspec

from vipkeeper.model.messages import Message
from vipkeeper.model.records import SharedKey

_MAGIC = b"VKF1"
_ID_LENGTH = 8
_MAC_LENGTH = 32
_HEAD = len(_MAGIC) + _ID_LENGTH + _MAC_LENGTH
# The longest message names two nodes of 64 characters each; this leaves it below every path's MTU.
LONGEST = 1200

_encode = msgspec.json.Encoder().encode


@functools.cache
def _decoder() -> msgspec.json.Decoder[Message]:
    """Made for the first message: it takes 2 ms, which the first lease does not wait for."""
    return msgspec.json.Decoder(Message)


class Malformed(enum.Enum):
    """Why a datagram is no message of ours."""

    NOT_OURS = "it does not begin as a message of vipkeeper does"
    TOO_LONG = "it is longer than any message"
    UNKNOWN_KEY = "its key is not known here: it is of another cluster, or one of the nodes lags behind"
    FORGED = "its proof is wrong"
    UNREADABLE = "its content cannot be understood: it is of another version"


def pack(message: Message, key: SharedKey) -> bytes:
    """The datagram of a message."""
    head, body = _MAGIC + bytes.fromhex(key.id), _encode(message)
    return head + _mac(key, head, body) + body


def unpack(datagram: bytes, keys: Iterable[SharedKey]) -> Message | Malformed:
    """The message of a datagram."""
    if not datagram.startswith(_MAGIC) or len(datagram) <= _HEAD:
        return Malformed.NOT_OURS
    if len(datagram) > LONGEST:
        return Malformed.TOO_LONG
    head, mac, body = datagram[: _HEAD - _MAC_LENGTH], datagram[_HEAD - _MAC_LENGTH : _HEAD], datagram[_HEAD:]
    key_id = head[len(_MAGIC) :].hex()
    key = next((key for key in keys if key.id == key_id), None)
    if key is None:
        return Malformed.UNKNOWN_KEY
    if not hmac.compare_digest(_mac(key, head, body), mac):
        return Malformed.FORGED
    try:
        return _decoder().decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Malformed.UNREADABLE


def _mac(key: SharedKey, head: bytes, body: bytes) -> bytes:
    return hmac.digest(bytes.fromhex(key.secret), head + body, "sha256")
