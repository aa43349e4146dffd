"""`vipkeeper sniff`: shows live what speaks VRRP, ARP and neighbour discovery for a VIP on an interface.

Rules of this file: it only listens; a frame is shown as soon as it is heard; however it ends, what was heard
is summarised.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import msgspec

from vipkeeper.cli.durations import seconds
from vipkeeper.cli.sniff_summary import Summariser, lines
from vipkeeper.cli.sniffed_frames import Reader, line
from vipkeeper.model.errors import ConfigError
from vrrp_compat.sockets.wire_tap import TappedFrame, WireTap


def fill(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = (
        "Show live what speaks VRRP, ARP and neighbour discovery for a VIP on an interface: one\n"
        "line a frame, and at the end who claims which VIP and what is in conflict. Sends\n"
        "nothing. Needs CAP_NET_RAW."
    )
    parser.add_argument("--interface", metavar="IF", required=True, help="where to listen")
    parser.add_argument(
        "--vip",
        metavar="ADDR",
        action="append",
        default=[],
        help="show what is about this address alone; may be repeated (default: all that are advertised)",
    )
    parser.add_argument("--count", metavar="N", type=_count, help="end after so many frames were shown")
    parser.add_argument("--duration", metavar="SECONDS", type=seconds, help="end after this time")
    parser.add_argument(
        "--auth-key",
        metavar="KEY",
        help="password or AH key to judge by, at most 8 bytes count; shows in the process list",
    )
    parser.add_argument(
        "-o", "--output", choices=("table", "json"), default="table", help="for a person or for a program"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Raises ConfigError, MissingPrivilege, KernelRefused."""
    key = None if arguments.auth_key is None else os.fsencode(arguments.auth_key)
    reader = Reader(_addresses(arguments.vip), key)
    as_json = arguments.output == "json"
    summariser = Summariser()
    shown = 0
    began_s = time.monotonic()
    tap = WireTap(arguments.interface, neighbours=True, own=True)
    try:
        if not as_json:
            print(f"listening on {arguments.interface}; end with Ctrl-C", file=sys.stderr, flush=True)
        with _ends_by_signal() as stop:
            for each in _frames(tap, stop, arguments.duration):
                heard = reader.read(each.frame, time=_time(each.at_ns), own=each.own)
                if heard is None:
                    continue
                summariser.add(heard, each.at_ns)
                print(msgspec.json.encode(heard.shown).decode() if as_json else line(heard.shown), flush=True)
                shown += 1
                if shown == arguments.count:
                    break
    finally:
        tap.close()
    summary = summariser.summary()
    if as_json:
        print(msgspec.json.encode(summary).decode())
    else:
        print("\n".join(lines(summary, time.monotonic() - began_s)))
    return 0


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: it has to be 1 or more")
    return number


def _frames(tap: WireTap, stop: int, duration_s: float | None) -> Iterator[TappedFrame]:
    """Until the time is over or `stop` can be read."""
    deadline_s = None if duration_s is None else time.monotonic() + duration_s
    poll = select.poll()
    poll.register(tap.fileno(), select.POLLIN)
    poll.register(stop, select.POLLIN)
    while True:
        left_s = None if deadline_s is None else deadline_s - time.monotonic()
        if left_s is not None and left_s <= 0:
            return
        ready = {number for number, _ in poll.poll(None if left_s is None else left_s * 1000)}
        if stop in ready:
            return
        yield from tap.frames()


@contextmanager
def _ends_by_signal() -> Iterator[int]:
    """A file descriptor that can be read after SIGINT or SIGTERM, so that the summary still comes."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    former_number = signal.set_wakeup_fd(writing)
    former = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield reading
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(former_number)
        os.close(reading)
        os.close(writing)


def _addresses(written: list[str]) -> list[str]:
    """In their usual form. Raises ConfigError with all mistakes."""
    found, mistakes = [], []
    for text in written:
        try:
            found.append(str(ipaddress.ip_address(text)))
        except ValueError:
            mistakes.append(f'--vip: "{text}" is not an address; write it without a prefix length')
    if mistakes:
        raise ConfigError(tuple(mistakes))
    return found


def _time(at_ns: int) -> str:
    """UTC, microseconds."""
    moment = datetime.fromtimestamp(at_ns // 10**9, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ns % 10**9 // 1000:06d}Z"
