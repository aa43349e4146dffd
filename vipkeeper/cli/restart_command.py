"""`vipkeeper restart`: ends this node's agent without a failover, so that a new one can take over.

Rules of this file: a pid file alone proves nothing, because pids are used again; only a process that has the
run directory's lock file open is signalled, through a handle that cannot come to mean another process.
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vipkeeper.config.flags import Flags
from vipkeeper.config.parsing import parse_settings
from vipkeeper.config.reader import read_source
from vipkeeper.model.errors import MissingPrivilege, VipkeeperError

# The agent only writes one record before it ends; the rest is for a busy machine.
_END_WITHIN_S = 10.0


class NoAgent(VipkeeperError):
    """There is nothing to restart; the operator has to start an agent or name its run directory."""

    exit_code = 69


def fill(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    parser.add_argument("--config", metavar="FILE", help="the agent's configuration file, for its run_dir")
    parser.add_argument("--run-dir", metavar="DIR", help="the agent's run directory")
    parser.description = (
        "End this node's agent and leave its VIPs in place. A supervisor such as systemd\n"
        "starts the next one; it takes the VIPs over without a failover if it does so\n"
        "before the lease ends."
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Raises NoAgent, MissingPrivilege, or VipkeeperError when the agent does not end."""
    source = read_source(arguments.config, Flags(run_dir=arguments.run_dir))
    run_dir = Path(parse_settings(source, frozenset({"run_dir"})).run_dir)
    pid = _recorded_pid(run_dir)
    with _process_handle(pid, run_dir) as handle:
        _require_lock_held(pid, run_dir)
        started = time.monotonic()
        try:
            signal.pidfd_send_signal(handle, signal.SIGUSR2)
        except ProcessLookupError as error:
            raise _no_agent(run_dir) from error
        except PermissionError as error:
            raise _not_allowed(pid) from error
        if not _ended(handle):
            raise VipkeeperError(
                f"agent {pid} did not end within {_END_WITHIN_S:g} s and still runs; its log says why"
            )
    took_ms = (time.monotonic() - started) * 1000
    print(
        f"agent {pid} ended after {took_ms:.0f} ms and left its VIPs in place; "
        "the next agent keeps them if it starts before the lease ends"
    )
    return 0


def _recorded_pid(run_dir: Path) -> int:
    try:
        return int((run_dir / "agent.pid").read_text(encoding="ascii"))
    except PermissionError as error:
        raise MissingPrivilege(f"{run_dir} may not be read; run as root or as the agent's user") from error
    except (OSError, ValueError) as error:
        raise _no_agent(run_dir) from error


@contextmanager
def _process_handle(pid: int, run_dir: Path) -> Iterator[int]:
    try:
        handle = os.pidfd_open(pid)
    except (OSError, ValueError) as error:
        raise _no_agent(run_dir) from error
    try:
        yield handle
    finally:
        os.close(handle)


def _require_lock_held(pid: int, run_dir: Path) -> None:
    """Whether that process is the agent of this run directory: it has the lock file open."""
    lock = run_dir / "lock"
    try:
        opened = list(Path(f"/proc/{pid}/fd").iterdir())
    except PermissionError as error:
        raise _not_allowed(pid) from error
    except FileNotFoundError as error:
        raise _no_agent(run_dir) from error
    for descriptor in opened:
        try:
            if descriptor.samefile(lock):
                return
        except OSError:
            continue  # closed meanwhile, or no lock file
    raise _no_agent(run_dir)


def _ended(handle: int) -> bool:
    waiting = select.poll()
    waiting.register(handle, select.POLLIN)
    return bool(waiting.poll(_END_WITHIN_S * 1000))


def _no_agent(run_dir: Path) -> NoAgent:
    return NoAgent(f"no agent runs with the run directory {run_dir}; start one, or name another --run-dir")


def _not_allowed(pid: int) -> MissingPrivilege:
    return MissingPrivilege(f"agent {pid} belongs to another user; run as root or as that user")
