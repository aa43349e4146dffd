"""One agent for one network namespace: two would remove each other's addresses as left-overs.

An abstract Unix socket name is the lock: Linux keeps those per network namespace, and frees the name however
its process ends.
"""

from __future__ import annotations

import errno
import socket

from vipkeeper.model.errors import ConfigError

_NAME = "\0vipkeeper-agent"


class NamespaceLock:
    """Held until `close` or the end of the process. Raises ConfigError when another agent holds it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            self._socket.bind(_NAME)
        except OSError as error:
            self._socket.close()
            if error.errno != errno.EADDRINUSE:
                raise
            raise ConfigError(
                (
                    "another agent runs in this network namespace: put its VIPs and these into one "
                    "configuration, or give each agent a namespace of its own",
                )
            ) from error

    def close(self) -> None:
        self._socket.close()
