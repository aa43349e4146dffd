"""Tells systemd how we are (sd_notify), when it asked for it by NOTIFY_SOCKET."""

from __future__ import annotations

import os
import socket
import time


def notify(*assignments: str) -> None:
    """Send e.g. READY=1. Nobody listening is fine: we were not started by a service manager."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            channel.sendto("\n".join(assignments).encode(), address)
        except OSError:
            return  # the manager went away; it will find out about us by our exit


def notify_reloading() -> None:
    """systemd wants the monotonic time with it (sd_notify(3), RELOADING=1)."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
