"""`vipkeeper server drain|undrain NAME`: takes a real server out of service without cutting a connection.

Rules of this file: the director remembers what is drained, so a command that is interrupted, or that gives up
waiting, has changed nothing about it; what is printed says so.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from vipkeeper.cli.director_view import (
    WITHIN_S,
    NoDirector,
    add_director_options,
    ask_director,
    director_path,
    report_of_director,
)
from vipkeeper.cli.vip_table import printable
from vipkeeper.model.director_messages import Ask, DirectorReport, RealServerReport
from vipkeeper.model.errors import ConfigError, VipkeeperError

_LOOK_EVERY_S = 0.5
# A director that is started again answers within a second or two; its agent may be restarting as well.
_BACK_WITHIN_S = 30.0
_STILL_CONNECTED = 1


def fill(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    parser.description = "Take a real server out of service, and put it back."
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    drain = actions.add_parser(
        "drain",
        help="give it no new connections, and wait until it has none",
        description=(
            "Give a real server no new connections (weight 0) in every virtual server that has\n"
            "it, and wait until those that it has are over. It stays so over reload and restart\n"
            "until `vipkeeper server undrain`, and until a reboot.\n\n"
            "Ends with 0 when it has no connections, and with 1 when the time is over and it has\n"
            "some; it stays drained then, and after Ctrl-C. Clients that IPVS sends back to the\n"
            "same server (persistence) count until their time is over."
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    drain.add_argument(
        "--timeout", metavar="SECONDS", type=_seconds, help="wait no longer (default: as long as it takes)"
    )
    drain.add_argument("--no-wait", action="store_true", help="do not wait")
    drain.set_defaults(run=_drain)
    undrain = actions.add_parser(
        "undrain",
        help="give it connections again, if it is well",
        description="Give a drained real server connections again, if its checks are well.",
        allow_abbrev=False,
    )
    undrain.set_defaults(run=_undrain)
    for action in (drain, undrain):
        action.add_argument(
            "server", metavar="NAME", help="a real server, or VIRTUAL/NAME for it in one virtual server alone"
        )
        add_director_options(action)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no time; write for example 300")
    return seconds


def _drain(arguments: argparse.Namespace) -> int:
    """Raises ConfigError, NoDirector, MissingPrivilege, or VipkeeperError when somebody else ended it."""
    path = director_path(arguments)
    servers = _told_to(path, "drain", arguments.server)
    if arguments.no_wait:
        for server in servers:
            print(f"{printable(server)} gets no new connections; `vipkeeper ipvs` shows those that it has")
        return 0
    waiting = _Waiting(path, servers, arguments.timeout)
    try:
        return waiting.wait()
    except KeyboardInterrupt:
        print(f"\n{_stays(servers)}", file=sys.stderr)
        raise


def _undrain(arguments: argparse.Namespace) -> int:
    """Raises ConfigError, NoDirector or MissingPrivilege."""
    path = director_path(arguments)
    servers = _told_to(path, "undrain", arguments.server)
    there = _found(report_of_director(path), servers)
    for server in servers:
        real = there.get(server)
        if real is not None and real.state == "up":
            print(f"{printable(server)} gets connections again, with weight {real.weight}")
        else:
            why = printable(real.reason) if real is not None and real.reason else "see `vipkeeper ipvs`"
            print(f"{printable(server)} is not drained any more, and gets no connections yet: {why}")
    return 0


def _told_to(path: Path, ask: str, server: str) -> tuple[str, ...]:
    answer = ask_director(path, Ask(ask, server))
    if answer.error is not None:
        raise ConfigError((answer.error,))
    return answer.servers


def _found(report: DirectorReport, servers: Sequence[str]) -> dict[str, RealServerReport]:
    """Those that there are, by VIRTUAL/REAL."""
    all_of_them = {
        f"{virtual.name}/{real.name}": real
        for virtual in report.virtual_servers
        for real in virtual.real_servers
    }
    return {server: all_of_them[server] for server in servers if server in all_of_them}


def _stays(servers: Sequence[str]) -> str:
    names = ", ".join(printable(server) for server in servers)
    which, them = ("stay", "them") if len(servers) > 1 else ("stays", "it")
    return f"{names} {which} drained; `vipkeeper server undrain` gives {them} connections again"


class _Connections(msgspec.Struct, frozen=True):
    """Of one real server, as the kernel counts them."""

    active: int
    inactive: int
    persistent: int

    def __str__(self) -> str:
        total = self.active + self.inactive
        said = f"{total} connection{'' if total == 1 else 's'} ({self.active} active)"
        return said + (f", {self.persistent} clients that come back" if self.persistent else "")


class _Waiting:
    """Looks on until those servers have no connections."""

    def __init__(self, path: Path, servers: Sequence[str], timeout_s: float | None) -> None:
        self._path = path
        self._servers = servers
        self._timeout_s = timeout_s
        self._shown: dict[str, str] = {}

    def wait(self) -> int:
        """The exit code."""
        began_s = answered_s = time.monotonic()
        while True:
            try:
                left = self._look(self._patience_s(began_s))
                answered_s = time.monotonic()
            except NoDirector:
                if time.monotonic() - answered_s > _BACK_WITHIN_S:
                    raise
                left = list(self._servers)  # nothing is known, so nothing is over
            if not left:
                return 0
            if self._timeout_s is not None and time.monotonic() - began_s >= self._timeout_s:
                print(
                    f"vipkeeper: {', '.join(map(printable, left))}: not empty after {self._timeout_s:g} s",
                    file=sys.stderr,
                )
                print(_stays(left), file=sys.stderr)
                return _STILL_CONNECTED
            time.sleep(_LOOK_EVERY_S)

    def _patience_s(self, began_s: float) -> float:
        """For one look: somebody who waits for so long waits no longer because a director is busy."""
        if self._timeout_s is None:
            return WITHIN_S
        return min(WITHIN_S, max(_LOOK_EVERY_S, began_s + self._timeout_s - time.monotonic()))

    def _look(self, within_s: float) -> list[str]:
        """Those that are not empty yet. Raises VipkeeperError when one is not drained any more."""
        there = _found(report_of_director(self._path, within_s=within_s), self._servers)
        left = []
        for server in self._servers:
            real = there.get(server)
            if real is None:
                self._show(server, "is not configured any more")
            elif real.state == "drained":
                self._show(server, "has no connections")
            elif real.state == "draining":
                left.append(server)
                self._show(
                    server, f"has {_Connections(real.active or 0, real.inactive or 0, real.persistent or 0)}"
                )
            else:
                raise VipkeeperError(
                    f"{printable(server)} is {real.state}: somebody took it back; see `vipkeeper ipvs`"
                )
        return left

    def _show(self, server: str, said: str) -> None:
        """What changed since it was shown."""
        if self._shown.get(server) != said:
            self._shown[server] = said
            print(f"{printable(server)} {said}", flush=True)
