"""What decides on this node who may answer, as the supervisor sees it: one surface for a store and for VRRP.

Rules of this file: a surface, and the choice between its makers. Only the configured one is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from vipkeeper.agent.host_shell import HostShell
from vipkeeper.agent.run_directory import RunDirectory
from vipkeeper.config.schema import Config
from vipkeeper.election.effects import Finished
from vipkeeper.election.events import Event
from vipkeeper.model.agent_report import Report, TrackReport
from vipkeeper.model.host import Link
from vipkeeper.model.vips import Unit
from vipkeeper.notify.notifier import Notifier


class Decider(Protocol):
    """One agent's decisions, from the kernel's first reading to the last withdrawal."""

    def units(self) -> tuple[Unit, ...]:
        """What the host's shell is to keep."""
        ...

    def prepare(self) -> None:
        """Make what addresses will stand on, before anything is adopted. Raises VipkeeperError."""
        ...

    def looked(self, links: Mapping[str, Link]) -> None:
        """A fresh reading of the host's links; the first one comes before `run`."""
        ...

    def post(self, event: Event) -> None:
        """Take an event of the host's shell; also before `run`."""
        ...

    async def run(self, host: HostShell, ready: Callable[[], None]) -> Finished:
        """Decide until `stop` is carried out; `ready` is called when all else may be. Raises anything."""
        ...

    def stop(self, *, keep: bool) -> None:
        """Begin to end: withdraw and let others have it, or leave all for the next agent."""
        ...

    def reconfigure(self, config: Config) -> None:
        """Go on with this configuration; nothing of it needs a restart."""
        ...

    def report(self, *, with_records: bool) -> Report:
        """What this node knows and does now."""
        ...

    def scrape(self, tracks: tuple[TrackReport, ...]) -> Callable[[], bytes]:
        """Take the values for metrics; calling the result makes the text, in another thread."""
        ...

    def end(self) -> None:
        """Decide nothing more; what the kernel holds is the caller's."""
        ...

    def clear_away(self, *, keep: bool) -> None:
        """What addresses stood on, after them; unless `keep`, nothing of it is left in the kernel."""
        ...


def make_decider(config: Config, directory: RunDirectory, notifier: Notifier) -> Decider:
    """The one that the configuration names; `notifier` hears of what it decides. Needs a running loop."""
    if config.backend == "vrrp":
        from vipkeeper.agent.vrrp_decider import VrrpDecider

        return VrrpDecider(config, directory, notifier)
    from vipkeeper.agent.store_decider import StoreDecider

    return StoreDecider(config, directory, notifier)
