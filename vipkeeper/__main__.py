"""`python -m vipkeeper` is the same as `vipkeeper`."""

from __future__ import annotations

import sys

from vipkeeper.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
