"""Which user and group a program of the operator runs as, and whether this agent may become them.

Rules of this file: it reads the user database and this process's own rights, and changes nothing.
"""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

from vipkeeper.config.notify_schema import Scripts
from vipkeeper.scripts.program import Account

DEFAULT_USER = "keepalived_script"  # keepalived's packages make it, and an operator's files rely on it

_CAP_SETGID, _CAP_SETUID = 6, 7  # linux/capability.h

_GRANT = (
    "the agent may not become another user: grant it CAP_SETUID, CAP_SETGID and CAP_KILL "
    "(for systemd deploy/systemd/scripts.conf does), or run the script as {own}"
)


class UnknownAccount(Exception):
    """There is no such user or group, or none that may be taken; the message says what to do."""


def account_for(scripts: Scripts, *, user: str | None, group: str | None) -> Account:
    """The account of a script with these words of its own. Raises UnknownAccount."""
    if user is not None:
        return _account(user, group, supplementary=scripts.set_supplementary_groups)
    return _default_account(scripts, group)


def why_not_become(account: Account) -> str:
    """What is missing to run something as this account; "" if nothing is."""
    own = os.geteuid()
    same_user = account.uid == own
    same_groups = account.gid == os.getegid()
    held = _effective_capabilities()
    may = (same_user or held >> _CAP_SETUID & 1) and (same_groups or held >> _CAP_SETGID & 1)
    return "" if may else _GRANT.format(own=own_account().name)


def own_account() -> Account:
    """Whom this agent runs as."""
    uid, gid = os.geteuid(), os.getegid()
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:  # a container's user may have no name
        return Account(f"user {uid}", uid, gid, (gid, *os.getgroups()), "/")
    return Account(entry.pw_name, uid, gid, (gid, *os.getgroups()), entry.pw_dir)


def _default_account(scripts: Scripts, group: str | None) -> Account:
    supplementary = scripts.set_supplementary_groups
    if scripts.user is not None:
        return _account(scripts.user, group or scripts.group, supplementary=supplementary)
    try:
        pwd.getpwnam(DEFAULT_USER)
    except KeyError:
        own = own_account()
        if own.uid == 0 and scripts.enable_script_security:
            raise UnknownAccount(
                "with enable_script_security a script runs as root only where `user` says so: write "
                f"`user` for it or in [scripts], or make a user {DEFAULT_USER}"
            ) from None
        named = group or scripts.group
        return own if named is None else _account(own.name, named, supplementary=supplementary)
    return _account(DEFAULT_USER, group or scripts.group, supplementary=supplementary)


def _account(user: str, group: str | None, *, supplementary: bool) -> Account:
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise UnknownAccount(
            f"there is no user {user}: make it (useradd --system {user}) or write another"
        ) from None
    try:
        gid = entry.pw_gid if group is None else grp.getgrnam(group).gr_gid
    except KeyError:
        raise UnknownAccount(
            f"there is no group {group}: make it (groupadd --system {group}) or write another"
        ) from None
    groups = tuple(os.getgrouplist(user, gid)) if supplementary else (gid,)
    return Account(user, entry.pw_uid, gid, groups, entry.pw_dir)


def _effective_capabilities() -> int:
    with Path("/proc/self/status").open(encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith("CapEff:"):
                return int(line.split()[1], 16)
    return 0
