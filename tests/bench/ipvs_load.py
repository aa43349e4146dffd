"""A large IPVS table: programmed by us and by ipvsadm, looked at by us. Prints what it measured as one line.

`python -m tests.bench.ipvs_load`, as root in a network namespace whose IPVS table may be emptied.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from functools import partial

import msgspec

from vipkeeper.changes.ipvs_changes import AddServers
from vipkeeper.changes.ipvs_plan import ipvs_plan
from vipkeeper.kernel.ipvs_host import IpvsHost
from vipkeeper.model.ipvs import (
    AddressKey,
    Destination,
    DestinationKey,
    IpvsTable,
    OwnIpvs,
    Service,
    ServiceKey,
    Transport,
    VirtualServer,
)

SERVICES = 1000
DESTINATIONS = 4
SIZE = f"{SERVICES} services x {DESTINATIONS} servers"
WRITES = 3
LOOKS = 7


class IpvsLoad(msgspec.Struct, frozen=True):
    """Seconds, each time."""

    ours_s: list[float]
    ipvsadm_s: list[float]
    ipvsadm_look_s: list[float]
    look_s: list[float]


def large_table(services: int = SERVICES) -> IpvsTable:
    """wrr over four servers each, of different weights."""
    servers: dict[ServiceKey, VirtualServer] = {
        AddressKey(Transport.TCP, f"10.{number // 250}.{number % 250}.1", 80): VirtualServer(
            Service("wrr"),
            {
                DestinationKey(f"10.200.{number % 250}.{place}", 80): Destination(weight=place)
                for place in range(1, DESTINATIONS + 1)
            },
        )
        for number in range(services)
    }
    return IpvsTable(servers)


def measure() -> IpvsLoad:
    wanted = large_table()
    ipvs = IpvsHost()
    ours, theirs, their_looks = [], [], []
    for _ in range(WRITES):
        ipvs.flush()
        ours.append(_seconds(lambda: _carry_out(ipvs, wanted)))
        their_looks.append(_seconds(partial(subprocess.run, ["ipvsadm", "-Sn"], stdout=subprocess.DEVNULL)))
        saved = subprocess.run(["ipvsadm", "-Sn"], capture_output=True, check=True).stdout
        ipvs.flush()
        theirs.append(_seconds(partial(subprocess.run, ["ipvsadm", "-R"], input=saved, check=True)))
    looks = [_seconds(lambda: _look(ipvs, wanted)) for _ in range(LOOKS)]
    ipvs.flush()
    ipvs.close()
    return IpvsLoad(ours, theirs, their_looks, looks)


def _carry_out(ipvs: IpvsHost, wanted: IpvsTable) -> None:
    """From nothing to the table, planned and acknowledged."""
    for change in ipvs_plan(wanted, ipvs.read(), OwnIpvs()):
        assert isinstance(change, AddServers)
        assert ipvs.apply(change) == ()


def _look(ipvs: IpvsHost, wanted: IpvsTable) -> None:
    assert ipvs_plan(wanted, ipvs.read(), OwnIpvs()) == ()


def _seconds(work: Callable[[], object]) -> float:
    start_s = time.monotonic()
    work()
    return time.monotonic() - start_s


if __name__ == "__main__":
    print(msgspec.json.encode(measure()).decode())
