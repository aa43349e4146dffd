"""What went wrong with a call to ZooKeeper, in words: who has to act, and how.

Rules of this file: error codes of ZooKeeper and exceptions of the network are translated here and nowhere
else; every one of them means Unknown. No message holds what a client sent, so no secret is in one.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from kazoo.exceptions import EXCEPTIONS

from backends.store import Unknown

OK = 0
# Of our own: the connection ended before the answer came. ZooKeeper's client libraries use this code too.
CONNECTION_LOST = -4
TLS_REFUSED = -4001  # the same, and TLS was to blame
UNIMPLEMENTED = -6
RUNTIME_INCONSISTENCY = -2  # what ZooKeeper says of all operations after the one that failed
NO_NODE = -101
NO_AUTH = -102
BAD_VERSION = -103
NODE_EXISTS = -110
NOT_EMPTY = -111
AUTH_FAILED = -115
SASL_REQUIRED = -124
# After these the server hangs up.
FAREWELLS = frozenset({-112, AUTH_FAILED, SASL_REQUIRED})  # -112: the session has expired

_ADVICE = {
    TLS_REFUSED: "check cert_file and key_file, and the trust store of the server",
    UNIMPLEMENTED: "upgrade this server to ZooKeeper 3.6 or later: vipkeeper needs its recursive watches",
    NO_AUTH: "give vipkeeper the username and password that wrote these znodes, or correct their ACLs",
    AUTH_FAILED: "correct the ZooKeeper username or password",
    SASL_REQUIRED: 'set a username, a password and auth = "sasl": this server wants SASL',
    -125: "raise the quota of vipkeeper's znodes, or remove what fills it",
}


class CallFailed(Exception):
    """A call did not bring an answer that counts."""

    def __init__(self, unknown: Unknown) -> None:
        super().__init__(unknown.why)
        self.unknown = unknown


def refused(where: object, doing: str, code: int, why: object = None) -> CallFailed:
    """What ZooKeeper's error code means; `why` is what is known of a lost connection."""
    text = f"{where}: {doing}: {why or _name(code)}"
    advice = _ADVICE.get(code)
    if advice is None:
        return CallFailed(Unknown(text))
    return CallFailed(Unknown(f"{text}; {advice}", "operator"))


def nonsense(where: object, doing: str, what: object) -> CallFailed:
    """The server talks, but not as ZooKeeper does."""
    return CallFailed(Unknown(f"{where}: {doing}: the answer is not ZooKeeper's ({what})"))


@contextmanager
def translated(where: object, doing: str) -> Iterator[None]:
    """Turn what the network raises into `CallFailed`."""
    try:
        yield
    except ssl.SSLError as error:
        advice = "check ca_file, cert_file and the names in the server's certificate"
        why = f"{where}: {doing}: {error.reason or error}; {advice}"
        raise CallFailed(Unknown(why, "operator")) from error
    except socket.gaierror as error:
        why = f"{where}: {doing}: {error.strerror}; check the endpoint's name"
        raise CallFailed(Unknown(why, "operator")) from error
    except OSError as error:
        raise CallFailed(Unknown(f"{where}: {doing}: {str(error) or 'no answer'}")) from error


def _name(code: int) -> str:
    known = EXCEPTIONS.get(code)
    return f"ZooKeeper's error {code}" if known is None else str(known.__name__).removesuffix("Error")
