"""The strongest fence: a tc program on every interface that could answer, and one map of absolute deadlines.

Rules of this file: one map and two programs for the namespace, shared by all interfaces. What an earlier
process left is found without a file system: our filter names its program, the program its map. The map is
kept and the programs are loaded anew, so an upgrade brings its own code and loses no deadline.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
from collections.abc import Iterable, Mapping

from vipkeeper.kernel import bpf_calls
from vipkeeper.kernel.fence_program import (
    INBOUND,
    KEY_BYTES,
    OUTBOUND,
    VALUE_BYTES,
    fence_program,
    key_address,
    map_key,
)
from vipkeeper.kernel.netlink_socket import NetlinkSocket
from vipkeeper.kernel.traffic_control import (
    EGRESS,
    INGRESS,
    attach_program,
    detach_programs,
    read_filters,
)
from vipkeeper.model.errors import KernelRefused
from vipkeeper.model.host import Link

# Enough for any node; the kernel takes about 0.6 MB for it in advance, so that no later write needs memory.
_ENTRIES = 8192
_NS = 1_000_000_000
_DEADLINE = struct.Struct("=Q")


class BpfFence:
    """Implements `Fence`. Making one raises KernelRefused when the kernel does not take the program."""

    def __init__(self, netlink: NetlinkSocket, links: Iterable[Link]) -> None:
        self._netlink = netlink
        self.note = ""
        self._programs: dict[int, int] = {}
        self._map_fd = -1
        self._capacity = _ENTRIES
        try:
            self._map_fd = self._adopted_map(links)
            if self._map_fd < 0:
                self._map_fd = bpf_calls.create_hash_map(KEY_BYTES, VALUE_BYTES, _ENTRIES, "vipkeeper")
            for hook, direction in ((INGRESS, INBOUND), (EGRESS, OUTBOUND)):
                code = fence_program(self._map_fd, direction)
                self._programs[hook] = bpf_calls.load_classifier(code, "vipkeeper")
        except OSError as refused:
            self.close()
            raise _translated(refused) from refused

    def _adopted_map(self, links: Iterable[Link]) -> int:
        """The map behind our filters on these links, or -1."""
        programs = {
            found.program_id
            for link in links
            for hook in (INGRESS, EGRESS)
            for found in read_filters(self._netlink, link.index, hook)
            if found.ours and found.program_id
        }
        if not programs:
            return -1
        try:
            maps = {map_id for program in programs for map_id in bpf_calls.program_maps(program)}
        except PermissionError:
            self.note = (
                "the deadlines of an earlier process cannot be read without CAP_SYS_ADMIN, "
                "so its addresses are added again instead of kept"
            )
            return -1
        if len(maps) != 1:
            self.note = "filters of an earlier process use several maps, so nothing of it is kept"
            return -1
        map_fd = bpf_calls.open_map(maps.pop())
        key_bytes, value_bytes, self._capacity = bpf_calls.map_shape(map_fd)
        if (key_bytes, value_bytes) == (KEY_BYTES, VALUE_BYTES):
            return map_fd
        os.close(map_fd)
        self._capacity = _ENTRIES
        self.note = "an earlier process kept its deadlines in another form, so nothing of it is kept"
        return -1

    def attach(self, link: Link) -> None:
        """Fence one interface. Raises KernelRefused or MissingPrivilege."""
        for hook, program_fd in self._programs.items():
            attach_program(self._netlink, link.index, link.name, hook, program_fd)

    def is_attached(self, link: Link) -> bool:
        """Whether both directions of an interface are fenced, by anybody's reading of the kernel."""
        return all(
            any(found.ours for found in read_filters(self._netlink, link.index, hook))
            for hook in self._programs
        )

    def detach(self, link: Link) -> None:
        """Take the fence off one interface."""
        detach_programs(self._netlink, link.index, link.name)

    def set_deadlines(self, deadlines: Mapping[str, float]) -> None:
        """Write deadlines (CLOCK_BOOTTIME, seconds), in order. Raises KernelRefused."""
        entries = {map_key(text): _DEADLINE.pack(int(end * _NS)) for text, end in deadlines.items()}
        try:
            bpf_calls.update_map(self._map_fd, entries)
        except OSError as refused:
            if refused.errno == errno.E2BIG:
                raise KernelRefused(
                    f"the fence has room for {self._capacity} addresses: configure fewer VIPs on this node",
                    errno.E2BIG,
                ) from refused
            raise _translated(refused) from refused

    def forget(self, addresses: Iterable[str]) -> None:
        """Stop fencing these addresses."""
        for text in addresses:
            bpf_calls.delete_from_map(self._map_fd, map_key(text))

    def deadlines(self, now_s: float) -> dict[str, float]:  # noqa: ARG002 - absolute; others need the time
        """Every entry, read from the kernel."""
        entries = bpf_calls.read_map(self._map_fd, KEY_BYTES, VALUE_BYTES, self._capacity)
        return {key_address(key): _DEADLINE.unpack(value)[0] / _NS for key, value in entries.items()}

    def close(self) -> None:
        """Let go of it. Where it is attached it stays in force."""
        for fd in (self._map_fd, *self._programs.values()):
            if fd >= 0:
                with contextlib.suppress(OSError):
                    os.close(fd)
        self._programs = {}
        self._map_fd = -1


def _translated(refused: OSError) -> KernelRefused:
    if refused.errno == errno.EPERM:
        return KernelRefused("the tc program needs CAP_BPF and CAP_NET_ADMIN: grant them", errno.EPERM)
    return KernelRefused(f"the kernel refused the tc program: {refused.strerror}", refused.errno or 0)
