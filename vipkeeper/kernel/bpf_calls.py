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
_SYSCALL = {"x86_64": 321, "aarch64": 280}

_MAP_CREATE = 0
_MAP_UPDATE_ELEM = 2
_MAP_DELETE_ELEM = 3
_PROG_LOAD = 5
_PROG_GET_FD_BY_ID = 13
_MAP_GET_FD_BY_ID = 14
_OBJ_GET_INFO_BY_FD = 15
_MAP_LOOKUP_BATCH = 24
_MAP_UPDATE_BATCH = 26

_MAP_TYPE_HASH = 1
_PROG_TYPE_SCHED_CLS = 3
# The kernel gives ktime_get_boot_ns and skb_load_bytes_relative to programs under GPL alone (bpf-helpers(7)).
_LICENCE = b"GPL"
_VERIFIER_LOG_BYTES = 1 << 16
_PROGRAM_INFO_BYTES = 64  # up to and including map_ids
_PROGRAM_INFO_MAPS = 52  # number of map ids, then a pointer to them
_MAP_INFO = struct.Struct("=IIIII")  # type, id, key size, value size, entries

_libc = ctypes.CDLL(None, use_errno=True)


def _bpf(command: int, attributes: bytes) -> int:
    number = _SYSCALL.get(os.uname().machine)
    if number is None:
        raise OSError(errno.ENOSYS, f"no bpf() call is known for {os.uname().machine}")
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    result: int = _libc.syscall(number, command, buffer, len(attributes))
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
    result: int = _libc.syscall(_SYSCALL[os.uname().machine], _MAP_LOOKUP_BATCH, attributes, len(attributes))
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


def program_maps(program_id: int) -> tuple[int, ...]:
    """The ids of the maps that a loaded program uses. Needs CAP_SYS_ADMIN."""
    program_fd = _bpf(_PROG_GET_FD_BY_ID, struct.pack("=III", program_id, 0, 0))
    try:
        ids = ctypes.create_string_buffer(4 * 8)
        info = bytearray(_PROGRAM_INFO_BYTES)
        struct.pack_into("=IQ", info, _PROGRAM_INFO_MAPS, 8, _address(ids))
        filled = _object_info(program_fd, bytes(info))
        (count,) = struct.unpack_from("=I", filled, _PROGRAM_INFO_MAPS)
        return struct.unpack_from(f"={min(count, 8)}I", ids.raw)
    finally:
        os.close(program_fd)


def open_map(map_id: int) -> int:
    """A file descriptor for a map that another process made. Needs CAP_SYS_ADMIN."""
    return _bpf(_MAP_GET_FD_BY_ID, struct.pack("=III", map_id, 0, 0))


def map_shape(map_fd: int) -> tuple[int, int, int]:
    """(key bytes, value bytes, entries) of a map."""
    filled = _object_info(map_fd, bytes(_MAP_INFO.size))
    _, _, key_bytes, value_bytes, entries = _MAP_INFO.unpack_from(filled)
    return key_bytes, value_bytes, entries


def _object_info(fd: int, prepared: bytes) -> bytes:
    buffer = _buffer(prepared)
    _bpf(_OBJ_GET_INFO_BY_FD, struct.pack("=IIQ", fd, len(prepared), _address(buffer)))
    return buffer.raw
