"""Reads a keepalived.conf and all that it includes from this host's files.

Rules of this file: it decides nothing; what cannot be read becomes a remark of the reader.
"""

from __future__ import annotations

import glob
import os
import socket
from pathlib import Path

import msgspec
from vrrp_compat.keepalived_conf.understanding import understand

from vrrp_compat.keepalived_conf.reading import ConfigFiles, Surroundings, Unreadable, read_configuration
from vrrp_compat.keepalived_conf.statements import Written
from vrrp_compat.keepalived_conf.understood import Understood


class ReadKeepalivedConf(msgspec.Struct, frozen=True):
    """A file as it was written, and as keepalived understands it."""

    written: Written
    understood: Understood


def read_keepalived_conf(name: str) -> ReadKeepalivedConf:
    """The whole configuration that begins in the file `name`."""
    files: ConfigFiles = _HostFiles()
    written = read_configuration(name, files, _surroundings())
    return ReadKeepalivedConf(written, understand(written))


def _surroundings() -> Surroundings:
    return Surroundings(
        config_id=socket.gethostname().partition(".")[0],
        environment=dict(os.environ),
        working_directory=str(Path.cwd()),
        random_seed=int.from_bytes(os.urandom(4), "big"),
    )


class _HostFiles:
    def read(self, path: str) -> bytes | Unreadable:
        try:
            return Path(path).read_bytes()
        except OSError as error:
            return Unreadable((error.strerror or str(error)).lower())

    def matching(self, pattern: str) -> tuple[str, ...]:
        return tuple(sorted(glob.glob(pattern)))  # noqa: PTH207 - the pattern may be absolute
