"""What people and metrics are shown of a virtual server.

Rules of this file: pure; names of fields are a contract (`vipkeeper/model/director_messages.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

from vipkeeper.balancing.entries import sorry_serves
from vipkeeper.balancing.real_server import RealServer
from vipkeeper.balancing.server_phases import Drain
from vipkeeper.model.balancing import CheckPlan, CheckState, ServicePlan
from vipkeeper.model.director_messages import CheckReport, RealServerReport, VirtualServerReport


def report(
    plan: ServicePlan,
    servers: Iterable[RealServer],
    *,
    quorum_up: bool,
    present: bool,
    checks_suspended: bool,
) -> VirtualServerReport:
    """Without what only the kernel counts and only the checks' own clock knows."""
    relieved = sorry_serves(plan, quorum_up=quorum_up)
    servers = tuple(servers)
    persistence = plan.service.persistence
    return VirtualServerReport(
        name=plan.name,
        keys=tuple(str(key) for key in plan.keys),
        scheduler=plan.service.scheduler,
        state="absent" if not present else "up" if quorum_up else "down",
        quorum=plan.quorum,
        weight=sum(server.live_weight for server in servers),
        real_servers=tuple(_server(server, relieved=relieved, present=present) for server in servers),
        sorry_server=str(plan.sorry.key) if plan.sorry is not None else None,
        sorry_in_use=relieved and present,
        checks_suspended=checks_suspended,
        vips=plan.vips,
        persistence_s=persistence.timeout_s if persistence is not None else None,
    )


def _server(server: RealServer, *, relieved: bool, present: bool) -> RealServerReport:
    plan = server.plan
    how = server.entry(relieved=relieved) if present else None
    reason = server.reason
    if relieved and server.live_weight:
        reason = f"the sorry server serves, for there is no quorum; of this one: {reason}"
    return RealServerReport(
        name=plan.name,
        address=plan.key.address,
        port=plan.key.port,
        method=plan.destination.forwarding.name,
        state=_state(server),
        reason=reason,
        weight=how.weight if how is not None else 0,
        configured_weight=plan.destination.weight,
        in_table=how is not None,
        checks=tuple(_check(check, state) for check, state in server.checks),
    )


def _state(server: RealServer) -> str:
    if server.drain is Drain.SERVING:
        return "up" if server.up else "down"
    return str(server.drain.value)


def _check(check: CheckPlan, state: CheckState) -> CheckReport:
    return CheckReport(
        kind=check.kind.value, name=check.name, state=state.standing.value, detail=state.detail
    )
