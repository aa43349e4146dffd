"""What programs, FIFOs and mail are told where VRRP decides; lines are compared with a real keepalived's.

Rules of this file: a program writes down what it found when it ran, and that is what is judged.
"""

from __future__ import annotations

import contextlib
import mailbox
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.interop.configured_agent import PATIENCE_S, ConfiguredAgent, configured_agent
from tests.interop.segment import VIP4, Segment
from vipkeeper.lab.network import Host, vip_ipv4
from vipkeeper.lab.observer import now_ns
from vipkeeper.lab.processes import LabProcess

pytestmark = [pytest.mark.root, pytest.mark.timeout(240)]

# Name, state, whom it runs as, what it was called with, and how many of its addresses it found in place.
WITNESS = """\
#!/bin/sh
there=$(ip -o address show dev eth0 | grep -c -F "$VIPKEEPER_ADDRESSES/")
echo "$VIPKEEPER_VIP$VIPKEEPER_GROUP $VIPKEEPER_STATE by $(id -un) args $* there $there" >> {dir}/witnessed
while [ -e {dir}/hold ]; do sleep 0.1; done
"""


def wait(true: Callable[[], bool], otherwise: str) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end_s, otherwise
        time.sleep(0.05)


class Witness:
    """A program, and what it wrote down."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / "witness"
        self.path.write_text(WITNESS.format(dir=directory))
        self.path.chmod(0o755)
        directory.chmod(0o777)

    def wrote(self) -> list[str]:
        file = self.directory / "witnessed"
        return file.read_text().splitlines() if file.exists() else []

    def states(self, name: str = "web") -> list[str]:
        return [line.split()[1] for line in self.wrote() if line.split()[0] == name]

    def wait_for(self, *states: str, name: str = "web") -> None:
        wait(lambda: self.states(name) == list(states), f"it was not told {states}: {self.wrote()}")

    def hold(self) -> None:
        (self.directory / "hold").touch()

    def go_on(self) -> None:
        (self.directory / "hold").unlink()


@pytest.fixture
def witness() -> Iterator[Witness]:
    """In a directory that everybody reaches."""
    directory = Path(f"/run/vipkeeper-witness-{os.getpid()}")
    directory.mkdir()
    yield Witness(directory)
    for file in directory.iterdir():
        file.unlink()
    directory.rmdir()


def vip(name: str, number: int, vrid: int, more: str = "", *, priority: int = 100) -> str:
    return (
        f'[vip.{name}]\naddresses = ["{vip_ipv4(number)}"]\ninterface = "eth0"\npriority = {priority}\n'
        f"[vip.{name}.vrrp]\nvrid = {vrid}\nadvert_interval = 0.2\n{more}\n"
    )


def notified(witness: Witness, name: str = "web", number: int = 0, *, user: str = "root") -> str:
    any_program = f'any = {{ script = "{witness.path} any", user = "{user}" }}'
    return vip(name, number, 51 + number, f"[vip.{name}.notify]\n{any_program}")


@contextlib.contextmanager
def agent_of(segment: Segment, text: str, host: int = 0) -> Iterator[ConfiguredAgent]:
    with configured_agent(segment.network.hosts[host], segment.directory, text) as agent:
        agent.start()
        yield agent


def cut(segment: Segment, host: Host, *, up: bool) -> None:
    segment.network.switch.configure(f"link set {host.lan_port} {'up' if up else 'down'}")


def test_it_is_told_what_the_kernel_has_and_by_the_right_user(segment: Segment, witness: Witness) -> None:
    with agent_of(segment, notified(witness, user="nobody")) as agent:
        witness.wait_for("BACKUP", "MASTER")
        agent.stop()
        witness.wait_for("BACKUP", "MASTER", "STOP")
    words = "by nobody args any INSTANCE web"
    assert witness.wrote() == [
        f"web BACKUP {words} BACKUP 100 there 0",
        f"web MASTER {words} MASTER 100 there 1",
        f"web STOP {words} STOP 100 there 0",
    ]


def test_the_order_under_flapping_is_that_of_the_changes(segment: Segment, witness: Witness) -> None:
    """Programs that take longer than the states last: every state is told, in turn, and the last one last."""
    with agent_of(segment, notified(witness)) as agent:
        witness.wait_for("BACKUP", "MASTER")
        witness.hold()
        for flap in range(1, 4):
            cut(segment, agent.host, up=False)
            agent.wait(lambda flap=flap: agent.log().count("fault vip=web") == flap, "no fault")  # type: ignore[misc]
            cut(segment, agent.host, up=True)
            agent.wait(lambda flap=flap: agent.log().count("master vip=web") == 1 + flap, "no master")  # type: ignore[misc]
        witness.go_on()
        witness.wait_for("BACKUP", "MASTER", *["FAULT", "BACKUP", "MASTER"] * 3)


def test_a_program_that_hangs_holds_up_no_failover_and_no_other_vip(
    segment: Segment, witness: Witness
) -> None:
    quiet = vip("web", 0, 51, priority=120)
    hanging = notified(witness) + notified(witness, "mail", 1)
    with agent_of(segment, quiet) as higher, agent_of(segment, hanging, host=1) as lower:
        higher.wait_for("master vip=web")
        lower.wait_for("master vip=mail")
        witness.wait_for("BACKUP")
        witness.hold()
        since_ns = now_ns()
        higher.stop()
        segment.observer.wait_until_answered(VIP4, by=lower.host.name, kinds=("client",))
        witness.wait_for("BACKUP", "MASTER")  # and there it hangs
        cut(segment, lower.host, up=False)
        lower.wait_for("fault vip=web")
        lower.wait_for("fault vip=mail")
        cut(segment, lower.host, up=True)
        segment.observer.wait_until_answered(VIP4, by=lower.host.name, kinds=("client",))
        assert witness.states() == ["BACKUP", "MASTER"], "all this time it hangs"
        outage = segment.outage(VIP4, since_ns)
        print(f"longest outage {outage.seconds:.3f} s, {outage.lost} probes")
        witness.go_on()
        witness.wait_for("BACKUP", "MASTER", "FAULT", "BACKUP", "MASTER")


def test_stop_is_told_within_its_limit_although_its_program_hangs(segment: Segment, witness: Witness) -> None:
    with agent_of(segment, notified(witness)) as agent:
        witness.wait_for("BACKUP", "MASTER")
        witness.hold()
        began_s = time.monotonic()
        agent.process.send(signal.SIGTERM)
        segment.observer.wait_until_silent(VIP4, timeout_s=PATIENCE_S)
        assert agent.process.wait(PATIENCE_S) == 0
        took_s = time.monotonic() - began_s
        assert witness.states()[-1] == "STOP"
        assert "took longer than 1 s" in agent.log()
        print(f"the agent ended {took_s:.2f} s after SIGTERM")
        witness.go_on()


def test_a_reload_keeps_what_runs_and_what_waits_and_tells_what_is_gone(
    segment: Segment, witness: Witness
) -> None:
    mail = notified(witness, "mail", 1)
    both = notified(witness) + mail + f'deleted = {{ script = "{witness.path} gone" }}\n'
    with agent_of(segment, both) as agent:
        for name in ("web", "mail"):
            witness.wait_for("BACKUP", "MASTER", name=name)
        agent.reload(both)
        witness.hold()
        cut(segment, agent.host, up=False)
        witness.wait_for("BACKUP", "MASTER", "FAULT")
        cut(segment, agent.host, up=True)
        agent.wait(lambda: agent.log().count("master vip=mail") == 2, "no master")
        agent.reload(notified(witness))
        witness.go_on()
        witness.wait_for("BACKUP", "MASTER", "FAULT", "BACKUP", "MASTER")
        told = ["BACKUP", "MASTER", "FAULT", "BACKUP", "MASTER", "DELETED", "DELETED"]
        witness.wait_for(*told, name="mail")
        first, second = witness.wrote()[-2:] if "mail" in witness.wrote()[-1] else witness.wrote()[-3:-1]
        assert "args gone there 0" in first
        assert "args any INSTANCE mail DELETED 100 there 0" in second


def test_a_restart_tells_programs_nothing_twice_and_the_fifo_all_of_it(
    segment: Segment, witness: Witness
) -> None:
    """Also after SIGKILL: what was told to the end is known; what was not is told again."""
    fifo = witness.directory / "fifo"
    text = f'[scripts]\nfifo = "{fifo}"\n{notified(witness)}'.replace(
        "advert_interval = 0.2", "advert_interval = 3"
    )
    with agent_of(segment, text) as agent:
        witness.wait_for("BACKUP", "MASTER")
        wait(lambda: "MASTER" in (agent.run_directory / "told-states").read_text(), "nothing is kept")
        lines = Lines(fifo)
        agent.process.send(signal.SIGUSR2)
        assert agent.process.wait(PATIENCE_S) == 0
        agent.start()
        agent.wait_for("reason=adopted")
        assert lines.until(3)[-1] == 'INSTANCE "web" MASTER 100'
        agent.kill()
        agent.start()
        agent.wait(lambda: agent.log().count("reason=adopted") == 2, "not adopted")
        assert lines.until(4)[-1] == 'INSTANCE "web" MASTER 100'
        assert witness.states() == ["BACKUP", "MASTER"]
        witness.hold()
        cut(segment, agent.host, up=False)
        witness.wait_for("BACKUP", "MASTER", "FAULT")
        agent.kill()
        witness.go_on()
        agent.start()
        witness.wait_for("BACKUP", "MASTER", "FAULT", "FAULT")
        cut(segment, agent.host, up=True)


class Lines:
    """What was written to a FIFO."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._read = b""

    def now(self) -> list[str]:
        with contextlib.suppress(BlockingIOError):
            self._read += os.read(self._file, 65536)
        return self._read.decode().splitlines()

    def until(self, count: int) -> list[str]:
        wait(lambda: len(self.now()) >= count, f"no {count} lines: {self.now()}")
        return self.now()


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


