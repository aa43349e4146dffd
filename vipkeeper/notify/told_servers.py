"""What has been told of each virtual and real server, and what a change means for it.

Rules of this file: no IO. What is news is decided by the director; here what an earlier director, or an
earlier agent, has told is known, and is not told twice. A reader of the FIFO may be new, and hears it at
once.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from vipkeeper.config.balancing_schema import RealServer, VirtualServer
from vipkeeper.config.schema import Config
from vipkeeper.model.balancing import BalancingPlan, RealServerPlan, ServicePlan
from vipkeeper.model.ipvs import AddressKey, MarkKey
from vipkeeper.model.server_changes import QuorumChange, ServerChange, ServerState
from vipkeeper.notify.server_notification import (
    QuorumNotification,
    RealServerNotification,
    ServerName,
    ServerNotification,
)


class _Known(msgspec.Struct):
    """One real server or quorum, with what is told of it when it is up and when it is not."""

    up: ServerNotification
    down: ServerNotification
    omega: bool
    alpha: bool
    configured: bool = True
    state: ServerState | None = None  # as it was told last

    def made(self, state: ServerState) -> ServerNotification:
        return self.up if state is ServerState.UP else self.down


class ToldServers:
    """All of one agent. `earlier`: what processes before this one told to the end."""

    def __init__(self, earlier: Mapping[ServerName, ServerState] | None = None) -> None:
        self._earlier = dict(earlier or {})
        self._known: dict[ServerName, _Known] = {}

    def reconfigure(self, config: Config, plan: BalancingPlan) -> None:
        """Go on with these. What is gone is known until the director has let it go, or the next reload."""
        self._known = {name: known for name, known in self._known.items() if known.configured}
        for known in self._known.values():
            known.configured = False
        for service in plan.services:
            virtual = config.virtual_server[service.name]
            for real in service.real_servers:
                self._know(*_real_server(virtual, service, real), omega=service.omega, alpha=real.alpha)
            self._know(*_quorum(virtual, service), omega=service.omega, alpha=False)
        # Of what is gone meanwhile the first state is news, if it comes back.
        self._earlier = {name: state for name, state in self._earlier.items() if name in self._known}

    def present(self) -> list[ServerNotification]:
        """What earlier processes told last, for who did not hear them."""
        return [
            replace(known.made(state), state=state, detail="told before the restart", again=True)
            for name, known in self._known.items()
            if (state := self._earlier.get(name)) is not None
        ]

    def _know(self, up: ServerNotification, down: ServerNotification, *, omega: bool, alpha: bool) -> None:
        known = self._known.get(up.of)
        if known is None:
            known = self._known[up.of] = _Known(up, down, omega, alpha)
        known.up, known.down, known.omega, known.alpha, known.configured = up, down, omega, alpha, True

    @property
    def names(self) -> frozenset[ServerName]:
        """Those that may be told of, the gone ones too."""
        return frozenset(self._known)

    def take(self, change: ServerChange) -> list[ServerNotification]:
        """What is to be told now, in this order."""
        real = "" if isinstance(change, QuorumChange) else change.real_server
        name = (change.virtual_server, real)
        known = self._known.get(name)
        if known is None:
            return []
        earlier = self._earlier.pop(name, None)
        before, known.state = known.state or earlier, change.state
        if before is change.state and (change.first or earlier is not None):
            return []  # by a director that was started again, or before this agent was
        return [_filled(known, change, before)]

    def stop(self) -> list[ServerNotification]:
        """The agent ends, and serves nothing any more; what the director has said of that is not in it."""
        ends = []
        for name, known in self._known.items():
            before = known.state or self._earlier.get(name)
            if known.omega and before is ServerState.UP:
                known.state = ServerState.STOP
                ends.append(replace(known.down, state=ServerState.STOP, previous=before, detail="stopping"))
        return ends


def _filled(known: _Known, change: ServerChange, before: ServerState | None) -> ServerNotification:
    made = known.made(change.state)
    changed = replace(made, state=change.state, previous=before, detail=change.detail)
    if isinstance(changed, QuorumNotification) and isinstance(change, QuorumChange):
        return replace(changed, weight=change.weight, quorum=change.quorum)
    # As keepalived has it: that a server is up from the start is worth a program, if asked for, and no mail.
    from_the_start = change.first and change.state is ServerState.UP and not known.alpha
    return replace(changed, mailed=changed.mailed and not from_the_start)


def _quorum(virtual: VirtualServer, service: ServicePlan) -> tuple[QuorumNotification, QuorumNotification]:
    up = QuorumNotification(
        virtual_server=service.name,
        virtual_address=virtual_address(virtual, service),
        state=ServerState.UP,
        program=virtual.quorum_up,
        mailed=service.tell.smtp_alert,
        timeout_s=virtual.notify_timeout_s,
        weight=0,
        quorum=service.quorum,
    )
    return up, replace(up, state=ServerState.DOWN, program=virtual.quorum_down)


def _real_server(
    virtual: VirtualServer, service: ServicePlan, plan: RealServerPlan
) -> tuple[RealServerNotification, RealServerNotification]:
    real: RealServer = virtual.real_server[plan.name]
    up = RealServerNotification(
        virtual_server=service.name,
        virtual_address=virtual_address(virtual, service),
        real_server=plan.name,
        real_address=_real_address(virtual, service, plan),
        state=ServerState.UP,
        program=real.notify_up,
        mailed=plan.tell.smtp_alert,
        timeout_s=virtual.notify_timeout_s,
    )
    return up, replace(up, state=ServerState.DOWN, program=real.notify_down)


def virtual_address(virtual: VirtualServer, service: ServicePlan) -> str:
    """In keepalived's words: `[192.0.2.80]:tcp:80`, `FWM 3`, and `[NAME]:0` for a group."""
    if virtual.group is not None:
        return f"[{virtual.group}]:0"
    key = service.keys[0]
    if isinstance(key, MarkKey):
        return f"FWM {key.mark}"
    return f"[{key.address}]:{key.transport.value}:{key.port}"


def _real_address(virtual: VirtualServer, service: ServicePlan, plan: RealServerPlan) -> str:
    """With the transport of the virtual server, which is `none` for a firewall mark."""
    only = service.keys[0] if len(service.keys) == 1 else None
    port = plan.key.port
    if port == 0 and isinstance(only, AddressKey):
        port = only.port
    return f"[{plan.key.address}]:{virtual.protocol or 'none'}:{port}"
