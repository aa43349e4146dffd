"""Messages of ZooKeeper that kazoo does not have, in kazoo's shape.

Rules of this file: numbers and layout are those of ZooKeeper's `zookeeper.jute` and `ZooDefs.java`.
"""

from __future__ import annotations

import msgspec
from kazoo.protocol.serialization import int_struct, write_string

_PERSISTENT_RECURSIVE = 1


class AddRecursiveWatch(msgspec.Struct, frozen=True):
    """Watch a znode and all below it, those to come too, until the session ends. ZooKeeper 3.6 has it."""

    path: str
    type: int = 106

    def serialize(self) -> bytes:
        path: bytes = write_string(self.path)
        return path + bytes(int_struct.pack(_PERSISTENT_RECURSIVE))
