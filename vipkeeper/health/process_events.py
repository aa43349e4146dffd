"""The kernel's word on processes that begin, become another program or end: its process connector.

Rules of this file: IO. It needs CAP_NET_ADMIN, and the kernel answers in the first network and pid namespace
alone: in a container there is no word of it, and whoever asks has to look at /proc again and again.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable

_NETLINK_CONNECTOR = 11
_PROCESSES = 1  # CN_IDX_PROC, and its one value
_LISTEN = 1  # PROC_CN_MCAST_LISTEN
_FORK, _EXEC, _COMM, _EXIT = 0x1, 0x2, 0x200, 0x80000000

_HEADER = struct.Struct("=IHHII")  # nlmsghdr
_CONNECTOR = struct.Struct("=IIIIHH")  # cn_msg
_EVENT = struct.Struct("=IIQ")  # what, cpu, time
_EVENT_AT = _HEADER.size + _CONNECTOR.size
_IDS_AT = _EVENT_AT + _EVENT.size
_IDS = struct.Struct("=II")  # of a thread, and of its process
_DONE = 3  # NLMSG_DONE

_BUFFER_BYTES = 1 << 20
_MOST_AT_ONCE = 500  # then others have their turn
_ANSWER_S = 0.05  # the kernel answers within the call, or in another pid namespace not at all


class ProcessEvents:
    """Tells of each process. `lost`: some was not told, everything has to be looked at."""

    def __init__(
        self, changed: Callable[[int], None], ended: Callable[[int], None], lost: Callable[[], None]
    ) -> None:
        self._changed = changed
        self._ended = ended
        self._lost = lost
        self._socket: socket.socket | None = None

    def listen(self) -> bool:
        """Whether the kernel tells, from now on."""
        channel = None
        try:
            channel = socket.socket(
                socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, _NETLINK_CONNECTOR
            )
            channel.bind((0, _PROCESSES))
            channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            body = _CONNECTOR.pack(_PROCESSES, _PROCESSES, 0, 0, 4, 0) + struct.pack("=I", _LISTEN)
            channel.send(_HEADER.pack(_HEADER.size + len(body), _DONE, 0, 0, 0) + body)
            channel.settimeout(_ANSWER_S)
            channel.recv(4096)
        except OSError:
            if channel is not None:
                channel.close()
            return False
        channel.setblocking(False)
        self._socket = channel
        asyncio.get_running_loop().add_reader(channel, self._read, channel)
        return True

    def close(self) -> None:
        """Hear no more."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _read(self, channel: socket.socket) -> None:
        for _ in range(_MOST_AT_ONCE):
            try:
                message = channel.recv(4096)
            except BlockingIOError:
                return
            except OSError:  # ENOBUFS
                self._lost()
                return
            self._take(message)

    def _take(self, message: bytes) -> None:
        if len(message) < _IDS_AT + _IDS.size:
            return
        (what, _, _) = _EVENT.unpack_from(message, _EVENT_AT)
        if what == _FORK:  # of the child: after its parent's two numbers
            thread, process = _IDS.unpack_from(message, _IDS_AT + _IDS.size)
        else:
            thread, process = _IDS.unpack_from(message, _IDS_AT)
        if thread != process:
            return
        if what == _EXIT:
            self._ended(process)
        elif what in (_FORK, _EXEC, _COMM):
            self._changed(process)
