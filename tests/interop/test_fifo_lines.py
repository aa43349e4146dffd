"""Lines of the FIFO, compared with those of a real keepalived that goes through the same story."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.interop.segment import Segment
from tests.interop.witness import Lines, Witness, agent_of, cut, vip, wait
from vipkeeper.lab.network import Host, vip_ipv4
from vipkeeper.lab.processes import LabProcess

pytestmark = [pytest.mark.root, pytest.mark.timeout(240)]

KEEPALIVED = """\
global_defs {{
    script_user root
    vrrp_notify_fifo {fifo}
    vrrp_notify_priority_changes yes
}}
track_file prio {{
    file {weight}
    weight 1
}}
vrrp_sync_group G {{
    group {{
        A
        B
    }}
}}
"""
INSTANCE = """\
vrrp_instance {name} {{
    interface eth0
    virtual_router_id {vrid}
    priority 100
    advert_int 0.2
    version 3
    virtual_ipaddress {{
        {address}/32
    }}
    {more}
}}
"""
GONE = ("D", "E")


def keepalived_conf(directory: Path, names: str, first: int) -> str:
    more = {"C": "track_file {\n prio\n }", "E": "notify_deleted /bin/true"}
    head = KEEPALIVED.format(fifo=directory / "k.fifo", weight=directory / "weight")
    return head + "".join(
        INSTANCE.format(
            name=name, vrid=first + number, address=vip_ipv4(first + number), more=more.get(name, "")
        )
        for number, name in enumerate(names)
    )


def own_toml(directory: Path, names: str, first: int) -> str:
    more = {
        "C": "[vip.C.track_file.prio]",
        "E": '[vip.E.notify]\ndeleted = { script = "/bin/true" }',
    }
    head = (
        f'[scripts]\nfifo = "{directory}/v.fifo"\npriority_changes = true\n'
        f'[track_file.prio]\nfile = "{directory}/weight"\nweight = 1\n[sync_group.G]\nvips = ["A", "B"]\n'
    )
    return head + "".join(
        vip(name, first + number, first + number, more.get(name, "")) for number, name in enumerate(names)
    )


class RealKeepalived:
    """One daemon in one host, by its signals alone."""

    def __init__(self, host: Host, directory: Path) -> None:
        self.config = directory / "keepalived.conf"
        pids = [f"{directory}/{name}.pid" for name in ("p", "r")]
        self.process = LabProcess(
            "keepalived",
            (
                *("keepalived", "--dont-fork", "--log-console", "--vrrp", "--use-file", str(self.config)),
                *("--pid", pids[0], "--vrrp_pid", pids[1]),
            ),
            log=directory / "keepalived.log",
            namespace=host.namespace,
        )


def of(name: str, lines: list[str]) -> list[str]:
    return [line for line in lines if f'"{name}"' in line]


def test_fifo_lines_are_those_of_a_real_keepalived(segment: Segment, witness: Witness) -> None:
    """The same story for both, each alone with its VRIDs; of each name the lines are equal, byte by byte."""
    directory = witness.directory
    (directory / "weight").write_text("0\n")
    files = [directory / "k.fifo", directory / "v.fifo"]
    for file in files:
        os.mkfifo(file, 0o600)
    keepalived_lines, own_lines = (Lines(file) for file in files)
    hosts = segment.network.hosts
    keepalived = RealKeepalived(hosts[1], directory)
    keepalived.config.write_text(keepalived_conf(directory, "ABCDE", 60))
    keepalived.process.start()

    def both_said(line: str, times: int) -> None:
        for lines in (keepalived_lines, own_lines):
            wait(
                lambda lines=lines: lines.now().count(line) == times,  # type: ignore[misc]
                f"{line} was not said {times} times: {lines.now()}",
            )

    try:
        with agent_of(segment, own_toml(directory, "ABCDE", 70)) as agent:
            for name in "ABCDE":
                both_said(f'INSTANCE "{name}" MASTER 100', 1)
            (directory / "weight").write_text("-5\n")
            both_said('INSTANCE "C" MASTER_PRIORITY 95', 1)
            for up in (False, True):
                for host in hosts[:2]:
                    cut(segment, host, up=up)
                both_said('INSTANCE "C" FAULT 95', 1)
                both_said('GROUP "G" FAULT 0', 1)
            both_said('GROUP "G" MASTER 0', 2)
            both_said('INSTANCE "C" MASTER 95', 1)
            for name in "DE":
                both_said(f'INSTANCE "{name}" MASTER 100', 2)
            keepalived.config.write_text(keepalived_conf(directory, "ABC", 60))
            keepalived.process.send(signal.SIGHUP)
            agent.reload(own_toml(directory, "ABC", 70))
            both_said('INSTANCE "D" FAULT 100', 2)
            both_said('INSTANCE "E" DELETED 100', 1)
            keepalived.process.send(signal.SIGTERM)
            agent.stop()
            both_said('GROUP "G" STOP 0', 1)
    finally:
        keepalived.process.stop()
    theirs, ours = keepalived_lines.now(), own_lines.now()
    # At a reload keepalived 2.2.7 works the priority out anew, and says so of a master as of a backup.
    theirs.remove('INSTANCE "C" BACKUP_PRIORITY 95')
    for name in "GABCDE":
        assert of(name, ours) == of(name, theirs)
