"""What virtual routers stand on in this host: its addresses, their peers' names, and numbers for AH.

Rules of this file: it makes plans, and sends nothing; `changed` is called when they may differ.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from vipkeeper.agent.logs import log
from vipkeeper.agent.peer_names import Peer, PeerNames
from vipkeeper.agent.run_directory import RunDirectory
from vipkeeper.agent.tasks import aside
from vipkeeper.agent.virtual_mac_places import placed_members
from vipkeeper.agent.vrrp_plan import RouterPlan, plan_router
from vipkeeper.agent.vrrp_sources import find_sources
from vipkeeper.agent.vrrp_speaker import Speaker
from vipkeeper.config.schema import Config
from vipkeeper.config.vrrp_rules import advertised_version, speaks_vrrp
from vipkeeper.kernel.netlink_socket import NetlinkSocket
from vipkeeper.model.host import Link
from vrrp_compat.wire.ah_sequence import AhSequence
from vrrp_compat.wire.authentication import AuthKind

_NETLINK_ROUTE = 0
_SEQUENCES_KEPT_EVERY_S = 5.0


class VrrpGround:
    """One agent."""

    def __init__(
        self,
        config: Config,
        directory: RunDirectory,
        *,
        changed: Callable[[], None],
    ) -> None:
        self.config = config
        self.links: Mapping[str, Link] = {}
        self._directory = directory
        self._netlink = NetlinkSocket(_NETLINK_ROUTE)
        self._names = PeerNames(changed)
        self._sequences = directory.ah_sequences()
        self._plans: tuple[RouterPlan, ...] = ()
        self._planned_from: tuple[Config, dict[str, bytes | None], dict[Peer, bytes]] | None = None

    async def know_names(self, config: Config | None = None) -> None:
        """Resolve the peers' names of this configuration, within a bound."""
        await self._names.know(_listed_names(config or self.config))

    def knows_names(self, config: Config) -> bool:
        """Whether none of its names has to be resolved first."""
        return self._names.knows(_listed_names(config))

    def watch(self, speakers: Mapping[str, Speaker]) -> list[asyncio.Task[None]]:
        """Tasks that keep names current and the numbers of these, until they are cancelled."""
        return [
            aside(self._names.keep_current(), "peer-names"),
            aside(self._keep_sequences(speakers), "ah-sequences"),
        ]

    def reconfigure(self, config: Config) -> None:
        """Go on with this configuration."""
        self.config = config
        self._names.listed = _listed_names(config)

    def plans(self) -> tuple[RouterPlan, ...]:
        """One for each VIP that speaks."""
        config, names = self.config, self._names.known
        sources = find_sources(self._netlink, config, self.links, names)
        known = self._planned_from
        if known is not None and known[0] is config and known[1:] == (sources, names):
            return self._plans  # each look asks, and planning 255 virtual routers takes 25 ms
        self._planned_from = (config, sources, dict(names))
        self._plans = tuple(
            plan_router(config, unit, sources[unit.name], names)
            for unit in placed_members(config)
            if speaks_vrrp(config, config.vip[unit.name])
        )
        return self._plans

    def sequence(self, name: str) -> AhSequence:
        """Where an earlier process stopped counting."""
        return AhSequence(self._sequences.get(name, 0))

    def keep_sequences(self, speakers: Mapping[str, Speaker]) -> None:
        """For the next process: a receiver takes lower numbers for a replay."""
        numbers = {
            name: speaker.sequence.highest
            for name, speaker in speakers.items()
            if speaker.plan.authentication.kind is AuthKind.AH
        }
        if not numbers:
            return
        self._sequences |= numbers
        try:
            self._directory.keep_ah_sequences(numbers)
        except OSError as error:
            log(logging.WARNING, "ah-sequences", f"cannot be kept for the next agent: {error.strerror}")

    def close(self) -> None:
        """Ask the kernel nothing more."""
        self._netlink.close()

    async def _keep_sequences(self, speakers: Mapping[str, Speaker]) -> None:
        while True:
            await asyncio.sleep(_SEQUENCES_KEPT_EVERY_S)
            self.keep_sequences(speakers)


def _listed_names(config: Config) -> tuple[Peer, ...]:
    return tuple(
        (peer, advertised_version(vip))
        for vip in config.vip.values()
        if speaks_vrrp(config, vip)
        for peer in vip.vrrp.unicast_peers or ()
    )
