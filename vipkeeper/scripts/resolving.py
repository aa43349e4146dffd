"""From the text of a script in the configuration to a program that may run, or the reason why it may not.

Rules of this file: it reads the file system and changes nothing; it never fails, because a script that may
not run is something to tell, not a reason to stop. `why_not` is asked again before every run: what was safe
when the configuration was read may have been replaced since.
"""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

import msgspec

from vipkeeper.config.notify_schema import Scripts
from vipkeeper.scripts.accounts import UnknownAccount, account_for, why_not_become
from vipkeeper.scripts.launching import missing_launcher
from vipkeeper.scripts.program import Account, Program
from vipkeeper.scripts.script_security import runs_with_root, weakness

_USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def resolve_program(
    text: str, scripts: Scripts, *, user: str | None = None, group: str | None = None
) -> Program:
    """The program of this text, as `scripts` and its own words for user and group have it."""
    secure = scripts.enable_script_security
    try:
        argv = _split(text)
        account = account_for(scripts, user=user, group=group)
    except (ValueError, UnknownAccount) as error:
        return Program(text, (), None, secure, refused=str(error))
    found = Program(text, (_whole_path(argv[0]), *argv[1:]), account, secure)
    refused = missing_launcher() or why_not_become(account) or why_not(found)
    warning = "" if refused else _weakness(found)
    return msgspec.structs.replace(found, refused=refused, warning=warning)


def why_not(program: Program) -> str:
    """Why the program may not run at this moment, in a sentence with its remedy; "" if it may."""
    if program.account is None:
        return program.refused
    path = program.argv[0]
    if not path.startswith("/"):
        return f"{path} is in no directory of PATH ({_search_path()}): write its whole path, or install it"
    try:
        status = Path(path).stat()
    except OSError as error:
        return f"{path} cannot be found ({error.strerror}): put it there, or correct `script`"
    if stat.S_ISDIR(status.st_mode):
        return f"{path} is a directory: write the program in it"
    if not _executable(status, program.account):
        return f"{program.account.name} may not execute {path}: chmod a+x {shlex.quote(path)}"
    found = _weakness(program) if program.secure else ""
    return f"enable_script_security: {found}" if found else ""


def _weakness(program: Program) -> str:
    assert program.account is not None  # noqa: S101 - both callers have looked
    path = program.argv[0]
    try:
        if not runs_with_root(path, program.account.uid, program.account.gid):
            return ""
        return weakness(path)
    except OSError as error:
        return f"{path} cannot be examined ({error}): correct the path"


def _split(text: str) -> list[str]:
    """Words as a shell would part them. `</path` is keepalived's word for "this file can be read"."""
    stripped = text.strip()
    if stripped.startswith("<"):
        return ["test", "-r", stripped[1:].strip()]
    try:
        words = shlex.split(stripped)
    except ValueError as error:
        raise ValueError(f"{text!r} cannot be read as words ({error}): close its quotes") from None
    if not words or not words[0]:
        raise ValueError(f"{text!r} names no program: write one")
    return words


def _whole_path(name: str) -> str:
    """Where PATH has it; the name itself if nowhere, and where it has a slash."""
    if "/" in name:
        return str(Path(name).absolute())
    for directory in _search_path().split(":"):
        path = Path(directory, name)
        if path.is_absolute() and path.is_file() and path.stat().st_mode & 0o111:
            return str(path)
    return name


def _search_path() -> str:
    return os.environ.get("PATH") or _USUAL_PATH


def _executable(status: os.stat_result, account: Account) -> bool:
    """By the bits alone, because the account is not ours."""
    if account.uid == 0:
        return bool(status.st_mode & 0o111)
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid in account.groups:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)
