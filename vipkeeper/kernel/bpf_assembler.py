"""A small assembler for eBPF (RFC 9669): as much of the instruction set as the fence needs.

Rules of this file: pure; jumps name their target, offsets are worked out at the end.
"""

from __future__ import annotations

import enum
import struct

_INSTRUCTION = struct.Struct("=BBhi")  # opcode, source << 4 | destination, offset, immediate

_MOVE_IMMEDIATE = 0xB7
_MOVE_REGISTER = 0xBF
_ADD_IMMEDIATE = 0x07
_LOAD_WORD = 0x61
_LOAD_BYTE = 0x71
_LOAD_DOUBLE = 0x79
_STORE_WORD = 0x62
_STORE_DOUBLE = 0x7A
_LOAD_WIDE = 0x18  # two slots
_PSEUDO_MAP_FD = 1
_CALL = 0x85
_EXIT = 0x95
_JUMP = 0x05
_JUMP_IF_EQUAL = 0x15
_JUMP_UNLESS_EQUAL = 0x55
_JUMP_IF_GREATER = 0x2D  # registers, unsigned


class Register(enum.IntEnum):
    """r0 returns, r1 to r5 are arguments and lost in a call, r6 to r9 are kept, r10 is the frame's end."""

    R0 = 0
    R1 = 1
    R2 = 2
    R3 = 3
    R4 = 4
    R5 = 5
    R6 = 6
    R7 = 7
    R8 = 8
    R9 = 9
    FRAME = 10


class Assembler:
    """Instructions in order; `assemble` gives the bytes that the kernel takes."""

    def __init__(self) -> None:
        self._instructions: list[tuple[int, int, int, int]] = []
        self._labels: dict[str, int] = {}
        self._jumps: list[tuple[int, str]] = []

    def label(self, name: str) -> None:
        """The next instruction is `name`."""
        self._labels[name] = len(self._instructions)

    def set(self, target: Register, value: int) -> None:
        self._emit(_MOVE_IMMEDIATE, target, immediate=value)

    def copy(self, target: Register, source: Register) -> None:
        self._emit(_MOVE_REGISTER, target, source)

    def add(self, target: Register, value: int) -> None:
        self._emit(_ADD_IMMEDIATE, target, immediate=value)

    def load_word(self, target: Register, base: Register, offset: int) -> None:
        self._emit(_LOAD_WORD, target, base, offset)

    def load_byte(self, target: Register, base: Register, offset: int) -> None:
        self._emit(_LOAD_BYTE, target, base, offset)

    def load_double(self, target: Register, base: Register, offset: int) -> None:
        self._emit(_LOAD_DOUBLE, target, base, offset)

    def store_word(self, base: Register, offset: int, value: int) -> None:
        self._emit(_STORE_WORD, base, offset=offset, immediate=value)

    def store_double(self, base: Register, offset: int, value: int) -> None:
        self._emit(_STORE_DOUBLE, base, offset=offset, immediate=value)

    def load_map(self, target: Register, map_fd: int) -> None:
        self._emit(_LOAD_WIDE, target, _PSEUDO_MAP_FD, immediate=map_fd)
        self._emit(0, 0)

    def call(self, function: int) -> None:
        self._emit(_CALL, 0, immediate=function)

    def exit(self) -> None:
        self._emit(_EXIT, 0)

    def jump(self, label: str) -> None:
        self._branch(_JUMP, 0, 0, 0, label)

    def jump_if_equal(self, left: Register, value: int, label: str) -> None:
        self._branch(_JUMP_IF_EQUAL, left, 0, value, label)

    def jump_unless_equal(self, left: Register, value: int, label: str) -> None:
        self._branch(_JUMP_UNLESS_EQUAL, left, 0, value, label)

    def jump_if_greater(self, left: Register, right: Register, label: str) -> None:
        self._branch(_JUMP_IF_GREATER, left, right, 0, label)

    def assemble(self) -> bytes:
        """Machine code in this host's byte order."""
        offsets = {place: self._labels[label] - place - 1 for place, label in self._jumps}
        return b"".join(
            _INSTRUCTION.pack(opcode, registers, offsets.get(place, offset), immediate)
            for place, (opcode, registers, offset, immediate) in enumerate(self._instructions)
        )

    def _emit(self, opcode: int, target: int, source: int = 0, offset: int = 0, immediate: int = 0) -> None:
        self._instructions.append((opcode, source << 4 | target, offset, immediate))

    def _branch(self, opcode: int, left: int, right: int, value: int, label: str) -> None:
        self._jumps.append((len(self._instructions), label))
        self._emit(opcode, left, right, immediate=value)
