"""A process that holds addresses in the namespace in which it runs, so that tests can freeze and kill it.

Run as `python -m tests.kernel.owner_process FENCE...`. Each line of input is one request in JSON, answered
with one line. For `set frozen` the process stops itself right after its last reading of the clock before it
writes, and does with that reading what it does when somebody lets it go on.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from tests.kernel_segment.segment import INTERFACE
from vipkeeper.agent.clocks import boot_s
from vipkeeper.changes.change_kinds import AddAddresses, SetDeadlines
from vipkeeper.kernel.netlink_host import NetlinkHost
from vipkeeper.lab.namespaces import Namespace
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.host import Lifetime
from vipkeeper.model.vips import VipAddress

# The fence is under test, so the address itself stays.
_LIFETIME_S = 600.0
# What the shipped systemd unit grants.
UNIT = "+net_admin,+net_raw,+bpf"
WITHOUT_BPF = "+net_admin,+net_raw"


# The host reads the clock once for a change; nftables once more, between its guard and its transaction.
_READINGS = {FenceKind.BPF: 1, FenceKind.NFTABLES: 2}


class Owner:
    """A started process; what it is asked is carried out before the call returns."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        kind, self.note = cast("tuple[str, str]", self._receive())
        self.kind = FenceKind(kind)

    def hold(self, deadlines: Mapping[str, float]) -> None:
        """Fence these and add those that are not there."""
        self._ask("hold", deadlines)

    def set_deadlines(self, deadlines: Mapping[str, float]) -> None:
        self._ask("set", deadlines)

    def set_deadlines_frozen(self, deadlines: Mapping[str, float]) -> None:
        """It reads the clock for this and freezes. Returns when it is frozen."""
        self._send("set frozen", deadlines)
        self._wait_for_state("T")

    def finish_frozen(self) -> None:
        """Let it go on, and wait until it has done what it was asked."""
        self.signal(signal.SIGCONT)
        self._receive()

    def deadlines(self) -> dict[str, float]:
        answer = self._ask("read", {})
        assert isinstance(answer, dict)
        return {str(text): float(end_s) for text, end_s in answer.items()}

    def restore(self) -> list[str]:
        """Put the fence back; where it was missing."""
        answer = self._ask("restore", {})
        assert isinstance(answer, list)
        return answer

    def signal(self, number: int) -> None:
        """Send a signal and wait for its effect."""
        self._process.send_signal(number)
        if number == signal.SIGKILL:
            self._process.wait()
        elif number == signal.SIGSTOP:
            self._wait_for_state("T")

    def end(self) -> None:
        """However it is: it is gone when this returns."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _wait_for_state(self, state: str) -> None:
        while True:
            with open(f"/proc/{self._process.pid}/stat") as file:  # noqa: PTH123 - read once
                if file.read().rpartition(")")[2].split()[0] == state:
                    return

    def _ask(self, request: str, deadlines: Mapping[str, float]) -> object:
        self._send(request, deadlines)
        return self._receive()

    def _send(self, request: str, deadlines: Mapping[str, float]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([request, dict(deadlines)]) + "\n")
        self._process.stdin.flush()

    def _receive(self) -> object:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the owner ended"
        answer: object = json.loads(line)
        return answer


@contextlib.contextmanager
def start_owner(namespace: Namespace, *allowed: FenceKind, capabilities: str = UNIT) -> Iterator[Owner]:
    """A process with these capabilities, all if empty; gone when the block ends."""
    confined = ("setpriv", f"--bounding-set=-all,{capabilities}", "--inh-caps=-all")
    command = (sys.executable, "-m", "tests.kernel.owner_process", *(kind.value for kind in allowed))
    process = subprocess.Popen(
        namespace.inside(*(confined if capabilities else ()), *command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    owner = None
    try:
        owner = Owner(process)
        yield owner
    finally:
        (owner.end() if owner is not None else process.kill())


class _Clock:
    """CLOCK_BOOTTIME, with a freeze between a reading and its use."""

    def __init__(self) -> None:
        self.readings_to_freeze = 0  # the last of so many is followed by a freeze

    def __call__(self) -> float:
        now_s = boot_s()
        self.readings_to_freeze -= 1
        if self.readings_to_freeze == 0:
            os.kill(os.getpid(), signal.SIGSTOP)
        return now_s


def _carry_out(
    host: NetlinkHost, kind: FenceKind, clock: _Clock, request: str, deadlines: Mapping[str, float]
) -> object:
    match request:
        case "hold":
            host.apply(SetDeadlines(deadlines))
            end_s = clock() + _LIFETIME_S
            vips = [VipAddress.parse(text, INTERFACE) for text in deadlines]
            standing = host.read().state.addresses
            missing = {vip: Lifetime(end_s - 1, end_s) for vip in vips if vip not in standing}
            return dict.fromkeys(map(str, host.apply(AddAddresses(missing)).refused))
        case "set":
            host.apply(SetDeadlines(deadlines))
        case "set frozen":
            clock.readings_to_freeze = _READINGS[kind]
            host.apply(SetDeadlines(deadlines))
        case "read":
            return dict(host.read().state.deadlines)
        case "restore":
            return list(host.restore_fence())
    return None


def main(arguments: Sequence[str]) -> None:
    clock = _Clock()
    host = NetlinkHost(clock)
    in_force = host.choose_fence(map(FenceKind, arguments))
    print(json.dumps([in_force.kind.value, in_force.note]), flush=True)
    for line in sys.stdin:
        request, deadlines = json.loads(line)
        print(json.dumps(_carry_out(host, in_force.kind, clock, request, deadlines)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
