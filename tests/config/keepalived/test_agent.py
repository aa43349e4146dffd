"""A real agent that runs with a keepalived.conf: start, remarks, reload, refusal, restart."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.config.keepalived.dumping_keepalived import a_host
from tests.peers.keepalived import addresses_of
from vipkeeper.lab.namespaces import Namespace
from vipkeeper.lab.processes import LabProcess
from vipkeeper.lab.run_command import CommandFailed

pytestmark = pytest.mark.root

PATIENCE_S = 30.0
VIP, OTHER_VIP = "10.0.0.50", "10.0.0.51"
FILE = """\
global_defs {
    router_id lb1
}
vrrp_instance VI_1 {
    state MASTER
    nopreempt            # a contradiction
    interface eth0
    virtual_router_id 51
    priority 150
    virtual_ipaddress {
        10.0.0.50/24 dev eth0 label eth0:vip
    }
}
include more.conf
"""
MORE = """\
vrrp_instance VI_2 {
    interface eth0
    virtual_router_id 52
    priority 150
    virtual_ipaddress {
        10.0.0.51
    }
}
"""


class Agent:
    """One agent on one host."""

    def __init__(self, host: Namespace, directory: Path) -> None:
        self.host = host
        self.config, self.log = directory / "keepalived.conf", directory / "log"
        self.config.write_text(FILE)
        self.place = ("--config", str(self.config), "--run-dir", str(directory / "run"))
        command = (
            sys.executable,
            "-m",
            "vipkeeper",
            "agent",
            "--node",
            "a",
            "--backend",
            "vrrp",
            *self.place,
        )
        self.process = LabProcess("agent", command, log=self.log, namespace=host)

    def wait_for(self, what: str, true: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_S
        while not true():
            self.process.require_running()
            assert time.monotonic() < until, f"{what}\n{self.process.log_end()}"
            time.sleep(0.05)

    def wait_to_serve(self, *vips: str) -> None:
        self.wait_for(f"it serves {vips}", lambda: {*vips} <= addresses_of(self.host))

    def wait_to_say(self, text: str, times: int = 1) -> None:
        self.wait_for(
            f"it says {text}", lambda: self.log.exists() and self.log.read_text().count(text) >= times
        )

    def states(self) -> dict[str, str]:
        """As `ls` shows them; nothing while no agent answers."""
        try:
            listed = json.loads(
                self.host.run(sys.executable, "-m", "vipkeeper", "ls", *self.place, "-o", "json")
            )
        except CommandFailed:
            return {}
        return {each["vip"]: each["state"] for each in listed}


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with a_host() as host:
        made = Agent(host, tmp_path)
        made.process.start()
        try:
            yield made
        finally:
            if made.process.is_running():
                made.process.send(signal.SIGTERM)
                made.process.wait(PATIENCE_S)


def test_the_life_of_an_agent(agent: Agent) -> None:
    agent.wait_to_serve(VIP)
    assert "eth0:vip" in agent.host.run("ip", "address", "show", "dev", "eth0")
    agent.wait_to_say("nopreempt: it has no effect with state MASTER")
    assert agent.states() == {"VI_1": "Master"}

    # A file that is included counts from the next reload on.
    agent.config.with_name("more.conf").write_text(MORE)
    agent.process.send(signal.SIGHUP)
    agent.wait_to_serve(VIP, OTHER_VIP)
    agent.wait_to_say(" info reload ")

    agent.config.with_name("more.conf").write_text(f"{MORE}}}}}\n<<<<<<< ours\n")
    agent.process.send(signal.SIGHUP)
    agent.wait_to_say("reload-refused | nothing has changed")
    assert addresses_of(agent.host) >= {VIP, OTHER_VIP}

    # An agent that is restarted refuses the file too; without the fault it keeps both.
    agent.config.with_name("more.conf").write_text(MORE)
    agent.process.send(signal.SIGUSR2)
    agent.process.wait(PATIENCE_S)
    assert addresses_of(agent.host) >= {VIP, OTHER_VIP}
    agent.process.start()
    agent.wait_for("both", lambda: agent.states() == {"VI_1": "Master", "VI_2": "Master"})