MAIL_PORT = 2525


@pytest.fixture
def maildir(segment: Segment, witness: Witness, tmp_path: Path) -> Iterator[Path]:
    """A mail server on the first host's loopback, and where it puts what it gets."""
    directory = tmp_path / "mail"
    server = LabProcess(
        "mail server",
        (
            *(sys.executable, "-m", "aiosmtpd", "--nosetuid", "--listen", f"127.0.0.1:{MAIL_PORT}"),
            *("--class", "aiosmtpd.handlers.Mailbox", str(directory)),
        ),
        log=tmp_path / "mail.log",
        namespace=segment.network.hosts[0].namespace,
    )
    segment.network.hosts[0].namespace.configure("link set lo up")
    server.start()
    yield directory
    server.stop()


def mailed(maildir: Path) -> list[str]:
    found = list(mailbox.Maildir(maildir)) if (maildir / "new").exists() else []
    return [mail["Subject"] for mail in sorted(found, key=lambda mail: mail["X-Time"] or mail["Date"])]


def test_each_change_is_mailed_once_and_the_end_too(segment: Segment, maildir: Path) -> None:
    head = (
        f'[mail]\nnotification_email = ["ops@example.com"]\nsmtp_server = "127.0.0.1:{MAIL_PORT}"\n'
        'router_id = "lb1"\nsmtp_alert = true\n'
    )
    subjects = [f"[lb1] VRRP Instance web - Entering {state} state" for state in ("BACKUP", "MASTER", "STOP")]
    text = head + vip("web", 0, 51) + vip("mail", 1, 52, "[vip.mail.notify]\nsmtp_alert = false")
    with agent_of(segment, text) as agent:
        wait(lambda: sorted(mailed(maildir)) == sorted(subjects[:2]), f"mailed: {mailed(maildir)}")
        agent.reload(text.replace("lb1", "lb2"))
        agent.reload(text)
        agent.stop()
        assert sorted(mailed(maildir)) == sorted(subjects)
        log = agent.log()
    assert [log.index(f"| {subject}") for subject in subjects] == sorted(
        log.index(f"| {subject}") for subject in subjects
    )
    assert "to=ops@example.com" in log
