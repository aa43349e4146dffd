"""What has been told of each virtual and real server, and what a change means for it.

Rules of this file: no IO. The same state is told once, whoever says it how often. As keepalived has it, the
first state of a virtual server is told and that of a real one is not (unless `rs_init_notifies`), and the end
is told only of a virtual server with `omega`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

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
    """One real server or quorum. `made`: what is told of it, but for the state; UP stands there as it is."""

    up: ServerNotification
    down: ServerNotification
    omega: bool
    configured: bool = True
    state: ServerState | None = None  # as it was heard last
    told: bool = False  # whether that was told


class ToldServers:
    """All of one agent. `earlier`: what processes before this one told to the end."""

    def __init__(self, earlier: Mapping[ServerName, ServerState] | None = None) -> None:
        self._earlier = dict(earlier or {})
        self._known: dict[ServerName, _Known] = {}
        self._first_too = False

    def reconfigure(self, config: Config, plan: BalancingPlan) -> None:
        """Go on with these. What is gone is known until the director has let it go, or the next reload."""
        self._first_too = config.ipvs.rs_init_notifies
        self._known = {name: known for name, known in self._known.items() if known.configured}
        for known in self._known.values():
            known.configured = False
        for service in plan.services:
            virtual = config.virtual_server[service.name]
            for real in service.real_servers:
                up, down = _real_server(virtual, service, real)
                self._know(up, down, omega=service.omega)
            self._know(*_quorum(virtual, service), omega=service.omega)

    def _know(self, up: ServerNotification, down: ServerNotification, *, omega: bool) -> None:
        known = self._known.get(up.of)
        if known is None:
            self._known[up.of] = _Known(up, down, omega)
        else:
            known.up, known.down, known.omega, known.configured = up, down, omega, True

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
        if change.state is ServerState.STOP:
            if not known.configured:
                del self._known[name]
            return list(self._stopped(known, change.detail))
        if known.state is change.state and (known.told or change.first):
            return []
        before, known.state = known.state, change.state
        earlier = self._earlier.pop(name, None)
        again = earlier is change.state
        # What differs from what an earlier process told is news, whatever is said of first states.
        known.told = not change.first or real == "" or self._first_too or (earlier is not None and not again)
        if not known.told:
            known.told = again
            return []
        return [_filled(known, change, before or earlier, again=again)]

    def stop(self) -> list[ServerNotification]:
        """The agent ends, and serves nothing any more."""
        return [told for known in self._known.values() for told in self._stopped(known, "stopping")]

    def _stopped(self, known: _Known, detail: str) -> Iterator[ServerNotification]:
        before, known.state, known.told = known.state, None, False
        if known.omega and before is ServerState.UP:
            yield msgspec.structs.replace(
                known.down, state=ServerState.STOP, previous=before, detail=detail or "stopping"
            )


def _filled(
    known: _Known, change: ServerChange, before: ServerState | None, *, again: bool
) -> ServerNotification:
    made = known.up if change.state is ServerState.UP else known.down
    changed = msgspec.structs.replace(made, previous=before, detail=change.detail, again=again)
    if isinstance(changed, QuorumNotification) and isinstance(change, QuorumChange):
        return msgspec.structs.replace(changed, weight=change.weight, quorum=change.quorum)
    # keepalived mails no first state of a real server.
    return msgspec.structs.replace(changed, mailed=changed.mailed and not change.first)


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
    return up, msgspec.structs.replace(up, state=ServerState.DOWN, program=virtual.quorum_down)


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
    return up, msgspec.structs.replace(up, state=ServerState.DOWN, program=real.notify_down)


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
