"""`python -m vipkeeper.director`: started by an agent, with a socket to it as standard input."""

from __future__ import annotations

import os
import socket
import stat
import sys

from vipkeeper.director.process import run_director


def _link() -> socket.socket:
    """Away from standard input, so that nothing that is started has it."""
    if not stat.S_ISSOCK(os.fstat(0).st_mode):
        sys.exit("vipkeeper.director: it is started by the agent, not by hand; see `vipkeeper agent --help`")
    link = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)
    return link


if __name__ == "__main__":
    sys.exit(run_director(_link()))
