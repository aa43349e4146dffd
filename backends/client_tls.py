"""TLS towards a store: certificates from files, and what is wrong with them in words.

Rules of this file: the server is verified always; a file that cannot be used is a mistake of the settings.
"""

from __future__ import annotations

import ssl
from typing import Protocol


class CertificateFiles(Protocol):
    """The part of a store's settings that names files (PEM)."""

    @property
    def ca_file(self) -> str | None: ...

    @property
    def cert_file(self) -> str | None: ...

    @property
    def key_file(self) -> str | None: ...


def client_context(store: str, files: CertificateFiles, mistakes: list[str]) -> ssl.SSLContext | None:
    """A context for connections to `store`; None when `mistakes` has got the reason."""
    try:
        context = ssl.create_default_context(cafile=files.ca_file)
    except OSError as error:  # SSLError is one
        mistakes.append(
            f"{store}: ca_file {files.ca_file} cannot be used ({error}); give a PEM file we may read"
        )
        return None
    if files.cert_file is not None:
        try:
            context.load_cert_chain(files.cert_file, files.key_file)
        except OSError as error:
            mistakes.append(
                f"{store}: cert_file {files.cert_file} with key_file {files.key_file} cannot be used"
                f" ({error}); give a PEM certificate and its unencrypted key, and let us read both"
            )
            return None
    return context
