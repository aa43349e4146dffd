"""What a real keepalived makes of a file, by its own dump of its data.

Rules of this file: it writes to fixed paths in /tmp and /run, so each run has a mount namespace of its own in
which they are other directories. It is killed before anybody could become master.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from vipkeeper.lab.namespaces import Namespace, make_namespace, new_lab_name
from vipkeeper.lab.processes import LabProcess
from vipkeeper.lab.run_command import run_command

PATIENCE_S = 30.0


class Dump(msgspec.Struct, frozen=True):
    """By instance: keepalived's data, and the lines of what it tracks."""

    data: dict[str, dict[str, Any]]
    tracked: dict[str, dict[str, str]]  # `Tracked scripts` and so on: `check weight -5 reverse`
    said: str  # its log


@contextmanager
def a_host() -> Iterator[Namespace]:
    """One host with eth0 and eth1, whose other ends nobody listens to."""
    with make_namespace(new_lab_name(), "dump") as host:
        for number in (0, 1):
            host.configure(
                f"link add eth{number} type veth peer name far{number}",
                f"link set eth{number} up",
                f"link set far{number} up",
                f"addr add 10.0.0.{number + 11}/24 dev eth{number}",
            )
        yield host


def dump_of(text: str, host: Namespace, directory: Path) -> Dump:
    """Runs keepalived with this file for as long as its dump takes."""
    directory.mkdir()
    (directory / "keepalived.conf").write_text(text)
    process = LabProcess(
        "keepalived",
        (
            *("unshare", "--mount", "sh", "-c"),
            f"mount --bind {directory} /tmp && mount -t tmpfs tmpfs /run && exec keepalived --dont-fork "
            "--log-console --vrrp --use-file /tmp/keepalived.conf",
        ),
        log=directory / "log",
        namespace=host,
    )
    process.start()
    try:
        _wait_for(process, directory / "log", "Startup complete")
        os.kill(process.pid, int(run_command("keepalived", "--signum=JSON")))
        data = json.loads(_wait_for(process, directory / "keepalived.json", "}]"))
        process.send(signal.SIGUSR1)
        text = _wait_for(process, directory / "keepalived.data", "------< Interfaces >------")
    finally:
        process.send(signal.SIGTERM)
        process.wait(PATIENCE_S)
    instances = {each["data"]["iname"]: each["data"] for each in data}
    return Dump(instances, _tracked(text), (directory / "log").read_text())


def _wait_for(process: LabProcess, file: Path, end: str) -> str:
    until = time.monotonic() + PATIENCE_S
    while True:
        text = file.read_text() if file.exists() else ""
        if text.rstrip("\0\n").endswith(end) or f"{end}\n" in text:
            return text
        process.require_running()
        assert time.monotonic() < until, f"{file.name} did not come: {process.log_end()}"
        time.sleep(0.02)


def _tracked(text: str) -> dict[str, dict[str, str]]:
    """The text dump names what each instance tracks; the other one does not."""
    found: dict[str, dict[str, str]] = {}
    instance, listing = "", ""
    for line in text.partition("------< VRRP Sockpool")[0].splitlines():
        begin = re.fullmatch(r" VRRP Instance = (.+)", line)
        if begin:
            instance, listing = begin.group(1), ""
            found[instance] = {}
        elif re.fullmatch(r"   Tracked \w+ :", line):
            listing = line.split()[1]
        elif line.startswith("     ") and listing:
            name, _, said = line.strip().partition(" ")
            found[instance][f"{listing} {name.rstrip(',')}"] = said.lstrip(", ")
        elif not line.startswith("     "):
            listing = ""
    return found
