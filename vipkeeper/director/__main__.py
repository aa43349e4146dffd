"""`python -m vipkeeper.director`: started by an agent, with a socket to it as standard input."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vipkeeper.director.process import run_director

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="vipkeeper.director", description="Started by the agent, not by hand."
    )
    parser.add_argument("--run-dir", type=Path, required=True)
    sys.exit(run_director(parser.parse_args().run_dir))
