"""A small ext4 filesystem in a file, which can be frozen: writes and fsyncs to it hang until it is thawed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from vipkeeper.lab.run_command import CommandFailed, run_command

# etcd preallocates a write-ahead log segment of 64 MB, and the next one when the first is in use.
DISK_MEGABYTES = 256


class Disk:
    """A mounted image. Whoever writes to it while it is frozen waits in the kernel."""

    def __init__(self, mount_point: Path) -> None:
        self.mount_point = mount_point
        self.is_frozen = False

    def freeze(self) -> None:
        run_command("fsfreeze", "--freeze", str(self.mount_point))
        self.is_frozen = True

    def thaw(self) -> None:
        if self.is_frozen:
            run_command("fsfreeze", "--unfreeze", str(self.mount_point))
            self.is_frozen = False


@contextlib.contextmanager
def make_disk(directory: Path) -> Iterator[Disk]:
    """An image in `directory` and its mount, both gone when the block ends; a frozen one is thawed first."""
    image, mount_point = directory / "disk.img", directory / "disk"
    mount_point.mkdir(parents=True)
    with image.open("wb") as file:
        file.truncate(DISK_MEGABYTES << 20)
    run_command("mkfs.ext4", "-q", "-F", str(image))
    run_command("mount", "-o", "loop", str(image), str(mount_point))
    disk = Disk(mount_point)
    try:
        yield disk
    finally:
        disk.thaw()
        # A process that is still being reaped may hold the mount; lazy lets it go with that process.
        with contextlib.suppress(CommandFailed):
            run_command("umount", "--lazy", str(mount_point))
        image.unlink()
