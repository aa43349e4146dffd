"""Network settings of the kernel (sysctl) that are changed for a while, and put back.

Rules of this file: what was there before is in a file before anything is changed, so that the next process
can put back what a killed one left; the file counts in the network namespace and boot it was written in. A
setting that somebody else has changed meanwhile is theirs and stays. Settings come back in reverse order.
"""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

import msgspec

from vipkeeper.model.errors import KernelRefused

NET = Path("/proc/sys/net")

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SO_NETNS_COOKIE = 71  # Linux 5.14: a number that no other namespace of this boot has or had


class _Change(msgspec.Struct, frozen=True):
    setting: str
    before: str
    written: str


class _Memory(msgspec.Struct, frozen=True):
    place: str  # boot and namespace
    changes: list[_Change]


class KernelSettings:
    """Changes made for holders; a setting goes back when its last holder lets go.

    `memory`: a file of the run directory. `left_by_another` is what an earlier process did not put back.
    """

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        self._changes: dict[str, _Change] = {}
        self._holders: dict[str, set[str]] = {}
        for change in self._remembered():
            self._changes[change.setting] = change
            self._holders[change.setting] = set()
        self.left_by_another = tuple(self._changes)

    def _remembered(self) -> list[_Change]:
        try:
            known = msgspec.json.decode(self._memory.read_bytes(), type=_Memory)
        except (FileNotFoundError, msgspec.DecodeError):
            return []  # it is written whole or not at all, so nothing was changed
        return known.changes if known.place == this_place() else []

    def hold(self, holder: str, wanted: dict[str, str]) -> None:
        """Set these (path below /proc/sys/net -> value), in order. Raises KernelRefused."""
        missing = {}
        for setting, value in wanted.items():
            found = read_setting(setting)
            known = self._changes.get(setting)
            if known is not None:
                self._holders[setting].add(holder)
            if found != value:
                missing[setting] = value
                before = known.before if known is not None else found
                self._changes[setting] = _Change(setting, before, value)
                self._holders.setdefault(setting, set()).add(holder)
        if missing:
            self._write_memory()
            for setting, value in missing.items():
                write_setting(setting, value)

    def before(self, setting: str) -> str:
        """What it was, or is, without us. Raises KernelRefused."""
        known = self._changes.get(setting)
        return known.before if known is not None else read_setting(setting)

    def let_go(self, holder: str) -> None:
        """Put back what nobody else holds."""
        for holders in self._holders.values():
            holders.discard(holder)
        self.put_back_unheld()

    def put_back_unheld(self) -> None:
        """What has no holder goes back: also what an earlier process left and nobody asked for again."""
        unheld = [setting for setting, holders in self._holders.items() if not holders]
        for setting in reversed(unheld):
            change = self._changes.pop(setting)
            del self._holders[setting]
            with contextlib.suppress(KernelRefused):  # the interface has gone, and its settings with it
                if read_setting(setting) == change.written:
                    write_setting(setting, change.before)
        if unheld:
            self._write_memory()

    def _write_memory(self) -> None:
        if not self._changes:
            self._memory.unlink(missing_ok=True)
            return
        text = msgspec.json.encode(_Memory(this_place(), list(self._changes.values())))
        new = self._memory.with_name(self._memory.name + ".new")
        new.write_bytes(text)
        new.replace(self._memory)


def read_setting(setting: str) -> str:
    """Its value. Raises KernelRefused."""
    try:
        return (NET / setting).read_text(encoding="ascii").strip()
    except OSError as refused:
        raise KernelRefused(
            f"{_dotted(setting)} cannot be read: {refused.strerror}", refused.errno or 0
        ) from refused


def write_setting(setting: str, value: str) -> None:
    """Write it. Raises KernelRefused."""
    try:
        (NET / setting).write_text(value + "\n", encoding="ascii")
    except OSError as refused:
        raise KernelRefused(
            f"{_dotted(setting)} has to be {value} and cannot be set ({refused.strerror}): set it "
            "yourself, or make /proc/sys writable for the agent",
            refused.errno or 0,
        ) from refused


def _dotted(setting: str) -> str:
    return "net/" + setting  # sysctl(8) takes slashes, and names of interfaces may have dots


def this_place() -> str:
    """This boot and network namespace, as text that no other has."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as here:
        cookie = here.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8)
    return f"{_BOOT_ID.read_text(encoding='ascii').strip()} {int.from_bytes(cookie, 'little')}"
