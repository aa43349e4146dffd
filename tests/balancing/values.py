"""Virtual servers for tests: two or three real servers, each with a check or two."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from vipkeeper.balancing.virtual_service import VirtualService
from vipkeeper.model.balancing import (
    CheckKind,
    CheckPlan,
    CheckState,
    MiscAsk,
    Pacing,
    Reach,
    RealServerPlan,
    ServicePlan,
    SorryPlan,
    Standing,
    TcpAsk,
)
from vipkeeper.model.ipvs import (
    AddressKey,
    Destination,
    DestinationKey,
    Service,
    ServiceKey,
    Transport,
    VirtualServer,
)
from vipkeeper.model.server_changes import QuorumChange, ServerChange

WEB = AddressKey(Transport.TCP, "192.0.2.80", 80)
SORRY = SorryPlan(DestinationKey("10.1.0.99", 80), Destination())
SORRY_PLACE = SORRY.key
CHECK = "tcp_check one"
OTHER_CHECK = "tcp_check two"
DYNAMIC = "misc_check weight"


def tcp(label: str = CHECK, *, alpha: bool = False) -> CheckPlan:
    """A check by its label."""
    name = label.partition(" ")[2]
    return CheckPlan(CheckKind.TCP, name, Pacing(alpha=alpha), TcpAsk(), Reach("10.1.0.1", 80))


def dynamic() -> CheckPlan:
    """One whose program says the weight."""
    name = DYNAMIC.partition(" ")[2]
    return CheckPlan(CheckKind.MISC, name, Pacing(retry=0), MiscAsk("/bin/weigh", 5.0, dynamic=True), None)


def real(number: int, *checks: CheckPlan, weight: int = 1, inhibit: bool = False) -> RealServerPlan:
    """`web1`, `web2` ... at 10.1.0.1, 10.1.0.2 ..."""
    destination = Destination(weight=weight)
    return RealServerPlan(f"web{number}", place(number), destination, inhibit, checks)


def place(number: int) -> DestinationKey:
    return DestinationKey(f"10.1.0.{number}", 80)


def plan(
    *servers: RealServerPlan, sorry: SorryPlan | None = None, quorum: int = 1, hysteresis: int = 0
) -> ServicePlan:
    """With nothing given: two servers with a check each."""
    servers = servers or (real(1, tcp()), real(2, tcp()))
    return ServicePlan("web", (WEB,), Service("rr"), servers, sorry, quorum, hysteresis)


def with_alpha(of: ServicePlan) -> ServicePlan:
    """Every check has to succeed first."""
    servers = tuple(
        msgspec.structs.replace(server, checks=tuple(tcp(one.label, alpha=True) for one in server.checks))
        for server in of.real_servers
    )
    return msgspec.structs.replace(of, real_servers=servers)


def fail(service: VirtualService, number: int, check: str = CHECK, detail: str = "refused") -> None:
    service.checked(f"web{number}", check, CheckState(Standing.DOWN, detail))


def recover(service: VirtualService, number: int, check: str = CHECK) -> None:
    service.checked(f"web{number}", check, CheckState(Standing.UP))


def weigh(service: VirtualService, number: int, weight: int | None, standing: Standing = Standing.UP) -> None:
    service.checked(f"web{number}", DYNAMIC, CheckState(standing, weight=weight))


def weights(service: VirtualService, key: ServiceKey = WEB) -> dict[str, int]:
    """What stands in the table: last part of the address, and weight. 99 is the sorry server."""
    server = service.wanted()[key]
    return {one.address.rpartition(".")[2]: how.weight for one, how in server.destinations.items()}


def told(service: VirtualService) -> list[str]:
    """In short: `web1 DOWN`, `quorum UP`; those that say nothing new begin with `first`."""
    return [_short(change) for change in service.changes()]


def _short(change: ServerChange) -> str:
    who = "quorum" if isinstance(change, QuorumChange) else change.real_server
    return ("first " if change.first else "") + f"{who} {change.state.value}"


def table(
    servers: Sequence[tuple[int, int]], *, service: Service | None = None
) -> dict[ServiceKey, VirtualServer]:
    """As the kernel has it: numbers of real servers, and their weights."""
    destinations = {place(number): Destination(weight=weight) for number, weight in servers}
    return {WEB: VirtualServer(Service("rr"), destinations)}
