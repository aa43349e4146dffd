"""The bpf() system call: a hash map of deadlines, and programs.

Rules of this file: ctypes alone, so that neither a compiler nor a package is needed on the host. Every
function raises OSError with the kernel's number; the caller knows what it was doing and translates.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Mapping

# From asm/unistd.h of each architecture that the fence is offered on; both are little-endian.
_SYSCALL = {"x86_64": 321, "aarch64": 280}.get(os.uname().machine)

_MAP_CREATE = 0
_MAP_UPDATE_ELEM = 2
_MAP_DELETE_ELEM = 3
_PROG_LOAD = 5
_OBJ_GET_INFO_BY_FD = 15
_MAP_LOOKUP_BATCH = 24
_MAP_UPDATE_BATCH = 26

_MAP_TYPE_HASH = 1
_PROG_TYPE_SCHED_CLS = 3
# The kernel gives ktime_get_boot_ns and skb_load_bytes_relative to programs under GPL alone (bpf-helpers(7)).
_LICENCE = b"GPL"
_VERIFIER_LOG_BYTES = 1 << 16
_PROGRAM_INFO = struct.Struct("=II")  # type, id

_libc = ctypes.CDLL(None, use_errno=True)


def _bpf(command: int, attributes: bytes) -> int:
    if _SYSCALL is None:
        raise OSError(errno.ENOSYS, f"no bpf() call is known for {os.uname().machine}")
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    result: int = _libc.syscall(_SYSCALL, command, buffer, len(attributes))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def _address(data: ctypes.Array[ctypes.c_char]) -> int:
    return ctypes.addressof(data)


def _buffer(data: bytes) -> ctypes.Array[ctypes.c_char]:
    return ctypes.create_string_buffer(data, len(data))


def create_hash_map(key_bytes: int, value_bytes: int, entries: int, name: str) -> int:
    """A new hash map; its file descriptor. The name has at most 15 characters."""
    return _bpf(
        _MAP_CREATE,
        struct.pack("=7I16s", _MAP_TYPE_HASH, key_bytes, value_bytes, entries, 0, 0, 0, name.encode()),
    )


def load_classifier(code: bytes, name: str) -> int:
    """Load a tc program; its file descriptor. On refusal the error carries the verifier's last words."""
    instructions = _buffer(code)
    licence = _buffer(_LICENCE + b"\0")
    log = ctypes.create_string_buffer(_VERIFIER_LOG_BYTES)
    attributes = struct.pack(
        "=IIQQIIQII16s",
        _PROG_TYPE_SCHED_CLS,
        len(code) // 8,
        _address(instructions),
        _address(licence),
        1,
        _VERIFIER_LOG_BYTES,
        _address(log),
        0,
        0,
        name.encode(),
    )
    try:
        return _bpf(_PROG_LOAD, attributes)
    except OSError as refused:
        said = log.value.decode(errors="replace").strip().splitlines()
        if said:
            raise OSError(refused.errno, f"{refused.strerror}; verifier: {said[-1]}") from refused
        raise


def update_map(map_fd: int, entries: Mapping[bytes, bytes]) -> None:
    """Write entries, in order; many with one system call."""
    if not entries:
        return
    keys = _buffer(b"".join(entries))
    values = _buffer(b"".join(entries.values()))
    if len(entries) == 1:
        _bpf(_MAP_UPDATE_ELEM, struct.pack("=IIQQQ", map_fd, 0, _address(keys), _address(values), 0))
        return
    _bpf(
        _MAP_UPDATE_BATCH,
        struct.pack("=QQQQIIQQ", 0, 0, _address(keys), _address(values), len(entries), map_fd, 0, 0),
    )


def delete_from_map(map_fd: int, key: bytes) -> None:
    """Delete one entry; an absent one is fine."""
    buffer = _buffer(key)
    try:
        _bpf(_MAP_DELETE_ELEM, struct.pack("=IIQQQ", map_fd, 0, _address(buffer), 0, 0))
    except FileNotFoundError:
        return


def read_map(map_fd: int, key_bytes: int, value_bytes: int, capacity: int) -> dict[bytes, bytes]:
    """All entries, with one system call. `capacity` is the number of entries the map can hold."""
    keys = ctypes.create_string_buffer(key_bytes * capacity)
    values = ctypes.create_string_buffer(value_bytes * capacity)
    cursor = ctypes.create_string_buffer(8)
    attributes = _buffer(
        struct.pack(
            "=QQQQIIQQ", 0, _address(cursor), _address(keys), _address(values), capacity, map_fd, 0, 0
        )
    )
    result: int = _libc.syscall(_SYSCALL, _MAP_LOOKUP_BATCH, attributes, len(attributes))
    code = ctypes.get_errno()
    # ENOENT says that the end of the map was reached; `count` is right all the same.
    if result < 0 and code != errno.ENOENT:
        raise OSError(code, os.strerror(code))
    (count,) = struct.unpack_from("=I", attributes.raw, 32)
    key_data = keys.raw[: count * key_bytes]
    value_data = values.raw[: count * value_bytes]
    return {
        key_data[place * key_bytes : (place + 1) * key_bytes]: value_data[
            place * value_bytes : (place + 1) * value_bytes
        ]
        for place in range(count)
    }


def program_id(program_fd: int) -> int:
    """The number by which a tc filter names this program."""
    filled = _object_info(program_fd, bytes(_PROGRAM_INFO.size))
    number: int = _PROGRAM_INFO.unpack_from(filled)[1]
    return number


def _object_info(fd: int, prepared: bytes) -> bytes:
    buffer = _buffer(prepared)
    _bpf(_OBJ_GET_INFO_BY_FD, struct.pack("=IIQ", fd, len(prepared), _address(buffer)))
    return buffer.raw
