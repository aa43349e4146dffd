"""Network namespaces named after the process that made them, and sockets opened inside of one.

Rules of this file: a name is `vklab-<creator pid>-<random>-<role>`, so that leftovers of a dead creator can
be told from a living lab's; nothing here touches the namespace that we run in.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from vipkeeper.lab.run_command import CommandFailed, run_command

NAME_PREFIX = "vklab"
NETNS_DIRECTORY = Path("/run/netns")

_CLONE_NEWNET = 0x40000000

_Result = TypeVar("_Result")


def new_lab_name() -> str:
    """A name that no other lab has; the creator's pid is in it."""
    return f"{NAME_PREFIX}-{os.getpid()}-{secrets.token_hex(2)}"


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace by its name in /run/netns."""

    name: str

    def configure(self, *lines: str) -> None:
        """Carry out `ip` subcommands inside, in one process. Raises CommandFailed."""
        run_command("ip", "-n", self.name, "-batch", "-", text_input="\n".join(lines) + "\n")

    def run(self, *arguments: str, text_input: str | None = None) -> str:
        """Output of a command run inside. Raises CommandFailed."""
        return run_command(*self.inside(*arguments), text_input=text_input)

    def inside(self, *arguments: str) -> tuple[str, ...]:
        """The argument list that runs a command inside; the process keeps its pid over `ip`'s exec."""
        return ("ip", "netns", "exec", self.name, *arguments)

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """A socket that lives in this namespace."""
        return self.call(lambda: socket.socket(family, kind, protocol))

    def call(self, function: Callable[[], _Result]) -> _Result:
        """Result of a function that runs inside. A thread of its own goes there, so ours never moves."""
        returned: list[_Result] = []
        failed: list[BaseException] = []

        def run_there() -> None:
            try:
                _move_this_thread(NETNS_DIRECTORY / self.name)
                returned.append(function())
            except BaseException as error:  # noqa: BLE001 - raised again where it was asked for
                failed.append(error)

        thread = threading.Thread(target=run_there, name=f"in-{self.name}")
        thread.start()
        thread.join()
        if failed:
            raise failed[0]
        return returned[0]


@contextlib.contextmanager
def make_namespace(lab_name: str, role: str) -> Iterator[Namespace]:
    """A namespace with `lo` up and IPv6 usable at once; gone again when the block ends."""
    namespace = Namespace(f"{lab_name}-{role}")
    run_command("ip", "netns", "add", namespace.name)
    try:
        # Without this an IPv6 address of a host would be unusable for a second or two after it was added.
        namespace.run(
            "sh",
            "-c",
            "for scope in all default; do echo 0 > /proc/sys/net/ipv6/conf/$scope/accept_dad; "
            "echo 0 > /proc/sys/net/ipv6/conf/$scope/accept_ra; done",
        )
        namespace.configure("link set lo up")
        yield namespace
    finally:
        remove_namespace(namespace.name)


def remove_namespace(name: str) -> None:
    """Remove it if it is still there; its interfaces go with it."""
    with contextlib.suppress(CommandFailed):
        run_command("ip", "netns", "del", name)


def _move_this_thread(namespace: Path) -> None:
    """setns(2); os.setns came with Python 3.12. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    with namespace.open() as file:
        if libc.setns(file.fileno(), _CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(namespace))
