"""Virtual servers of which a real keepalived and our machine are told the same, and the failures to come.

Rules of this file: a real server is at 10.1.N.M, where nothing is; its checks go to 127.0.N.M, so that IPVS
does not take it for a local one. A check is named by the port that it connects to.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from vipkeeper.model.balancing import (
    CheckKind,
    CheckPlan,
    MiscAsk,
    Pacing,
    Reach,
    RealServerPlan,
    ServicePlan,
    SorryPlan,
    TcpAsk,
)
from vipkeeper.model.ipvs import (
    AddressKey,
    Destination,
    DestinationKey,
    Forwarding,
    MarkKey,
    Service,
    ServiceKey,
    Transport,
)
from vipkeeper.model.server_changes import QuorumChange, ServerChange, ServerState

PORT = "7001"
OTHER_PORT = "7002"
WEIGHT = "weight"  # the name of a MISC check
_SERVICE = Service("rr")
_LOOP_S = 0.3


@dataclass(frozen=True, slots=True)
class Turn:
    """A check begins to succeed or to fail; or the program of a MISC check ends with this number."""

    server: int
    check: str
    to: bool | int


@dataclass(frozen=True, slots=True)
class Reload:
    """`keepalived_adds`: what it tells though it is not so, and we do not."""

    plan: ServicePlan
    keepalived_adds: tuple[ServerChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """`closed`: checks (server, check) that fail from the start on.

    `we_add_at_the_end`: real servers that we tell to stop, and keepalived does not.
    """

    plan: ServicePlan
    steps: tuple[Turn | Reload, ...]
    closed: tuple[tuple[int, str], ...] = ()
    we_add_at_the_end: tuple[int, ...] = ()


def tcp(number: int, server: int, port: str = PORT, *, alpha: bool = False) -> CheckPlan:
    reach = Reach(f"127.0.{number}.{server}", int(port))
    return CheckPlan(CheckKind.TCP, port, Pacing(_LOOP_S, alpha=alpha), TcpAsk(), reach)


def misc(file: Path) -> CheckPlan:
    ask = MiscAsk(str(file), 5.0, dynamic=True)
    return CheckPlan(CheckKind.MISC, WEIGHT, Pacing(_LOOP_S, retry=0), ask, None)


def real(
    number: int, server: int, *checks: CheckPlan, weight: int = 1, inhibit: bool = False
) -> RealServerPlan:
    key = DestinationKey(f"10.1.{number}.{server}", 80)
    return RealServerPlan(f"web{server}", key, Destination(weight=weight), inhibit, checks)


def reals(
    number: int, count: int, *, alpha: bool = False, inhibit: bool = False
) -> tuple[RealServerPlan, ...]:
    """With one check each."""
    return tuple(
        real(number, server, tcp(number, server, alpha=alpha), inhibit=inhibit)
        for server in range(1, count + 1)
    )


def sorry(number: int, server: int = 99, *, inhibit: bool = False) -> SorryPlan:
    return SorryPlan(DestinationKey(f"10.1.{number}.{server}", 80), Destination(), inhibit)


def service(number: int, *servers: RealServerPlan, **how: object) -> ServicePlan:
    plan = ServicePlan(f"case{number}", (web(number),), _SERVICE, servers)
    return msgspec.structs.replace(plan, **how)


def web(number: int) -> ServiceKey:
    return AddressKey(Transport.TCP, f"192.0.2.{number}", 80)


def marked(plan: ServicePlan, mark: int) -> ServicePlan:
    """By a firewall mark, and with direct routing."""
    servers = tuple(
        msgspec.structs.replace(
            one,
            key=DestinationKey(one.key.address, 0),
            destination=msgspec.structs.replace(one.destination, forwarding=Forwarding.DR),
        )
        for one in plan.real_servers
    )
    return msgspec.structs.replace(plan, keys=(MarkKey(mark),), real_servers=servers)


def all_down_and_up(count: int, *checks: str) -> tuple[Turn, ...]:
    """One after the other."""
    names = [(server, check) for server in range(1, count + 1) for check in checks or (PORT,)]
    return (*(Turn(*name, False) for name in names), *(Turn(*name, True) for name in names))


def cases(directory: Path) -> dict[str, Case]:
    """By name."""
    made = dict(_failures())
    made.update(_ends())
    made.update(_weights(directory))
    made.update(_reloads())
    made.update((f"by chance, seed {seed}", _by_chance(seed)) for seed in range(40, 46))
    return made


def _failures() -> Iterator[tuple[str, Case]]:
    yield "plain", Case(service(1, *reals(1, 2), omega=True), all_down_and_up(2))
    yield (
        "sorry server",
        Case(service(2, *reals(2, 3), quorum=2, sorry=sorry(2)), all_down_and_up(3)),
    )
    yield (
        "hysteresis",
        Case(service(3, *reals(3, 5), quorum=3, hysteresis=1, sorry=sorry(3)), all_down_and_up(5)),
    )
    inhibited = service(4, *reals(4, 2, inhibit=True), sorry=sorry(4, inhibit=True), omega=True, quorum=2)
    yield "inhibited", Case(inhibited, all_down_and_up(2))
    yield (
        "alpha",
        Case(
            service(5, *reals(5, 2, alpha=True)),
            (Turn(2, PORT, True), Turn(1, PORT, True), Turn(2, PORT, False)),
            closed=((1, PORT), (2, PORT)),
        ),
    )
    yield (
        "alpha and sorry server",
        Case(
            service(6, *reals(6, 2, alpha=True, inhibit=True), sorry=sorry(6)),
            (Turn(1, PORT, True), Turn(2, PORT, True), *all_down_and_up(2)),
            closed=((1, PORT), (2, PORT)),
        ),
    )
    twice = real(7, 1, tcp(7, 1), tcp(7, 1, OTHER_PORT))
    yield (
        "two checks",
        Case(
            service(7, twice, real(7, 2), quorum=2, sorry=sorry(7)),
            (
                Turn(1, PORT, False),
                Turn(1, OTHER_PORT, True),
                Turn(1, PORT, True),
                Turn(1, OTHER_PORT, False),
            ),
            closed=((1, OTHER_PORT),),
        ),
    )
    same = service(8, *reals(8, 2), sorry=sorry(8, 1, inhibit=True), quorum=2)
    yield "sorry server is a real server", Case(same, (Turn(2, PORT, False), Turn(2, PORT, True)))
    yield "firewall mark", Case(marked(service(9, *reals(9, 2), quorum=2), 9), all_down_and_up(2))


def _ends() -> Iterator[tuple[str, Case]]:
    """What is told at the stop, after a quorum that was lost or never was."""
    lost = (Turn(1, PORT, False),)
    yield "ends without a quorum", Case(service(13, *reals(13, 2), quorum=2, omega=True), lost)
    waiting = service(14, *reals(14, 2), quorum=2, sorry=sorry(14), omega=True)
    yield "ends while the sorry server serves", Case(waiting, lost, we_add_at_the_end=(2,))
    inside = service(15, *reals(15, 2, inhibit=True), quorum=2, sorry=sorry(15), omega=True)
    yield "ends while servers wait inside", Case(inside, lost)
    closed = ((1, PORT), (2, PORT))
    never = service(16, *reals(16, 2, alpha=True), omega=True)
    yield "ends before the first success", Case(never, (), closed)
    half = service(17, *reals(17, 2, alpha=True), quorum=2, sorry=sorry(17), omega=True)
    yield "ends before the first quorum", Case(half, (), closed[:1], we_add_at_the_end=(2,))
    yield "ends unheard", Case(service(18, *reals(18, 2)), lost)
    yield "ends with everything down", Case(service(19, *reals(19, 1), omega=True), lost)


def _weights(directory: Path) -> Iterator[tuple[str, Case]]:
    weighed = real(11, 1, misc(directory / "weight-11"), weight=3)
    yield (
        "weights of a program",
        Case(
            service(11, weighed, real(11, 2, weight=0), quorum=3, sorry=sorry(11)),
            tuple(Turn(1, WEIGHT, code) for code in (12, 1, 12, 3, 0, 2, 7)),
        ),
    )
    both = real(12, 1, tcp(12, 1), misc(directory / "weight-12"), weight=3, inhibit=True)
    yield (
        "weights of a program beside a check",
        Case(
            service(12, both, real(12, 2)),
            (Turn(1, WEIGHT, 9), Turn(1, PORT, False), Turn(1, WEIGHT, 6), Turn(1, PORT, True)),
        ),
    )


def _reloads() -> Iterator[tuple[str, Case]]:
    before = service(21, *reals(21, 3), sorry=sorry(21))
    heavier = tuple(
        msgspec.structs.replace(one, destination=Destination(weight=5)) for one in before.real_servers
    )
    yield (
        "reload with other weights",
        Case(
            before,
            (Turn(1, PORT, False), Reload(service(21, *heavier, sorry=sorry(21))), Turn(1, PORT, True)),
        ),
    )
    yield (
        "reload with fewer and more",
        Case(
            service(22, *reals(22, 3)[1:]),
            (
                Turn(2, PORT, False),
                # It weighs the servers that stay before it adds the new one, which has a weight too.
                Reload(service(22, *reals(22, 2)), (QuorumChange("", ServerState.DOWN, 0, 1),)),
                Turn(2, PORT, True),
            ),
        ),
    )
    yield (
        "reload with another quorum",
        Case(
            service(23, *reals(23, 2), sorry=sorry(23)),
            (
                Turn(1, PORT, False),
                Reload(service(23, *reals(23, 2), sorry=sorry(23), quorum=2)),
                Turn(1, PORT, True),
            ),
        ),
    )


def _by_chance(seed: int) -> Case:
    """Two to four servers of any weights, and eight turns."""
    chance = random.Random(seed)
    count, alpha = chance.randint(2, 4), chance.random() < 0.4
    servers = tuple(
        real(
            seed,
            server,
            tcp(seed, server, alpha=alpha),
            weight=chance.randint(0, 3),
            inhibit=chance.random() < 0.4,
        )
        for server in range(1, count + 1)
    )
    total = sum(server.destination.weight for server in servers)
    quorum = chance.randint(1, max(1, total))
    plan = service(
        seed,
        *servers,
        quorum=quorum,
        hysteresis=chance.randint(0, min(quorum - 1, max(0, total - quorum))),
        sorry=chance.choice([None, sorry(seed), sorry(seed, inhibit=True)]),
        omega=chance.random() < 0.5,
    )
    closed = {server for server in range(1, count + 1) if chance.random() < 0.3}
    up = {server: server not in closed for server in range(1, count + 1)}
    steps = []
    for _ in range(8):
        server = chance.choice(list(up))
        up[server] = not up[server]
        steps.append(Turn(server, PORT, up[server]))
    return Case(plan, tuple(steps), closed=tuple((server, PORT) for server in closed))
