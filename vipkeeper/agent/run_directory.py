"""The run directory: one agent at a time, its identity, and what it must remember over a restart.

Rules of this file: the lock is taken before anything is written to the kernel; the directory must be empty
after a reboot (a tmpfs such as /run), and if it is not, the boot id tells.

    lock             held with flock while an agent runs; the kernel drops it however the agent ends
    agent.pid        the agent's process id, for `vipkeeper restart`
    instance         random, made once: with the boot id it is the agent's incarnation
    cluster-<name>   the cluster id first seen under this cluster name
    promises         what this node promised to owners, and until when
    ah-sequences     the AH numbers that virtual routers had reached, some seconds ago
    vrrp-holds       until when the kernel answers for the VIPs of virtual routers, see vrrp_holds.py
    vrrp-settings    sysctls as they were before virtual MAC interfaces needed others
    promote-settings sysctls as they were before `promote_secondaries` was asked for
    revision-<backend>-<name>   how far the store's history went, some seconds ago
    begun            an agent's start-up program has been run, and its shutdown program has not
    told-states      of each VIP and sync group, the last state that its programs were told to the end
    waiting-mails    mails that an agent left to the next one
    control          the socket at which the agent answers `vipkeeper ls`
    ipvs             virtual servers and sync daemons that are ours, see kernel/ipvs_memory.py
    drained          real servers that an operator drained
    director.lock    held with flock while a director runs, with its process id in it
    director         the socket at which it answers `vipkeeper ipvs` and `vipkeeper server`
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path

import msgspec

from vipkeeper.model.errors import ConfigError, MissingPrivilege
from vipkeeper.model.incarnations import incarnation_text
from vipkeeper.model.messages import GivenPromise

_UNFINISHED = ".new"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MACHINE_ID = Path("/etc/machine-id")


class _Kept(msgspec.Struct, frozen=True):
    incarnation: str
    value: msgspec.Raw


class _KeptPromises(msgspec.Struct, frozen=True):
    incarnation: str
    promises: tuple[GivenPromise, ...]


def _machine() -> str:
    """Tells this machine from others; empty where the machine has no id. machine-id(5) wants it hashed."""
    try:
        identity = _MACHINE_ID.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return hashlib.sha256(f"vipkeeper {identity}".encode()).hexdigest()[:16] if identity else ""


class RunDirectory:
    """A locked run directory. Locking raises ConfigError or MissingPrivilege with what to do."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        try:
            self._path.mkdir(mode=0o755, parents=True, exist_ok=True)
            self._lock = os.open(self._path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            self._take_lock()
            (self._path / "agent.pid").write_text(f"{os.getpid()}\n", encoding="ascii")
            boot = _BOOT_ID.read_text(encoding="ascii").strip()
            self.incarnation = incarnation_text(_machine(), boot, self._instance())
        except PermissionError as error:
            raise MissingPrivilege(
                f"run_dir: {error.filename or path} cannot be written ({error.strerror}): "
                "run the agent as a user that may, or choose another --run-dir"
            ) from error
        except OSError as error:
            raise ConfigError(
                (f"run_dir: {path} cannot be used ({error.strerror}): choose another --run-dir",)
            ) from error

    def pinned_cluster(self, cluster: str) -> str | None:
        """The id of the cluster that an agent of this directory last belonged to, since the last reboot."""
        try:
            return self._pin(cluster).read_text(encoding="utf-8").strip() or None
        except FileNotFoundError:
            return None

    def require_cluster(self, cluster: str) -> None:
        """Raises ConfigError when an agent of this directory belonged to a cluster of another name.

        Two names are two clusters: each would give the same addresses to one node.
        """
        for pin in sorted(self._path.glob("cluster-*")):
            name = pin.name.removeprefix("cluster-")
            if name != cluster and not name.endswith(_UNFINISHED):
                message = (
                    f'cluster: this node has belonged to "{name}" since its last boot, and is to belong to '
                    f'"{cluster}" now; agents of both names would own the same addresses. Stop every agent '
                    f'of "{name}" first, on all nodes, then remove {pin}'
                )
                raise ConfigError((message,))

    def pin_cluster(self, cluster: str, cluster_id: str) -> None:
        """Remember it. Raises OSError."""
        self._write(self._pin(cluster), cluster_id)

    def promises(self) -> tuple[GivenPromise, ...]:
        """Those that an earlier process of this incarnation gave. Another boot's mean nothing."""
        try:
            kept = msgspec.json.decode(self._promises.read_bytes(), type=_KeptPromises)
        except (FileNotFoundError, msgspec.DecodeError):
            return ()
        return kept.promises if kept.incarnation == self.incarnation else ()

    def keep_promises(self, promises: tuple[GivenPromise, ...]) -> None:
        """Remember these in place of those there. Raises OSError.

        Not synced to a disk: what ends with the boot need not outlive it, and a process that is killed
        leaves what it wrote.
        """
        kept = _KeptPromises(self.incarnation, promises)
        self._write(self._promises, msgspec.json.encode(kept).decode())

    def known_revision(self, backend: str, cluster: str) -> int:
        """How far the store had come at least; 0 when nothing is known.

        Each kind of store counts in its own way, so it is kept for each of them.
        """
        try:
            return int(self._revision(backend, cluster).read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return 0

    def keep_revision(self, backend: str, cluster: str, revision: int) -> None:
        """Remember it. Raises OSError."""
        self._write(self._revision(backend, cluster), str(revision))

    def ah_sequences(self) -> dict[str, int]:
        """By VIP: what `keep_ah_sequences` wrote last; empty when that is not known."""
        try:
            return msgspec.json.decode(self._ah_sequences.read_bytes(), type=dict[str, int])
        except (FileNotFoundError, msgspec.DecodeError):
            return {}

    def keep_ah_sequences(self, numbers: dict[str, int]) -> None:
        """Remember them. Raises OSError."""
        self._write(self._ah_sequences, msgspec.json.encode(numbers).decode())

    def kept(self, name: str) -> msgspec.Raw | None:
        """What `keep` wrote last under this name since the boot; None when that is not known."""
        try:
            kept = msgspec.json.decode((self._path / name).read_bytes(), type=_Kept)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return kept.value if kept.incarnation == self.incarnation else None

    def keep(self, name: str, value: bytes) -> None:
        """Remember this JSON. Raises OSError."""
        kept = _Kept(self.incarnation, msgspec.Raw(value))
        self._write(self._path / name, msgspec.json.encode(kept).decode())

    @property
    def has_begun(self) -> bool:
        """Whether an agent of this incarnation began and has not ended in order: killed, or restarted."""
        try:
            return self._begun.read_text(encoding="utf-8").strip() == self.incarnation
        except FileNotFoundError:
            return False

    def begin(self) -> None:
        """Remember it. Raises OSError."""
        self._write(self._begun, self.incarnation)

    def end(self) -> None:
        """The next agent begins anew."""
        self._begun.unlink(missing_ok=True)

    @property
    def vrrp_holds(self) -> Path:
        """A file for until when virtual routers hold their addresses."""
        return self._path / "vrrp-holds"

    @property
    def vrrp_settings(self) -> Path:
        """A file for what virtual MAC interfaces changed on this host."""
        return self._path / "vrrp-settings"

    @property
    def promote_settings(self) -> Path:
        """A file for which interfaces did not promote secondary addresses before."""
        return self._path / "promote-settings"

    def close(self) -> None:
        """The pid file goes; the lock is released."""
        (self._path / "agent.pid").unlink(missing_ok=True)
        os.close(self._lock)

    def _take_lock(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid = self._path / "agent.pid"
            holder = pid.read_text(encoding="ascii").strip() if pid.exists() else "unknown"
            raise ConfigError(
                (
                    f"run_dir: {self._path} is in use by another agent (pid {holder}): stop it, or give this "
                    "one its own --run-dir and --node",
                )
            ) from error

    def _instance(self) -> str:
        path = self._path / "instance"
        try:
            known = path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            known = ""
        if not known:
            known = os.urandom(8).hex()
            self._write(path, known)
        return known

    @property
    def _ah_sequences(self) -> Path:
        return self._path / "ah-sequences"

    @property
    def _begun(self) -> Path:
        return self._path / "begun"

    @property
    def _promises(self) -> Path:
        return self._path / "promises"

    def _pin(self, cluster: str) -> Path:
        return self._path / f"cluster-{cluster}"

    def _revision(self, backend: str, cluster: str) -> Path:
        return self._path / f"revision-{backend}-{cluster}"

    @staticmethod
    def _write(path: Path, text: str) -> None:
        """All of it or nothing, also when we are killed half-way."""
        fresh = path.with_name(path.name + _UNFINISHED)
        fresh.write_text(text + "\n", encoding="utf-8")
        fresh.replace(path)
