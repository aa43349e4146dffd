"""The strongest fence: a tc program on every interface that could answer, and one map of absolute deadlines.

Rules of this file: one map and two programs for the namespace, shared by all interfaces. A process never
reads the map of an earlier one, which would need CAP_SYS_ADMIN. It puts its own filters beside the earlier
ones, where either can drop a frame, and takes the earlier ones away once its own map has an entry for every
address that they guard. So the earlier deadlines hold until newer ones are known, whatever happens meanwhile
(docs/decisions/0008-restart-without-sys-admin.md).
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
from collections.abc import Iterable, Mapping

from vipkeeper.kernel import bpf_calls
from vipkeeper.kernel.fence import INHERITED_S
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
    HANDLES,
    INGRESS,
    Filter,
    attach_program,
    detach_programs,
    read_filters,
)
from vipkeeper.model.errors import KernelRefused
from vipkeeper.model.host import CLOSED_S, Link

# Enough for any node; the kernel takes about 0.6 MB for it in advance, so that no later write needs memory.
_ENTRIES = 8192
_NS = 1_000_000_000
_DEADLINE = struct.Struct("=Q")
_DIRECTIONS = {INGRESS: INBOUND, EGRESS: OUTBOUND}


class BpfFence:
    """Implements `Fence`. Making one raises KernelRefused when the kernel does not take the program.

    `standing`: our addresses that are in the kernel already. They keep the deadlines of an earlier process if
    its filters are on all of `links`, and are closed otherwise.
    """

    def __init__(self, netlink: NetlinkSocket, links: Iterable[Link], standing: Iterable[str]) -> None:
        self._netlink = netlink
        self.note = ""
        self._programs: dict[int, int] = {}  # by direction
        self._program_ids: dict[int, int] = {}
        self._map_fd = -1
        self._guarded_before = {link.index: link for link in links}
        earlier = [self._ours_on(link) for link in self._guarded_before.values()]
        self._handle, free = _choose_handle(earlier)
        inherits = free and bool(earlier) and all(found[INGRESS] and found[EGRESS] for found in earlier)
        self._inherited = set(standing) if inherits else set()
        try:
            self._map_fd = bpf_calls.create_hash_map(KEY_BYTES, VALUE_BYTES, _ENTRIES, "vipkeeper")
            for hook, direction in _DIRECTIONS.items():
                program_fd = bpf_calls.load_classifier(fence_program(self._map_fd, direction), "vipkeeper")
                self._programs[hook] = program_fd
                self._program_ids[hook] = bpf_calls.program_id(program_fd)
        except OSError as refused:
            self.close()
            raise _translated(refused) from refused
        unguarded = set(standing) - self._inherited
        if unguarded:
            if any(found[INGRESS] or found[EGRESS] for found in earlier):
                self.note = "filters of an earlier process were missing somewhere, so nothing of it is kept"
            self.set_deadlines(dict.fromkeys(unguarded, CLOSED_S))

    def _ours_on(self, link: Link) -> dict[int, list[Filter]]:
        return {
            hook: [found for found in read_filters(self._netlink, link.index, hook) if found.ours]
            for hook in _DIRECTIONS
        }

    def _has_earlier(self, link: Link) -> bool:
        return all(any(one.handle != self._handle for one in found) for found in self._ours_on(link).values())

    def attach(self, link: Link) -> None:
        """Fence one interface. Raises KernelRefused or MissingPrivilege."""
        if self._inherited and not self._has_earlier(link):
            # A new interface, or somebody took the earlier filters away: nothing else guards these there.
            self.set_deadlines(dict.fromkeys(self._inherited, CLOSED_S))
        for hook, program_fd in self._programs.items():
            attach_program(self._netlink, link, hook, handle=self._handle, program_fd=program_fd)
        if not self._inherited:
            detach_programs(self._netlink, link, keep=self._handle)

    def is_attached(self, link: Link) -> bool:
        """Whether both directions of an interface have our filter, and earlier ones exactly while needed."""
        return all(
            any(one.handle == self._handle and one.program_id == self._program_ids[hook] for one in found)
            and any(one.handle != self._handle for one in found) == bool(self._inherited)
            for hook, found in self._ours_on(link).items()
        )

    def detach(self, link: Link) -> None:
        """Take the fence off one interface, an earlier process's as well."""
        detach_programs(self._netlink, link)

    def set_deadlines(self, deadlines: Mapping[str, float]) -> None:
        """Write deadlines (CLOCK_BOOTTIME, seconds), in order. Raises KernelRefused."""
        entries = {map_key(text): _DEADLINE.pack(int(end * _NS)) for text, end in deadlines.items()}
        try:
            bpf_calls.update_map(self._map_fd, entries)
        except OSError as refused:
            if refused.errno == errno.E2BIG:
                raise KernelRefused(
                    f"the fence has room for {_ENTRIES} addresses: configure fewer VIPs on this node",
                    errno.E2BIG,
                ) from refused
            raise _translated(refused) from refused
        self._guard_no_longer(deadlines)

    def forget(self, addresses: Iterable[str]) -> None:
        """Stop fencing these addresses."""
        texts = tuple(addresses)
        for text in texts:
            bpf_calls.delete_from_map(self._map_fd, map_key(text))
        self._guard_no_longer(texts)

    def _guard_no_longer(self, addresses: Iterable[str]) -> None:
        """The earlier filters are not needed for these; with the last address the filters go."""
        if not self._inherited:
            return
        self._inherited.difference_update(addresses)
        if self._inherited:
            return
        for link in self._guarded_before.values():
            try:
                if not self.is_attached(link):
                    self.attach(link)
                detach_programs(self._netlink, link, keep=self._handle)
            except KernelRefused as refused:
                if refused.errno != errno.ENODEV:
                    raise

    def deadlines(self, now_s: float) -> dict[str, float]:
        """Every entry, read from the kernel; INHERITED_S for one of an earlier process."""
        entries = bpf_calls.read_map(self._map_fd, KEY_BYTES, VALUE_BYTES, _ENTRIES)
        ours = {key_address(key): _DEADLINE.unpack(value)[0] / _NS for key, value in entries.items()}
        return {**dict.fromkeys(self._inherited, INHERITED_S), **ours}

    def close(self) -> None:
        """Let go of it. Where it is attached it stays in force."""
        for fd in (self._map_fd, *self._programs.values()):
            if fd >= 0:
                with contextlib.suppress(OSError):
                    os.close(fd)
        self._programs = {}
        self._map_fd = -1


def _choose_handle(earlier: Iterable[Mapping[int, Iterable[Filter]]]) -> tuple[int, bool]:
    """A handle for our filters, and whether it is free.

    If none is, so many processes in a row ended before the store confirmed anything that it is given up.
    """
    used = {one.handle for found in earlier for filters in found.values() for one in filters}
    free = [handle for handle in HANDLES if handle not in used]
    return (free[0], True) if free else (HANDLES[0], False)


def _translated(refused: OSError) -> KernelRefused:
    if refused.errno == errno.EPERM:
        return KernelRefused("the tc program needs CAP_BPF and CAP_NET_ADMIN: grant them", errno.EPERM)
    return KernelRefused(f"the kernel refused the tc program: {refused.strerror}", refused.errno or 0)
