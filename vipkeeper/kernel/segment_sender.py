"""Puts whole Ethernet frames onto a segment.

Rules of this file: one socket for all links. It has protocol 0, so it never receives. It does not bypass the
queueing layer (PACKET_QDISC_BYPASS), because the fence has to see our own announcements, too. It never
waits: a stuck link must not stop the renewal of leases. What is lost is sent again by the schedule.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable

from vipkeeper.kernel.refusals import kernel_error
from vipkeeper.model.host import Link

CAP_NET_RAW = "CAP_NET_RAW"

# Room for the frames of one burst while the network card has not yet sent any. The kernel cuts it to
# net.core.wmem_max (208 KiB), and then counts twice that, about 550 small frames.
_SEND_BUFFER_BYTES = 1 << 20

# A link that is down or gone hears nothing; ENOBUFS is a fence that drops (nftables) or a full queue.
_LOST = frozenset({errno.ENETDOWN, errno.ENXIO, errno.ENODEV, errno.ENOBUFS, errno.EAGAIN})

_ETHER_TYPE = slice(12, 14)


class SegmentSender:
    """Sends in the network namespace in which it is made. Raises MissingPrivilege without CAP_NET_RAW."""

    def __init__(self) -> None:
        try:
            self._socket = socket.socket(
                socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0
            )
        except OSError as refused:
            raise kernel_error(refused.errno or 0, "a packet socket", capability=CAP_NET_RAW) from refused
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)

    def send(self, link: Link, frames: Iterable[bytes]) -> None:
        """Send each frame; what the link cannot take is lost. Raises KernelRefused or MissingPrivilege."""
        for frame in frames:
            # The fence tells ARP from IP by the protocol given here.
            protocol = int.from_bytes(frame[_ETHER_TYPE])
            try:
                self._socket.sendto(frame, (link.name, protocol))
            except OSError as refused:
                if refused.errno not in _LOST:
                    raise kernel_error(
                        refused.errno or 0, f"a frame for {link.name}", capability=CAP_NET_RAW
                    ) from refused

    def close(self) -> None:
        """Send no more."""
        self._socket.close()
