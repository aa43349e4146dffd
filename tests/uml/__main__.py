"""python -m tests.uml COMMAND [ARGUMENT ...]: runs it under a kernel that has IPVS, and ends as it ended."""

from __future__ import annotations

import sys

from tests.uml.machine import missing, run_in_uml

LIMIT_S = 3600.0

if __name__ == "__main__":
    reason = missing()
    if reason is not None:
        sys.exit(reason)
    ended = run_in_uml(sys.argv[1:] or ["sh"], timeout_s=LIMIT_S)
    sys.stdout.write(ended.output)
    sys.exit(ended.status)
