"""One virtual server: what of it is to stand in IPVS's table, and what is told of it.

Rules of this file: pure; it wires real servers and quorum and decides nothing of theirs. `wanted()` is the
same object as long as nothing changed. Changes are in keepalived's order: a real server, then the quorum
that it changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from vipkeeper.balancing.adoption import Found, found_in
from vipkeeper.balancing.entries import entries
from vipkeeper.balancing.quorum import Quorum
from vipkeeper.balancing.real_server import Move, RealServer
from vipkeeper.balancing.reports import report
from vipkeeper.balancing.server_phases import Drain
from vipkeeper.model.balancing import CheckState, RealServerPlan, ServicePlan
from vipkeeper.model.director_messages import VirtualServerReport
from vipkeeper.model.ipvs import ServiceKey, VirtualServer
from vipkeeper.model.server_changes import (
    QuorumChange,
    RealServerChange,
    ServerChange,
    ServerState,
)

_NOTHING: Mapping[ServiceKey, VirtualServer] = {}
_TAKEN_OUT = "taken out of the configuration"
_STOPS = "the agent stops"


class VirtualService:
    """Starts from nothing, or from what an earlier process left in the kernel's table.

    `found` is that table; of real servers in it nothing is told. The quorum is, as at each start: whoever
    tells it on knows what was told, and where nothing was (another program made the table), it is news.
    `draining`: names of real servers that an operator had drained (`draining` of the earlier process).
    `standing`: names of VIPs that this node has.
    """

    def __init__(
        self,
        plan: ServicePlan,
        *,
        found: Mapping[ServiceKey, VirtualServer] = _NOTHING,
        draining: Iterable[str] = (),
        standing: frozenset[str] = frozenset(),
    ) -> None:
        self.plan = plan
        self._standing = standing
        self._ended = False
        self._changes: list[ServerChange] = []
        self._wanted: Mapping[ServiceKey, VirtualServer] | None = None
        self._told: ServerState | None = None  # of the quorum
        self._quorum = Quorum(plan.quorum, plan.hysteresis)
        self._servers: dict[str, RealServer] = {}
        self.taken_over: frozenset[str] = frozenset()  # names of those that an earlier process had in
        here = found_in(plan, found)
        for server in plan.real_servers:
            if here is None:
                self._add(server)
            else:
                known = here.destinations.get(server.key)
                self._servers[server.name] = RealServer.adopted(server, known)
        for name in self._servers.keys() & set(draining):
            self._servers[name].drained()
            if here is None or self._servers[name].plan.key not in here.destinations:
                self._servers[name].emptied()
        if here is not None:
            self.taken_over = frozenset(name for name, server in self._servers.items() if server.up)
            self._adopt_quorum(here)
        self._settle(first=True)

    @property
    def quorum_up(self) -> bool:
        return self._quorum.up

    @property
    def weight(self) -> int:
        """The sum of all that is well and serves."""
        return sum(server.live_weight for server in self._servers.values())

    @property
    def present(self) -> bool:
        """Whether this node has it in its table: with `present = "owner"`, while a VIP of it stands."""
        return not self.plan.only_on_owner or self._has_a_vip()

    @property
    def checks_suspended(self) -> bool:
        """Whether its checks rest (`ha_suspend`); what they said last holds meanwhile."""
        return self.plan.ha_suspend and not self._has_a_vip()

    @property
    def draining(self) -> frozenset[str]:
        """Names of real servers that an operator drained: what a later process has to know."""
        return frozenset(name for name, server in self._servers.items() if server.drain is not Drain.SERVING)

    @property
    def emptying(self) -> frozenset[str]:
        """Those of them that may have connections left."""
        return frozenset(name for name, server in self._servers.items() if server.drain is Drain.DRAINING)

    def checked(self, real_server: str, check: str, state: CheckState) -> None:
        """A check says something; `check` is its label. What a reload took away says nothing."""
        server = self._servers.get(real_server)
        if server is None:
            return
        before = server.entry(relieved=False)
        self._moved(server, server.checked(check, state))
        if server.entry(relieved=False) != before:
            self._settle()

    def followed(self, plan: ServicePlan) -> None:
        """A reload. What is the same afterwards keeps its state; a server is the same by its address.

        An operator's word is about a name: who moves while drained is drained where it comes.
        Then say by `checked` what each check says now: they may take others for the same.
        """
        if plan == self.plan:
            return
        known = {server.plan.key: server for server in self._servers.values()}
        kept = {server.key for server in plan.real_servers}
        for server in known.values():
            if server.plan.key not in kept and server.up:
                self._tell(server, ServerState.DOWN, _TAKEN_OUT)
        moving = {name for name in self.draining if self._servers[name].plan.key not in kept}
        self.plan, self._servers = plan, {}
        for one in plan.real_servers:
            if one.key in known:
                server = self._servers[one.name] = known[one.key]
                self._moved(server, server.followed(one))
            else:
                self._add(one)
                if one.name in moving:
                    self._servers[one.name].drained()
                    self._servers[one.name].emptied()
        self._quorum = Quorum(plan.quorum, plan.hysteresis, up=self._quorum.up)
        self._settle(first=True)

    def removed(self) -> None:
        """A reload took all of it out. As with keepalived that is told, `omega` or not."""
        self._ended, self._wanted = True, None
        for server in self._servers.values():
            if server.up:
                self._tell(server, ServerState.DOWN, _TAKEN_OUT)
        if self._told is ServerState.UP:
            self._tell_quorum(ServerState.DOWN, _TAKEN_OUT)

    def end(self) -> None:
        """The agent stops, and nobody goes on. With `omega` that is told."""
        self._ended, self._wanted = True, None
        if not self.plan.omega:
            return
        for server in self._servers.values():
            if server.up:
                self._tell(server, ServerState.STOP, _STOPS)
        self._tell_quorum(ServerState.STOP, _STOPS)

    def stands(self, vips: frozenset[str]) -> None:
        """Names of the VIPs that this node has now."""
        present = self.present
        self._standing = vips
        if self.present is not present:
            self._wanted = None

    def drain(self, real_server: str) -> bool:
        """It gets nothing new from now on. False: there is no such server, or it is drained already."""
        return self._drain_moved(real_server, RealServer.drained)

    def emptied(self, real_server: str) -> bool:
        """The kernel counts no connections of it. Matters only while it drains."""
        return self._drain_moved(real_server, RealServer.emptied)

    def undrain(self, real_server: str) -> bool:
        """It serves again if it is well. False: there is no such server, or it was not drained."""
        return self._drain_moved(real_server, RealServer.taken_back)

    def wanted(self) -> Mapping[ServiceKey, VirtualServer]:
        """What is to stand in the kernel's table."""
        if self._wanted is None:
            servers = self._servers.values()
            here = self.present and not self._ended
            self._wanted = entries(self.plan, servers, quorum_up=self._quorum.up) if here else _NOTHING
        return self._wanted

    def changes(self) -> tuple[ServerChange, ...]:
        """What is to be told since the last call."""
        told, self._changes = tuple(self._changes), []
        return told

    def report(self) -> VirtualServerReport:
        """All of it for people; without what only the kernel and the checks' own clock know."""
        return report(
            self.plan,
            self._servers.values(),
            quorum_up=self._quorum.up,
            present=self.present,
            checks_suspended=self.checks_suspended,
        )

    def _has_a_vip(self) -> bool:
        return not self.plan.vips or not self._standing.isdisjoint(self.plan.vips)

    def _add(self, plan: RealServerPlan) -> None:
        server = self._servers[plan.name] = RealServer(plan)
        if server.up and self.plan.init_notifies:
            self._tell(server, ServerState.UP, server.reason, first=True)

    def _adopt_quorum(self, here: Found) -> None:
        # Between the two limits of the hysteresis only the sorry server shows how it was.
        was = Quorum(self.plan.quorum, self.plan.hysteresis, up=not here.sorry_serves)
        self._quorum = was.after(self.weight)

    def _drain_moved(self, name: str, move: Callable[[RealServer], bool]) -> bool:
        moved = name in self._servers and move(self._servers[name])
        if moved:
            self._settle()
        return moved

    def _moved(self, server: RealServer, move: Move | None) -> None:
        if move is not None:
            state = ServerState.UP if move.up else ServerState.DOWN
            self._tell(server, state, move.detail, first=move.first)

    def _settle(self, *, first: bool = False) -> None:
        """Weigh what is well, and tell it if that changed the quorum."""
        self._wanted = None
        weight = self.weight
        self._quorum = self._quorum.after(weight)
        state = ServerState.UP if self._quorum.up else ServerState.DOWN
        # keepalived does not mention a quorum that never was, unless the sorry server has to serve for it.
        unheard_of = self._told is None and state is ServerState.DOWN and self.plan.sorry is None
        if state is not self._told and not unheard_of:
            self._told = state
            self._tell_quorum(state, f"weight {weight} of quorum {self.plan.quorum}", first=first)

    def _tell(self, server: RealServer, state: ServerState, detail: str, *, first: bool = False) -> None:
        self._changes.append(RealServerChange(self.plan.name, server.plan.name, state, detail, first))

    def _tell_quorum(self, state: ServerState, detail: str, *, first: bool = False) -> None:
        self._changes.append(
            QuorumChange(self.plan.name, state, self.weight, self.plan.quorum, detail, first)
        )
