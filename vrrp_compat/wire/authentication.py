"""Authentication of version 2: which kind, and its 8 bytes. RFC 3768 removed it; keepalived's users have it.

Rules of this file: a secret is compared in constant time and is in no text. A password travels as it is and
keeps nobody out who can listen; AH (`authentication_header.py`) keeps out whoever does not know the key.
"""

from __future__ import annotations

import enum
import hmac

import msgspec

AUTH_BYTES = 8


class AuthKind(enum.Enum):
    """What the auth type field says. The texts are a contract."""

    NONE = "none"
    PASS = "pass"  # noqa: S105 - the name of a kind
    AH = "ah"

    @property
    def wire_type(self) -> int:
        return _WIRE_TYPES[self]


_WIRE_TYPES = {AuthKind.NONE: 0, AuthKind.PASS: 1, AuthKind.AH: 2}
KINDS = {number: kind for kind, number in _WIRE_TYPES.items()}


class Authentication(msgspec.Struct, frozen=True):
    """How the routers of one virtual router prove themselves. Made by the functions below."""

    kind: AuthKind = AuthKind.NONE
    key: bytes = bytes(AUTH_BYTES)

    def __repr__(self) -> str:
        return f"Authentication({self.kind.value})"

    def data(self) -> bytes:
        """The 8 bytes behind the addresses."""
        return self.key if self.kind is AuthKind.PASS else bytes(AUTH_BYTES)

    def is_password(self, data: bytes) -> bool:
        """All 8 bytes count, the padding too."""
        return hmac.compare_digest(self.key, data)


NO_AUTHENTICATION = Authentication()


def with_password(password: bytes) -> Authentication:
    """PASS. Like keepalived, what is beyond 8 bytes is left out."""
    return Authentication(AuthKind.PASS, _eight_bytes(password))


def with_key(key: bytes) -> Authentication:
    """AH. Like keepalived, what is beyond 8 bytes is left out."""
    return Authentication(AuthKind.AH, _eight_bytes(key))


def _eight_bytes(secret: bytes) -> bytes:
    return secret[:AUTH_BYTES].ljust(AUTH_BYTES, b"\0")
