"""Hears somebody else on the segment announce a VIP of ours.

Rules of this file: a packet socket for each interface and protocol (ARP, IPv6) that carries VIPs, with a
filter in the kernel, so that other traffic does not wake us. A socket for one protocol never sees what this
host sends, and costs nothing for other protocols. It stays open without VIPs until its interface goes,
because closing one takes 6 to 17 ms (measured; the kernel waits for all its readers), which a planned move
should not wait for.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import socket
import struct
from collections.abc import Callable, Iterable, Mapping

from vipkeeper.kernel.announcement_filter import SNAP_BYTES, announcement_filter
from vipkeeper.kernel.announcement_frames import (
    ETH_ARP,
    ETH_IPV6,
    MAC_BYTES,
    address_bytes,
    read_claim,
)
from vipkeeper.kernel.refusals import kernel_error
from vipkeeper.kernel.segment_sender import CAP_NET_RAW
from vipkeeper.model.host import Link
from vipkeeper.model.vips import VipAddress

REPORT_INTERVAL_S = 1.0

_SO_ATTACH_FILTER = 26
_SO_DETACH_FILTER = 27
_INSTRUCTION_BYTES = 8
_PROTOCOL = {4: ETH_ARP, 6: ETH_IPV6}
_GONE = frozenset({errno.ENODEV, errno.ENXIO})
_FRAMES_AT_ONCE = 64  # then others have their turn, whatever the segment sends


class _Ear:
    """One socket: announcements of one IP version on one interface."""

    def __init__(self, link: Link, version: int) -> None:
        self.link = link
        self._version = version
        self._addresses: frozenset[bytes] = frozenset()
        self.socket = socket.socket(
            socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0
        )
        try:
            # Protocol 0 receives nothing; the filter comes before the protocol.
            self._attach_filter()
            self.socket.bind((link.name, _PROTOCOL[version]))
        except OSError:
            self.socket.close()
            raise

    def tune(self, link: Link, addresses: frozenset[bytes]) -> None:
        """Hear these. `link` may have another MAC than before."""
        if (link.mac, addresses) != (self.link.mac, self._addresses):
            self.link = link
            self._addresses = addresses
            self._attach_filter()

    def _attach_filter(self) -> None:
        code = announcement_filter(self._version, self._addresses, index=self.link.index, mac=self.link.mac)
        buffer = ctypes.create_string_buffer(code, len(code))
        program = struct.pack("@HP", len(code) // _INSTRUCTION_BYTES, ctypes.addressof(buffer))
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
        except OSError as refused:
            if refused.errno != errno.ENOMEM:
                raise
            # Until the new one is in place the old one counts, too, and there may be room for one large one.
            self.socket.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
            self.socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)

    def frames(self) -> list[bytes]:
        """Some of what waits. The kernel drops what finds no room; the next announcement will do as well."""
        frames: list[bytes] = []
        while len(frames) < _FRAMES_AT_ONCE:
            try:
                frames.append(self.socket.recv(SNAP_BYTES))
            except BlockingIOError:
                break
            except OSError as refused:
                # Told once when the link goes down. The socket hears again when it comes back.
                if refused.errno != errno.ENETDOWN:
                    raise
        return frames


class ConflictWatch:
    """Reports to `hear` the VIP and the MAC that claims it, at most once a second for each VIP.

    An announcement is foreign when neither the frame nor the claim in it has the MAC of one of our links.
    `frames_read` counts what passed the filters.
    """

    def __init__(self, hear: Callable[[VipAddress, str], None]) -> None:
        self._hear = hear
        self._ears: dict[tuple[str, int], _Ear] = {}
        self._watched: dict[tuple[str, bytes], VipAddress] = {}
        self._own_macs: frozenset[bytes] = frozenset()
        self._heard_at_s: dict[VipAddress, float] = {}
        self.frames_read = 0

    def watch(self, links: Mapping[str, Link], vips: Iterable[VipAddress]) -> None:
        """Hear announcements of these from now on, and of no others; on the running event loop.

        A VIP whose interface is not among `links` is not heard, and neither is one on a link that is not
        Ethernet. Raises MissingPrivilege or KernelRefused.
        """
        self._own_macs = frozenset(link.mac for link in links.values())
        self._watched = {(vip.interface, address_bytes(vip.address)): vip for vip in vips}
        wanted: dict[tuple[str, int], set[bytes]] = {}
        for (interface, address), vip in self._watched.items():
            wanted.setdefault((interface, vip.version), set()).add(address)
        watched = set(self._watched.values())
        self._heard_at_s = {vip: at_s for vip, at_s in self._heard_at_s.items() if vip in watched}
        for place, ear in list(self._ears.items()):
            link = links.get(ear.link.name)
            if link is None or link.index != ear.link.index:
                self._close(place)
        for place in self._ears.keys() | wanted.keys():
            link = links.get(place[0])
            if link is not None and len(link.mac) == MAC_BYTES:
                self._listen(place, link, frozenset(wanted.get(place, ())))

    def _listen(self, place: tuple[str, int], link: Link, addresses: frozenset[bytes]) -> None:
        try:
            ear = self._ears.get(place)
            if ear is None:
                ear = _Ear(link, place[1])
                self._ears[place] = ear
                asyncio.get_running_loop().add_reader(ear.socket, self._frames_wait, place)
            ear.tune(link, addresses)
        except OSError as refused:
            if refused.errno not in _GONE:
                raise kernel_error(
                    refused.errno or 0, f"the conflict watch on {link.name}", capability=CAP_NET_RAW
                ) from refused

    def _frames_wait(self, place: tuple[str, int]) -> None:
        foreign: dict[VipAddress, bytes] = {}
        for frame in self._ears[place].frames():
            self.frames_read += 1
            claim = read_claim(frame)
            if claim is None or claim.mac in self._own_macs:
                continue
            vip = self._watched.get((place[0], claim.address))
            if vip is not None:
                foreign[vip] = claim.mac
        now_s = asyncio.get_running_loop().time()
        for vip, mac in foreign.items():
            if now_s - self._heard_at_s.get(vip, -REPORT_INTERVAL_S) >= REPORT_INTERVAL_S:
                self._heard_at_s[vip] = now_s
                self._hear(vip, mac.hex(":"))

    def _close(self, place: tuple[str, int]) -> None:
        ear = self._ears.pop(place)
        asyncio.get_running_loop().remove_reader(ear.socket)
        ear.socket.close()

    def close(self) -> None:
        """Hear nothing any more."""
        for place in list(self._ears):
            self._close(place)
