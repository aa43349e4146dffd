"""Which addresses are being announced, and by which patterns.

Rules of this file: pure; instants are CLOCK_BOOTTIME in seconds. An address is announced from when it is
begun to when it is stopped, also if its pattern has said all that it has to say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from vipkeeper.desired.announcement_schedule import AnnouncementSchedule
from vipkeeper.model.address_options import AddressSettings
from vipkeeper.model.vips import VipAddress


class Announcing:
    """Those of one host. `schedule` says when each is due."""

    def __init__(self, settings: AddressSettings) -> None:
        self.schedule = AnnouncementSchedule()
        self._settings = settings
        self._vips: set[VipAddress] = set()

    def __contains__(self, vip: VipAddress) -> bool:
        return vip in self._vips

    def begin(self, vips: Collection[VipAddress], now_s: float) -> None:
        """These are here, as of now."""
        self._vips.update(vips)
        self.schedule.start(vips, now_s, self._settings.patterns)

    def again(self, vips: Iterable[VipAddress], now_s: float) -> None:
        """Clients may not have heard it, or something else since."""
        self.schedule.start(self._running(vips), now_s, self._settings.patterns)

    def again_on(self, interfaces: Collection[str], now_s: float) -> None:
        """All that is on these."""
        self.again([vip for vip in self._vips if vip.interface in interfaces], now_s)

    def lesser_heard(self, vips: Iterable[VipAddress], now_s: float) -> None:
        """Another master, which has to yield, may have taught the clients its own MAC."""
        self.schedule.start(self._running(vips), now_s, self._settings.lower_priority)

    def _running(self, vips: Iterable[VipAddress]) -> list[VipAddress]:
        return [vip for vip in vips if vip in self._vips]

    def forget(self, vips: Iterable[VipAddress]) -> None:
        """These are new on their interface: they are to be begun."""
        self._vips.difference_update(vips)

    def stop(self, vips: Iterable[VipAddress]) -> None:
        """Announce these no more."""
        gone = set(vips)
        self._vips -= gone
        self.schedule.stop(gone)

    def keep_only(self, vips: Iterable[VipAddress]) -> None:
        """Stop all others."""
        self.stop(self._vips - set(vips))

    def take(self, settings: AddressSettings, now_s: float) -> None:
        """Other patterns from now on; what has another one than before begins anew."""
        before, self._settings = self._settings.patterns, settings
        changed = [v for v in self._vips if before.get(v.address) != settings.patterns.get(v.address)]
        self.again(changed, now_s)
