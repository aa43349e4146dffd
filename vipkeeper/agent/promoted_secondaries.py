"""`promote_secondaries` for the interfaces of the VIPs that ask for it, and as it was before for others.

Rules of this file: without it Linux removes the other addresses of a prefix with the first; what cannot be
set is told and keeps no VIP back.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Collection
from pathlib import Path

from vipkeeper.agent.logs import log
from vipkeeper.config.schema import Config
from vipkeeper.config.vip_addresses import written_addresses
from vipkeeper.kernel.kernel_settings import KernelSettings
from vipkeeper.model.errors import KernelRefused


class PromotedSecondaries:
    """All of one agent. `memory`: see `KernelSettings`."""

    def __init__(self, memory: Path) -> None:
        self._settings = KernelSettings(memory)
        self._held: set[str] = set()
        self._missing: set[str] = set()

    def want(self, config: Config) -> None:
        """Set it for these, and put it back for those that it was set for before."""
        wanted = {
            written.vip.interface
            for vip in config.vip.values()
            if vip.promote_secondaries
            for written in written_addresses(vip)
        }
        self._missing.clear()
        for interface in sorted(wanted):
            self._hold(interface)
        for interface in self._held - wanted:
            self._settings.let_go(interface)
        self._held = wanted
        self._settings.put_back_unheld()

    def looked(self, interfaces: Collection[str]) -> None:
        """These are there now; one that was missing may be among them."""
        for interface in self._missing.intersection(interfaces):
            self._missing.discard(interface)
            self._hold(interface)

    def _hold(self, interface: str) -> None:
        try:
            self._settings.hold(interface, {f"ipv4/conf/{interface}/promote_secondaries": "1"})
        except KernelRefused as refused:
            self._missing.add(interface)
            if refused.errno != errno.ENOENT:  # what is not there is told by others
                log(logging.WARNING, "promote-secondaries", str(refused))

    def close(self, *, keep: bool) -> None:
        """Unless `keep`, all is as it was before."""
        if not keep:
            for interface in self._held:
                self._settings.let_go(interface)
            self._settings.put_back_unheld()
