"""Whether anybody but root could change what runs as root: keepalived's `enable_script_security`.

Rules of this file: it reads the file system and changes nothing; every weakness names the path component and
the command that mends it. Whoever may write a directory may put another file in the place of one in it, so
all of them count, and those of each symbolic link on the way.
"""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

ROOT = 0
_MOST_LINKS = 40  # as the kernel follows


def weakness(path: str) -> str:
    """How somebody but root could replace the file, in a sentence with its remedy; "" if nobody can.

    Raises OSError if a component cannot be looked at.
    """
    for component, status in _components(path):
        found = _component_weakness(component, status)
        if found:
            return found
    return ""


def runs_with_root(path: str, uid: int, gid: int) -> bool:
    """Whether it would have rights of root: by whom it runs as, or by its set-uid and set-gid bits."""
    status = Path(path).stat()
    return (
        ROOT in (uid, gid)
        or bool(status.st_mode & stat.S_ISUID and status.st_uid == ROOT)
        or bool(status.st_mode & stat.S_ISGID and status.st_gid == ROOT)
    )


def _component_weakness(component: str, status: os.stat_result) -> str:
    shown = shlex.quote(component)
    if status.st_uid != ROOT:
        owner = _user_name(status.st_uid)
        return f"{component} belongs to {owner}, who could put another program there: chown -h root {shown}"
    sticky = stat.S_ISDIR(status.st_mode) and bool(status.st_mode & stat.S_ISVTX)
    if stat.S_ISLNK(status.st_mode) or sticky:  # a link has no mode; in a sticky directory only owners rename
        return ""
    if status.st_mode & stat.S_IWOTH:
        return f"everybody may write {component}: chmod o-w {shown}"
    if status.st_mode & stat.S_IWGRP and status.st_gid != ROOT:
        group = _group_name(status.st_gid)
        return f"the group {group} may write {component}: chmod g-w {shown}"
    return ""


def _components(path: str) -> Iterator[tuple[str, os.stat_result]]:
    """Each directory, link and file that the kernel passes on the way from / to the file."""
    ahead = [part for part in Path(path).absolute().parts if part != "/"][::-1]
    at, links = Path("/"), 0
    yield str(at), at.lstat()
    while ahead:
        part = ahead.pop()
        if part == "..":
            at = at.parent
            continue
        here = at / part
        status = here.lstat()
        yield str(here), status
        if not stat.S_ISLNK(status.st_mode):
            at = here
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError(f"{path} goes through more than {_MOST_LINKS} symbolic links")
        target = here.readlink()
        at = Path("/") if target.is_absolute() else at
        ahead += [part for part in target.parts if part != "/"][::-1]


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
