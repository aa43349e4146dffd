"""What an operator does to the data of an etcd of one member: back it up, restore it, lose it.

Rules of this file: etcd's own tools; the server is killed first, as an accident would, and answers again
when a function returns.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from vipkeeper.lab.etcd_servers import CLIENT_PORT, PEER_PORT, EtcdMember
from vipkeeper.lab.lab import Lab


def take_backup(lab: Lab) -> Path:
    """`etcdctl snapshot save`; the file."""
    (member,) = lab.etcd.members
    backup = lab.directory / "backup.db"
    backup.unlink(missing_ok=True)
    url = f"http://{member.server.ipv4}:{CLIENT_PORT}"
    member.server.namespace.run(
        *("env", "ETCDCTL_API=3", "etcdctl", "--endpoints", url, "snapshot", "save", str(backup))
    )
    return backup


def restore_backup(lab: Lab, backup: Path) -> None:
    """The data directory becomes what the backup has, and etcd runs on it."""
    (member,) = lab.etcd.members
    directory = _without_data(member)
    peer_url = f"http://{member.server.ipv4}:{PEER_PORT}"
    member.server.namespace.run(
        *("env", "ETCDCTL_API=3", "etcdctl", "snapshot", "restore", str(backup)),
        *("--name", member.name, "--data-dir", str(directory)),
        *("--initial-cluster", f"{member.name}={peer_url}"),
        *("--initial-advertise-peer-urls", peer_url),
    )
    _start(lab, member)


def lose_data(lab: Lab) -> None:
    """The data directory is empty, and etcd begins anew."""
    (member,) = lab.etcd.members
    _without_data(member)
    _start(lab, member)


def _without_data(member: EtcdMember) -> Path:
    member.process.kill()
    arguments = member.process.arguments
    directory = Path(arguments[arguments.index("--data-dir") + 1])
    shutil.rmtree(directory)
    return directory


def _start(lab: Lab, member: EtcdMember) -> None:
    member.process.start()
    lab.etcd.leader()
