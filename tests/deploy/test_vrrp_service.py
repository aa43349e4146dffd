"""What the unit for systemd leaves to the agent is enough for VRRP, virtual MAC included."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.deploy.test_systemd_unit import UNIT, needs_systemd, settings
from vipkeeper.lab.lab import make_lan
from vipkeeper.lab.network import Host, vip_ipv4
from vipkeeper.lab.processes import LabProcess
from vipkeeper.lab.run_command import CommandFailed, run_command

PATIENCE_S = 30.0
TOML = f"""\
backend = "vrrp"
[vip.web]
addresses = ["{vip_ipv4(0)}"]
interface = "eth0"
[vip.web.vrrp]
vrid = 51
advert_interval = 0.2
virtual_mac = true
"""


def of_the_unit() -> list[str]:
    """As setpriv and capabilities(7) write them."""
    return [f"+{name.removeprefix('CAP_').lower()}" for name in settings()["CapabilityBoundingSet"].split()]


def agent(host: Host, directory: Path, capabilities: list[str]) -> LabProcess:
    """An agent of this user whose capabilities end with these, as after an exec by the unit."""
    (directory / "vrrp.toml").write_text(TOML)
    allowed = ",".join(("-all", *capabilities))
    words = (
        "setpriv",
        "--bounding-set",
        allowed,
        "--no-new-privs",
        sys.executable,
        "-m",
        "vipkeeper",
        "agent",
    )
    place = ("--config", str(directory / "vrrp.toml"), "--run-dir", str(directory / "run"))
    return LabProcess("agent", (*words, *place), log=directory / "log", namespace=host.namespace)


def state(directory: Path) -> str:
    place = ("--config", str(directory / "vrrp.toml"), "--run-dir", str(directory / "run"))
    try:
        listed = json.loads(run_command(sys.executable, "-m", "vipkeeper", "ls", "-o", "json", *place))
    except CommandFailed as error:
        return str(error)
    return str(listed[0]["state"])


@pytest.mark.root
def test_its_capabilities_are_enough(tmp_path: Path) -> None:
    with make_lan(hosts=1) as lan:
        (host,) = lan.network.hosts
        process = agent(host, tmp_path, of_the_unit())
        process.start()
        try:
            deadline_s = time.monotonic() + PATIENCE_S
            while (found := state(tmp_path)) != "Master":
                process.require_running()
                assert time.monotonic() < deadline_s, f"{found}\n{process.log_end()}"
            assert vip_ipv4(0) in host.namespace.run("ip", "address", "show", "dev", "vrrp.51")
        finally:
            process.stop()
        assert "vrrp.51" not in host.namespace.run("ip", "link")


@pytest.mark.root
@pytest.mark.parametrize("name", ["+net_raw", "+net_admin"])
def test_without_one_of_them_it_says_so(name: str, tmp_path: Path) -> None:
    with make_lan(hosts=1) as lan:
        left = [each for each in of_the_unit() if each != name]
        assert len(left) == 2
        process = agent(lan.network.hosts[0], tmp_path, left)
        process.start()
        assert process.wait(PATIENCE_S) == 77, process.log_end()
        assert f"CAP_{name[1:].upper()}" in process.log_end()


@needs_systemd
def test_systemd_takes_what_is_added_for_virtual_macs(tmp_path: Path) -> None:
    added = UNIT.with_name("virtual-mac.conf")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/vipkeeper/bin/vipkeeper", sys.executable))
    folder = tmp_path / f"{UNIT.name}.d"
    folder.mkdir()
    (folder / added.name).write_text(added.read_text())
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
