"""What the TLS checks show and trust, one context for all checks that have the same.

Rules of this file: files are read here. A check judges whether a server answers, not how well it is
secured: without `ca` any version, cipher and certificate is taken that OpenSSL can still speak. A file that
is replaced (a renewed certificate) counts from the next check on.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import Callable
from pathlib import Path

from vipkeeper.health.checkers.results import CannotCheck
from vipkeeper.model.balancing import Tls

# OpenSSL 3 refuses servers without RFC 5746 unless told so; the ssl module names it from Python 3.12 on.
_LEGACY_SERVER_CONNECT = 0x4

_AS_IT_WAS = tuple[str, int]  # a file, and when it was last written


def context_for(settings: Tls) -> ssl.SSLContext:
    """Raises CannotCheck when a file is missing or wrong: that is this node's trouble, not the server's."""
    files = (settings.ca, settings.certificate, settings.key, settings.password_file)
    return _context(*(_stamped(name) for name in files), word=settings.password)


@functools.lru_cache(maxsize=16)
def _context(
    ca: _AS_IT_WAS, certificate: _AS_IT_WAS, key: _AS_IT_WAS, password: _AS_IT_WAS, *, word: str
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # servers are asked by their addresses, which no certificate names
    if ca[0]:
        # With OpenSSL's own ciphers: among all of them are some without any certificate to judge.
        context.verify_mode = ssl.CERT_REQUIRED
        _load(ca[0], "trust", lambda: context.load_verify_locations(ca[0]))
    else:
        context.verify_mode = ssl.CERT_NONE
        # Python's own builds begin at TLS 1.2, Debian's at whatever OpenSSL has.
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.options |= _LEGACY_SERVER_CONNECT
    if certificate[0]:
        word = _password(password[0]) if password[0] else word
        # Without a password of ours OpenSSL would ask on the terminal, and wait for ever.
        _load(
            certificate[0],
            "show",
            lambda: context.load_cert_chain(certificate[0], key[0] or None, lambda: word),
        )
    return context


def _stamped(name: str) -> _AS_IT_WAS:
    if not name:
        return "", 0
    try:
        return name, Path(name).stat().st_mtime_ns
    except OSError as error:
        raise CannotCheck(f"{name} cannot be read ({error.strerror}): correct `[ssl]`") from error


def _password(name: str) -> str:
    try:
        return Path(name).read_text().partition("\n")[0]
    except (OSError, UnicodeDecodeError) as error:
        raise CannotCheck(f"{name} cannot be read ({error}): correct `[ssl]`") from error


def _load(name: str, purpose: str, load: Callable[[], None]) -> None:
    try:
        load()
    except (ssl.SSLError, ValueError) as error:  # ValueError: a password that OpenSSL has no room for
        reason = (getattr(error, "reason", None) or str(error)).replace("_", " ").lower()
        raise CannotCheck(
            f"TLS checks cannot {purpose} {name} ({reason}): correct the file, its key or its password"
        ) from error
    except OSError as error:
        raise CannotCheck(f"{name} or its key cannot be read ({error.strerror}): correct `[ssl]`") from error
