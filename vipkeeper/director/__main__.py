"""`python -m vipkeeper.director RUN_DIR`: started by an agent, with a socket to it as standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from vipkeeper.director.process import run_director

if __name__ == "__main__":
    if len(sys.argv) != 2:  # argparse would cost a start 6 ms
        sys.exit("vipkeeper.director: it is started by the agent, not by hand; see `vipkeeper agent --help`")
    sys.exit(run_director(Path(sys.argv[1])))
