"""How many checks may have a socket or a program at once.

Rules of this file: it raises this process's own limit on open files as far as it may, because the usual 1024
are the sockets of 200 servers that do not answer for 5 s; up to a bound, because programs that it starts
inherit the limit, and some close every number below it before they begin.
"""

from __future__ import annotations

import resource

_ENOUGH = 16384
_FILES_OF_OTHERS = 128  # what the process needs beside checks: netlink, sockets, logs, tracked files
_FILES_OF_A_CHECK = 2  # a program has a pipe and a pidfd
_LEAST = 16


def room_for_checks() -> int:
    """How many may run at once."""
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    raised = _ENOUGH if most == resource.RLIM_INFINITY else min(most, _ENOUGH)
    if raised > limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, most))
        limit = raised
    return max(_LEAST, (limit - _FILES_OF_OTHERS) // _FILES_OF_A_CHECK)
