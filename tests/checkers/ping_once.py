"""Says what one ping finds; run with fewer rights than the tests have."""

from __future__ import annotations

import asyncio
import sys

from tests.checkers.servers import LONG_S, TURN
from vipkeeper.health.checkers.ping_check import check
from vipkeeper.health.checkers.results import CannotCheck, Failed
from vipkeeper.model.balancing import PingAsk, Reach


def main(address: str) -> str:
    try:
        return asyncio.run(check(PingAsk(), Reach(address, 0), timeout_s=LONG_S, turn=TURN)).detail
    except (CannotCheck, Failed) as error:
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    print(main(sys.argv[1]))
