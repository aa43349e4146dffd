"""What went wrong with a call to etcd, in words: who has to act, and how.

Rules of this file: exceptions of grpclib and all below it are translated here and nowhere else; every one of
them means Unknown, whatever its text promises.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from google.protobuf.message import DecodeError
from grpclib.exceptions import GRPCError, ProtocolError, StreamTerminatedError
from h2.exceptions import H2Error

from backends.store import Unknown

# The order counts: a compaction frees pages in the file, defragmenting gives them back, and only then is the
# alarm's cause gone. `etcdctl defrag` takes its member out for as long as it runs.
FREE_SPACE = (
    "free some: `etcdctl endpoint status -w json` shows the revision, then `etcdctl compaction REVISION`, "
    "`etcdctl defrag` for one member after the other, `etcdctl alarm disarm`; so that it stays free, start "
    "the members with --auto-compaction-mode=periodic --auto-compaction-retention=1h"
)

# What grpclib lets through when a server talks nonsense; found by feeding it random bytes.
_NONSENSE = (
    DecodeError,  # the message is no protobuf
    H2Error,  # the frames are no HTTP/2
    ProtocolError,  # a stream ended at a moment gRPC does not allow
    AssertionError,  # a reply that ends early, or has no message
    NotImplementedError,  # a compressed reply
    LookupError,  # headers without :status
    ValueError,  # headers that are not text
    AttributeError,  # a connection closed between two steps of one call
    struct.error,
)


class CallFailed(Exception):
    """A call did not bring an answer that counts."""

    def __init__(self, unknown: Unknown, *, token_refused: bool = False) -> None:
        super().__init__(unknown.why)
        self.unknown = unknown
        self.token_refused = token_refused


class _Refusal(msgspec.Struct, frozen=True):
    part: str  # of etcd's message
    actor: str
    advice: str
    token_refused: bool = False


_REFUSALS = (
    _Refusal("database space exceeded", "operator", FREE_SPACE),
    _Refusal("corrupt", "operator", "replace the member that etcdctl alarm list names"),
    _Refusal("request is too large", "operator", "raise etcd's --max-request-bytes"),
    _Refusal("too many operations in txn", "operator", "set etcd's --max-txn-ops to at least 128"),
    _Refusal("unknown service", "operator", "point the endpoint at etcd 3.4 or later"),
    _Refusal("authentication failed", "user", "correct the etcd username or password"),
    _Refusal("user name is empty", "user", "give an etcd username and password", token_refused=True),
    _Refusal("permission denied", "user", "grant this etcd user readwrite on the prefix"),
    _Refusal("invalid auth token", "store", "the next attempt logs in again", token_refused=True),
    _Refusal("revision of auth store is old", "store", "the next attempt logs in again", token_refused=True),
)


@contextmanager
def translated(where: object, doing: str) -> Iterator[None]:
    """Turn whatever a library call raises into `CallFailed`."""
    try:
        yield
    except GRPCError as error:
        message = f"{error.status.name.lower()}: {error.message or 'no message'}"
        raise refused(where, doing, message) from error
    except ssl.SSLError as error:
        advice = "check ca_file, cert_file and the names in the server's certificate"
        why = f"{where}: {doing}: {error.reason or error}; {advice}"
        raise CallFailed(Unknown(why, "user")) from error
    except socket.gaierror as error:
        why = f"{where}: {doing}: {error.strerror}; check the endpoint's name"
        raise CallFailed(Unknown(why, "user")) from error
    except (OSError, StreamTerminatedError) as error:
        # A connection that ends within the TLS handshake has no text.
        raise CallFailed(Unknown(f"{where}: {doing}: {str(error) or 'connection ended'}")) from error
    except _NONSENSE as error:
        why = f"{where}: {doing}: the answer is not etcd's ({type(error).__name__}: {error})"
        raise CallFailed(Unknown(why)) from error


def is_authentication_off(failed: CallFailed) -> bool:
    """Whether a login failed because the cluster wants none."""
    cause = failed.__cause__
    return isinstance(cause, GRPCError) and "authentication is not enabled" in (cause.message or "")


def is_compacted(failed: CallFailed) -> bool:
    """Whether a reading failed because the revision it asked for is compacted."""
    cause = failed.__cause__
    return isinstance(cause, GRPCError) and "has been compacted" in (cause.message or "")


def refused(where: object, doing: str, message: str) -> CallFailed:
    """What etcd's own message means; `message` may begin with a gRPC status."""
    why = f"{where}: {doing}: {message}"
    for refusal in _REFUSALS:
        if refusal.part in message:
            unknown = Unknown(f"{why}; {refusal.advice}", refusal.actor)
            return CallFailed(unknown, token_refused=refusal.token_refused)
    return CallFailed(Unknown(why))
