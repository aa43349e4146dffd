"""A whole agent on a kernel without IPVS: one sentence, and everything else goes on."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.uml.machine import IPVS_TABLE
from vipkeeper.lab.namespaces import make_namespace, new_lab_name
from vipkeeper.lab.processes import LabProcess

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(IPVS_TABLE.exists(), reason="needs a kernel without IPVS, and this one has it"),
]

PATIENCE_S = 30.0
SERVER = """
[virtual_server.web]
address = "10.9.2.80"
port = 80
protocol = "tcp"
[virtual_server.web.real_server.one]
address = "10.9.2.1"
[virtual_server.web.real_server.one.tcp_check.port]
delay_loop = 0.1
[virtual_server.web.real_server.one.file_check.switch]
track_file = "switch"
[track_file.switch]
file = "SWITCH"
init_file = 3
overwrite = true
"""
VIP = """
[vip.web]
interface = "eth0"
addresses = ["10.9.2.80"]
priority = 255
[vip.web.vrrp]
vrid = 51
"""


@pytest.mark.parametrize("vip", [VIP, ""], ids=["with a VIP", "alone"])
def test_it_is_one_sentence(tmp_path: Path, vip: str) -> None:
    config, run_dir = tmp_path / "agent.toml", tmp_path / "run"
    switch = tmp_path / "switch"
    config.write_text(f'backend = "vrrp"\n{vip}{SERVER.replace("SWITCH", str(switch))}')
    with make_namespace(new_lab_name(), "director") as host:
        host.configure(
            "link add eth0 type veth peer name far0",
            "address add 10.9.2.1/24 dev eth0",
            "link set far0 up",
            "link set eth0 up",
        )
        words = ("agent", "--config", str(config), "--run-dir", str(run_dir))
        command = (sys.executable, "-m", "vipkeeper", *words)
        agent = LabProcess("agent", command, log=tmp_path / "log", namespace=host)
        agent.start()
        try:
            deadline = time.monotonic() + PATIENCE_S
            while "ipvs-missing" not in (said := agent.log.read_text()) or (vip and "master" not in said):
                agent.require_running()
                assert time.monotonic() < deadline, said
                time.sleep(0.1)
            there = host.run("ip", "-4", "-brief", "address", "show", "dev", "eth0")
            assert ("10.9.2.80" in there) == bool(vip)
            shown = host.run(sys.executable, "-m", "vipkeeper", "ls", "--run-dir", str(run_dir), *words[1:3])
            assert ("10.9.2.80" in shown) == bool(vip)
            assert switch.read_text() == "3\n"
            switch.write_text("7\n")
            os.kill(agent.pid, signal.SIGHUP)
            while " reload " not in agent.log.read_text():
                assert time.monotonic() < deadline, agent.log.read_text()
                time.sleep(0.1)
            assert switch.read_text() == "7\n", "what an operator wrote since outlives a reload"
        finally:
            agent.stop(PATIENCE_S)
    said = agent.log.read_text()
    assert said.count("this kernel has no IPVS") == 1
    assert "state=DOWN" not in said, "nobody has to be asked where nothing can be programmed"
    assert "info exit reason=stopping" in said
