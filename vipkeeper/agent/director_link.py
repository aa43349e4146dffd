"""The agent's end of its director: starts it while there is something to keep, and starts it again.

Rules of this file: level-triggered; a director that begins is told the plan and which VIPs stand, whatever an
earlier one knew. Nothing here waits, so a director that is stuck or dead delays no lease.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Set
from pathlib import Path
from typing import TYPE_CHECKING

from vipkeeper.agent.logs import log
from vipkeeper.config.ipvs_schema import Ipvs
from vipkeeper.config.schema import Config, Log
from vipkeeper.config.vip_addresses import written_addresses
from vipkeeper.model.director_files import OWN_IPVS
from vipkeeper.model.server_changes import ServerChange

if TYPE_CHECKING:
    from vipkeeper.agent.director_metrics import DirectorScrape
    from vipkeeper.agent.director_process import DirectorProcess
    from vipkeeper.model.balancing import BalancingPlan

# The table stays in the kernel meanwhile, and only checks are not made.
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 30.0
# One that lived so long begins anew with the shortest pause.
LIVED_WELL_S = 60.0
# A thousand virtual servers leave in a tenth of a second; the rest is for programs told of the end.
END_WITHIN_S = 5.0
# Nothing is taken out, and the next agent has to start before the lease ends.
END_KEEPING_WITHIN_S = 0.5


class DirectorLink:
    """One agent's. `tell` takes what changed; `clock` counts seconds. Needs a running loop."""

    def __init__(
        self, run_dir: str, tell: Callable[[ServerChange], None], *, clock: Callable[[], float]
    ) -> None:
        self._run_dir = run_dir
        self._leftovers = Path(run_dir) / OWN_IPVS
        self._tell = tell
        self._clock = clock
        self._plan: BalancingPlan | None = None
        self._log = Log()
        self._addresses: Mapping[str, frozenset[str]] = {}  # by VIP
        self._held: Set[str] = frozenset()
        self._standing: Set[str] | None = None
        self._told: frozenset[str] | None = None
        self._process: DirectorProcess | None = None
        self._started_s = 0.0
        self._pause_s = FIRST_PAUSE_S
        self._again: asyncio.TimerHandle | None = None
        self._ending = False
        self._said_ended = False
        self._restarts = 0

    def want(self, config: Config, plan: BalancingPlan | None) -> None:
        """At the start and at each reload; `plan`: what `director_plan` says of it."""
        self._addresses = {
            name: frozenset(each.vip.address for each in written_addresses(vip))
            for name, vip in config.vip.items()
        }
        self._plan, self._log = plan, config.log
        if self._process is not None:
            self._process.follow(self._plan, self._log)
            if not self._needed:
                self._end_it(keep=False)
        elif self._again is None and (self._needed or self._leftovers.exists()):
            self._start()
        self._tell_standing()

    def comes(self, addresses: Set[str]) -> None:
        """These are to be in the kernel: their tables are made now, side by side with them."""
        self._held = addresses
        self._tell_standing()

    def stand(self, addresses: Set[str]) -> None:
        """These are in the kernel now."""
        self._standing = addresses
        self._tell_standing()

    async def scrape(self) -> DirectorScrape | None:
        """What it says for metrics; None: nothing is kept here."""
        if not self._needed:
            return None
        from vipkeeper.agent.director_metrics import scrape_director

        return await scrape_director(self._run_dir, self._restarts)

    async def end(self, *, keep: bool) -> None:
        """The agent ends; unless `keep`, what is ours leaves the table, however long ago it was made."""
        self._ending = True
        if self._again is not None:
            self._again.cancel()
        if self._process is None and not keep and self._leftovers.exists():
            self._start()  # it had ended by itself, and what is ours is still there
        if self._process is None:
            return
        process = self._process
        self._end_it(keep=keep)
        within_s = END_KEEPING_WITHIN_S if keep else END_WITHIN_S
        if await process.wait(within_s):
            return
        if not keep:
            message = (
                f"it did not end within {within_s:g} s and is killed; what it kept stays in the table, and "
                "the next agent takes it over"
            )
            log(logging.ERROR, "director", message)
        process.kill()
        await process.wait(END_WITHIN_S)

    @property
    def _needed(self) -> bool:
        """Whether there is something to keep."""
        return self._plan is not None and not self._plan.empty

    def _start(self) -> None:
        from vipkeeper.agent.director_process import DirectorProcess

        self._again = None
        self._said_ended = False
        try:
            self._process = DirectorProcess(self._run_dir, self._tell, self._ended)
        except OSError as error:
            log(logging.ERROR, "director", f"it cannot be started: {error.strerror}")
            self._start_later()
            return
        self._started_s = self._clock()
        self._process.follow(self._plan, self._log)
        self._told = None
        self._tell_standing()
        if not self._needed:  # an earlier agent, which was killed, had something to keep
            self._end_it(keep=False)

    def _start_later(self) -> None:
        if self._ending or not self._needed:
            return
        self._restarts += 1
        self._again = asyncio.get_running_loop().call_later(self._pause_s, self._start)
        self._pause_s = min(LONGEST_PAUSE_S, 3 * self._pause_s)

    def _end_it(self, *, keep: bool) -> None:
        if self._process is not None:
            self._said_ended = True
            self._process.end(keep=keep)

    def _tell_standing(self) -> None:
        """Once it is known what an earlier agent left."""
        if self._standing is None or self._process is None:
            return
        there = self._held | self._standing
        vips = frozenset(
            name for name, addresses in self._addresses.items() if not addresses.isdisjoint(there)
        )
        if vips != self._told:
            self._told = vips
            self._process.stand(vips)

    def _ended(self, code: int) -> None:
        self._process = None
        if self._said_ended and (code == 0 or self._ending):
            self._pause_s = FIRST_PAUSE_S
            if not self._ending and self._needed:  # a reload wants one again
                self._start()
            return
        if self._clock() - self._started_s > LIVED_WELL_S:
            self._pause_s = FIRST_PAUSE_S
        how = f"by signal {-code}" if code < 0 else f"with status {code}"
        log(
            logging.ERROR,
            "director",
            f"it ended {how}; the IPVS table stays, and nothing is checked until it is started again",
            again_in_s=None if self._ending else f"{self._pause_s:g}",
        )
        self._start_later()


def director_plan(config: Config) -> BalancingPlan | None:
    """What is to be kept; None: nothing.

    An agent without virtual servers loads nothing for them, not even what is said to a director: 5 ms.
    """
    if not config.virtual_server and config.ipvs == Ipvs():
        return None
    from vipkeeper.config.virtual_servers import balancing_plan

    return balancing_plan(config)
