"""The files of a keepalived.conf on this host, for the reader of that format.

Rules of this file: it decides nothing; what cannot be read is a value that says why.
"""

from __future__ import annotations

import glob
import os
import socket
import zlib
from pathlib import Path

from vrrp_compat.keepalived_conf.config_files import Surroundings, Unreadable


class HostFiles:
    """The files of this host."""

    def read(self, path: str) -> bytes | Unreadable:
        """What is in one file."""
        try:
            # A FIFO or a device would keep the agent waiting for ever.
            if Path(path).exists() and not Path(path).is_file():
                return Unreadable("is a directory" if Path(path).is_dir() else "is not a regular file")
            return Path(path).read_bytes()
        except (OSError, ValueError) as error:
            return Unreadable((getattr(error, "strerror", None) or str(error)).lower())

    def matching(self, pattern: str) -> tuple[str, ...]:
        """The paths that are there of those a pattern names, sorted."""
        try:
            return tuple(sorted(glob.glob(pattern)))  # noqa: PTH207 - patterns are absolute, Path.glob's are not
        except ValueError:  # a NUL in the pattern
            return ()


def surroundings_of_this_host(config_id: str | None = None) -> Surroundings:
    """What keepalived would take here. Its configuration id is the first label of the host name.

    ${_RANDOM} follows from the host name: another number on each node, the same at each reload.
    """
    hostname = socket.gethostname()
    return Surroundings(
        config_id=hostname.partition(".")[0] if config_id is None else config_id,
        environment=dict(os.environ),
        working_directory=str(Path.cwd()),
        random_seed=zlib.crc32(hostname.encode()),
    )
