"""A certificate authority for tests, made with the openssl program."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_EC_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True, slots=True)
class Certificate:
    """A PEM certificate and its key."""

    cert_file: Path
    key_file: Path


class Authority:
    """Signs certificates; its own is `ca_file`."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._directory = directory
        self.ca_file = directory / "ca.pem"
        self._key_file = directory / "ca.key"
        _openssl(
            *("req", "-x509", *_EC_KEY, "-days", "2", "-subj", "/CN=test authority"),
            *("-keyout", str(self._key_file), "-out", str(self.ca_file)),
        )

    def sign(self, name: str, alternative_name: str = "IP:127.0.0.1") -> Certificate:
        """A certificate for a server and for a client."""
        certificate = Certificate(self._directory / f"{name}.pem", self._directory / f"{name}.key")
        request, extensions = self._directory / f"{name}.csr", self._directory / f"{name}.ext"
        extensions.write_text(f"subjectAltName={alternative_name}\nextendedKeyUsage=serverAuth,clientAuth\n")
        _openssl(
            *("req", "-new", *_EC_KEY, "-subj", f"/CN={name}"),
            *("-keyout", str(certificate.key_file), "-out", str(request)),
        )
        _openssl(
            *("x509", "-req", "-days", "2", "-in", str(request), "-extfile", str(extensions)),
            *("-CA", str(self.ca_file), "-CAkey", str(self._key_file), "-CAcreateserial"),
            *("-out", str(certificate.cert_file)),
        )
        return certificate


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
