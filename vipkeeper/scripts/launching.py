"""The command line and the environment that a program of the operator is started with.

Rules of this file: pure but for questions about this process. Programs of util-linux and coreutils change
user, priority and capabilities, because only they can do so between vfork and exec: measured, an agent of
36 MB pays 0.8 ms for a start through setpriv, and 3.8 ms if it has to fork itself (`preexec_fn`, `user`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from vipkeeper.scripts.program import Account

# What could change which code a program runs, and what is between systemd and the agent alone.
_DROPPED = frozenset({"IFS", "ENV", "BASH_ENV", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"})
_DROPPED_BEGINNINGS = ("LD_", "LISTEN_FD", "LISTEN_PID", "PYTHON")


def missing_launcher() -> str:
    """What has to be installed before any program can run; "" if nothing."""
    absent = [command[0] for command in _launchers() if not command[0].startswith("/")]
    if not absent:
        return ""
    return f"{' and '.join(absent)} is not installed, and scripts are started through it: install util-linux"


def command_line(account: Account, argv: tuple[str, ...]) -> list[str]:
    """What is executed: `argv` as this account, without what makes the agent special.

    A script never has the agent's capabilities unless it runs as root: who may run scripts as another user
    holds CAP_SETUID, and a script that inherited it would be root.
    """
    *before, setpriv = _launchers()
    words = [word for command in before for word in command] + setpriv
    if account.uid != os.geteuid():
        words += ["--reuid", str(account.uid)]
    if account.uid != os.geteuid() or account.gid != os.getegid():
        others = [str(gid) for gid in dict.fromkeys(account.groups) if gid != account.gid]
        words += ["--regid", str(account.gid)]
        words += ["--groups", ",".join(others)] if others else ["--clear-groups"]
    return [*words, "--", *argv]


def clean_environment(account: Account, additional: Mapping[str, str]) -> dict[str, str]:
    """The agent's environment without what is dangerous or none of a script's business."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _DROPPED and not name.startswith(_DROPPED_BEGINNINGS)
    }
    if account.uid != os.geteuid():
        kept |= {"HOME": account.home, "USER": account.name, "LOGNAME": account.name}
    return {**kept, **additional}


def launchers_for(oom_score: int, niceness: int) -> list[list[str]]:
    """One command each; the last is setpriv. What the agent does not differ in needs none.

    The unit gives the agent Nice=-10 and OOMScoreAdjust=-900; a server that a script starts would have
    both for ever.
    """
    commands = []
    if oom_score < 0:
        commands.append([_found("choom"), "-n", "0", "--"])
    if niceness < 0:
        commands.append([_found("nice"), "-n", str(-niceness)])
    without = ["--inh-caps", "-all", "--ambient-caps", "-all"]
    return [*commands, [_found("setpriv"), "--pdeathsig", "TERM", *without]]


@cache
def _launchers() -> list[list[str]]:
    score = int(Path("/proc/self/oom_score_adj").read_text(encoding="ascii"))
    return launchers_for(score, os.getpriority(os.PRIO_PROCESS, 0))


def _found(name: str) -> str:
    return shutil.which(name) or name
