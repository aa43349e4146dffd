"""What programs are told where a store decides: by holder, standby and unfit, with the fencing token.

Rules of this file: a program writes down what it found when it ran, and that is what is judged.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from tests.faults.arena import PATIENCE_S, VIPS, Arena, make_arena
from vipkeeper.lab.agents import Agent

pytestmark = [pytest.mark.root, pytest.mark.etcd, pytest.mark.slow, pytest.mark.timeout(240)]

LEASE_S = 6.0
TABLES = """
[vip.web.notify]
any = {{ script = "{dir}/witness {{node}}", user = "root" }}
deleted = {{ script = "/bin/true" }}
"""
WITNESS = """\
#!/bin/sh
there=$(ip -o address show dev eth0 | grep -c -F -e "{first}/" -e "{second}/")
echo "$4 $VIPKEEPER_PREVIOUS $VIPKEEPER_EPOCH $there $VIPKEEPER_REASON" >> {dir}/$1
while [ -e {dir}/hold ]; do sleep 0.1; done
"""


class Told(msgspec.Struct, frozen=True):
    """One run of the program."""

    state: str
    previous: str
    epoch: int
    addresses: int
    reason: str


class Witness:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        program = directory / "witness"
        program.write_text(WITNESS.format(dir=directory, first=VIPS[0], second=VIPS[1]))
        program.chmod(0o755)

    def told(self, agent: Agent) -> list[Told]:
        """All of it, since the lab began."""
        file = self.directory / agent.node
        lines = file.read_text().splitlines() if file.exists() else []
        fields = [line.split(" ") for line in lines]
        return [Told(one[0], one[1], int(one[2] or 0), int(one[3]), one[4]) for one in fields]

    def last(self, agent: Agent) -> Told | None:
        told = self.told(agent)
        return told[-1] if told else None

    def wait_for_last(self, agent: Agent, state: str) -> Told:
        wait(
            lambda: (last := self.last(agent)) is not None and last.state == state,
            lambda: f"{agent.node} was not told {state}: {self.told(agent)}",
        )
        return self.told(agent)[-1]


def wait(true: Callable[[], bool], otherwise: Callable[[], str]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end_s, otherwise()
        time.sleep(0.05)


@pytest.fixture(scope="module")
def witness() -> Iterator[Witness]:
    directory = Path(tempfile.mkdtemp())
    yield Witness(directory)
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def arena(witness: Witness) -> Iterator[Arena]:
    with make_arena(etcd_members=1, lease_s=LEASE_S, tables=TABLES.format(dir=witness.directory)) as made:
        yield made


def test_every_node_knows_its_state_and_the_kernel_has_it(settled: Arena, witness: Witness) -> None:
    owner = settled.owner()
    for agent in settled.agents:
        told = witness.wait_for_last(agent, "MASTER" if agent is owner else "BACKUP")
        assert told.addresses == (2 if agent is owner else 0)


def test_a_planned_stop_is_told_on_both_sides(settled: Arena, witness: Witness) -> None:
    owner = settled.owner()
    before = witness.wait_for_last(owner, "MASTER")
    with settled.judged():
        assert owner.stop_planned() == 0
        stopped = witness.last(owner)
        assert stopped is not None
        assert (stopped.state, stopped.previous, stopped.addresses) == ("STOP", "MASTER", 0)
        settled.wait_for_somebody(but=owner)
        after = witness.wait_for_last(settled.owner(), "MASTER")
    assert (after.previous, after.addresses) == ("BACKUP", 2)
    assert after.epoch > before.epoch, "the fencing token grows"


def test_a_killed_owner_that_comes_back_is_told_what_it_is_now(settled: Arena, witness: Witness) -> None:
    """Nobody could tell its program that it was no owner any more, so that comes first."""
    owner = settled.owner()
    witness.wait_for_last(owner, "MASTER")
    owner.kill()
    settled.wait_for_somebody(but=owner)
    owner.start()
    told = witness.wait_for_last(owner, "BACKUP")
    assert (told.previous, told.addresses) == ("MASTER", 0)


def test_a_restart_that_adopts_tells_nothing_twice(settled: Arena, witness: Witness) -> None:
    owner = settled.owner()
    witness.wait_for_last(owner, "MASTER")
    kept = owner.run_directory / "told-states"
    wait(lambda: '"INSTANCE web":"MASTER"' in kept.read_text(), kept.read_text)
    count = len(witness.told(owner))
    assert owner.leave_for_restart() == 0
    owner.start()
    settled.settle()
    assert settled.owner() is owner
    assert len(witness.told(owner)) == count


def test_a_node_that_cannot_serve_is_told_fault_and_the_others_are_not_held_up(
    settled: Arena, witness: Witness
) -> None:
    """The programs of all nodes hang meanwhile."""
    owner = settled.owner()
    witness.wait_for_last(owner, "MASTER")
    (witness.directory / "hold").touch()
    switch = settled.lab.network.switch
    try:
        with settled.judged():
            switch.configure(f"link set {owner.host.lan_port} down")
            settled.wait_for_somebody(but=owner)
        fault = witness.wait_for_last(owner, "FAULT")
        assert (fault.previous, fault.addresses, fault.reason) == ("MASTER", 0, "interface-down")
    finally:
        switch.configure(f"link set {owner.host.lan_port} up")
        (witness.directory / "hold").unlink()
    witness.wait_for_last(owner, "BACKUP")
    states = [told.state for told in witness.told(owner)]
    assert states[-3:] == ["MASTER", "FAULT", "BACKUP"]
