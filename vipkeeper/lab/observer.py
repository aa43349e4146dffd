"""Starts the observer and the echo service, and reads the observer's record while it grows."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from vipkeeper.lab.interruption import uninterrupted
from vipkeeper.lab.network import LAN_INTERFACE, Network
from vipkeeper.lab.observer_process import ObservedNode, ObserverOrder
from vipkeeper.lab.processes import LabProcess, UnexpectedProcessState
from vipkeeper.lab.verdicts import ASKED_KINDS, Recording

_POLL_S = 0.02
_START_S = 20.0
# An answer so old says nothing about now.
_RECENT_NS = 250_000_000


class Observer:
    """The running observer of some VIPs."""

    def __init__(self, vips: tuple[str, ...], process: LabProcess, record: Path) -> None:
        self.vips = vips
        self.process = process
        self._recording = Recording(vips)
        self._record = record
        self._offset = 0
        self._rest = ""

    def recording(self) -> Recording:
        """What it has written down so far. Raises UnexpectedProcessState when it has ended on its own."""
        self.process.require_running()
        self._read_on()
        return self._recording

    def forget_before(self, before_ns: int) -> None:
        """Judge no longer what was before; a long observation stays small."""
        self.recording().forget_before(before_ns)

    def _read_on(self) -> None:
        with self._record.open() as record:
            record.seek(self._offset)
            text = self._rest + record.read()
            self._offset = record.tell()
        complete, separator, self._rest = text.rpartition("\n")
        if separator:
            self._recording.add_lines(complete.split("\n"))

    def answering(self, vip: str, kinds: tuple[str, ...] = ASKED_KINDS) -> str | None:
        """Who answered probes of one of these kinds for the VIP last, if that was just now."""
        recording = self.recording()
        oldest_ns = now_ns() - _RECENT_NS
        number = self.vips.index(vip)
        for answer in reversed(recording.answers):
            if answer.received_ns < oldest_ns:
                return None
            if answer.vip == number and answer.kind in kinds:
                return answer.who
        return None

    def wait_until_answered(
        self,
        vip: str,
        *,
        by: str | None = None,
        not_by: str | None = None,
        kinds: tuple[str, ...] = ASKED_KINDS,
        timeout_s: float = 30.0,
    ) -> str:
        """Who answers for the VIP, as soon as it is `by`, or anybody but `not_by`. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        while True:
            who = self.answering(vip, kinds)
            if who is not None and who != not_by and by in (None, who):
                return who
            if time.monotonic() > deadline:
                wanted = by or (f"anybody but {not_by}" if not_by else "anybody")
                raise TimeoutError(f"{vip}: waited {timeout_s:g} s for {wanted}, now answered by {who}")
            time.sleep(_POLL_S)

    def wait_until_silent(self, vip: str, *, timeout_s: float = 30.0) -> None:
        """Until nobody has answered for the VIP for a moment. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        while (who := self.answering(vip)) is not None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{vip}: after {timeout_s:g} s still answered by {who}")
            time.sleep(_POLL_S)


def now_ns() -> int:
    """The observer's clock."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@contextlib.contextmanager
def run_observer(
    network: Network,
    vips: tuple[str, ...],
    directory: Path,
    *,
    interval_ms: float = 4.0,
    kinds: tuple[str, ...] = ("arp", "udp", "client"),
    vips_per_round: int = 16,
    by_cable: bool = False,
) -> Iterator[Observer]:
    """Observe until the block ends; the echo service runs as long.

    A round of probes goes out every `interval_ms`; with more than `vips_per_round` VIPs each round asks for
    the next ones. `by_cable`: tell nodes by the port of the switch where they answer, for VIPs on a MAC that
    several nodes share.
    """
    directory.mkdir(parents=True, exist_ok=True)
    record, order_file = directory / "observer.record", directory / "observer.json"
    order = ObserverOrder(
        observer_namespace=network.observer.namespace.name,
        client_namespace=network.client.namespace.name,
        interface=LAN_INTERFACE,
        own_mac=network.observer.mac,
        own_ipv4=network.observer.ipv4,
        own_ipv6=network.observer.ipv6,
        vips=vips,
        nodes=tuple(ObservedNode(host.name, host.mac, host.lan_port) for host in network.hosts),
        interval_ms=interval_ms,
        record=str(record),
        kinds=kinds,
        vips_per_round=vips_per_round,
        switch_namespace=network.switch.name if by_cable else "",
    )
    order_file.write_bytes(msgspec.json.encode(order))
    echo = _module_process(
        "echo service",
        "vipkeeper.lab.echo_service",
        tuple(f"{host.name}={host.namespace.name}" for host in network.hosts),
        directory / "echo.log",
    )
    observer = _module_process(
        "observer", "vipkeeper.lab.observer_process", (str(order_file),), directory / "observer.log"
    )
    try:
        echo.start()
        _wait_until_ready(echo)
        observer.start()
        _wait_until_ready(observer)
        yield Observer(vips, observer, record)
    finally:
        with uninterrupted():
            observer.stop()
            echo.stop()


def _module_process(name: str, module: str, arguments: tuple[str, ...], log: Path) -> LabProcess:
    log.unlink(missing_ok=True)
    return LabProcess(name, (sys.executable, "-m", module, *arguments), log=log)


def _wait_until_ready(process: LabProcess) -> None:
    deadline = time.monotonic() + _START_S
    while "ready" not in process.log.read_text():
        process.require_running()
        if time.monotonic() > deadline:
            raise UnexpectedProcessState(f"{process.name} is not ready after {_START_S:g} s")
        time.sleep(_POLL_S)
