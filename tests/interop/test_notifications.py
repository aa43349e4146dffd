"""What programs, FIFOs and mail are told where VRRP decides; lines are compared with a real keepalived's.

Rules of this file: a program writes down what it found when it ran, and that is what is judged.
"""

from __future__ import annotations

import mailbox
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.configured_agent import PATIENCE_S
from tests.interop.segment import VIP4, Segment
from tests.interop.witness import Lines, Witness, agent_of, cut, notified, vip, wait
from vipkeeper.lab.observer import now_ns
from vipkeeper.lab.processes import LabProcess

pytestmark = [pytest.mark.root, pytest.mark.timeout(240)]


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
        time.sleep(0.4)  # probes on their way
        outage = segment.outage(VIP4, since_ns)
        print(f"longest outage {outage.seconds:.3f} s, {outage.lost} probes")
        cut(segment, lower.host, up=False)
        lower.wait_for("fault vip=web")
        lower.wait_for("fault vip=mail")
        cut(segment, lower.host, up=True)
        segment.observer.wait_until_answered(VIP4, by=lower.host.name, kinds=("client",))
        assert witness.states() == ["BACKUP", "MASTER"], "all this time it hangs"
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
        first, second = [line for line in witness.wrote() if line.startswith("mail DELETED ")]
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


def test_startup_and_shutdown_programs_are_not_run_for_a_restart(segment: Segment, witness: Witness) -> None:
    program = witness.directory / "once"
    program.write_text(
        f"#!/bin/sh\necho $1 there $(ip -o address show dev eth0 | grep -c {VIP4}/) >> {program}.ran\n"
    )
    program.chmod(0o755)
    startup, shutdown = (f'{word} = {{ script = "{program} {word}" }}' for word in ("startup", "shutdown"))
    text = f'[scripts]\nuser = "root"\n{startup}\n{shutdown}\n{vip("web", 0, 51)}'
    with agent_of(segment, text) as agent:
        segment.observer.wait_until_answered(VIP4, by=agent.host.name)
        agent.process.send(signal.SIGUSR2)
        assert agent.process.wait(PATIENCE_S) == 0
        agent.start()
        agent.kill()
        agent.start()
        agent.wait_for("master vip=web")
        ran = Path(f"{program}.ran")
        assert ran.read_text().splitlines() == ["startup there 0"]
        agent.stop()
        assert ran.read_text().splitlines() == ["startup there 0", "shutdown there 0"]
        agent.start()
        agent.wait(lambda: ran.read_text().count("startup") == 2, "it does not begin anew")
