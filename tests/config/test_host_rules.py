"""What a file names that a host has not."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.config.sources import config_of
from vipkeeper.config.host_facts import facts_of_this_host
from vipkeeper.config.rules import HostFacts, host_notices

VIP = """backend = "vrrp"
[vip.web]
addresses = ["192.0.2.10"]
interface = "lo"
[vip.web.vrrp]
vrid = 51
"""
# Nobody's: 192.0.2.0/24 is for documentation.
FOREIGN = "192.0.2.77"


def told(text: str) -> list[str]:
    config = config_of(text)
    return [f"{found.wrong}; {found.fix}" for found in host_notices(config, facts_of_this_host(config))]


def test_a_source_address_of_another_host_was_copied() -> None:
    (found,) = told(f'{VIP}source_address = "{FOREIGN}"')
    assert found.startswith(f"this host has no address {FOREIGN}: was the file copied from another node?")
    (found,) = told(f'{VIP}source_address = "{FOREIGN}"\nunicast_peers = ["{FOREIGN}"]')
    assert "it is among the peers: it is another node's; write the address of this node on lo" in found


def test_an_address_of_this_host_is_fine_but_no_peer() -> None:
    assert told(f'{VIP}source_address = "127.0.0.1"') == []
    (found,) = told(f'{VIP}source_address = "127.0.0.1"\nunicast_peers = ["192.0.2.9", "127.0.0.1"]')
    assert found == "127.0.0.1 is this node's own address; list the other nodes alone"


def test_without_vrrp_no_source_is_used() -> None:
    text = VIP.replace('backend = "vrrp"', 'backend = "etcd"')
    assert told(f'{text}source_address = "{FOREIGN}"') == []


def test_programs_that_cannot_be_run(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    plain.chmod(0o644)
    scripts = {
        "fine": "sh -c true",
        "missing": "/no/such/program a",
        "plain": f"{plain} a",
        "nowhere": "no-such-program-here",
    }
    tables = "".join(f'[track_script.{name}]\nscript = "{script}"\n' for name, script in scripts.items())
    assert told(VIP + tables) == [
        "/no/such/program is not there on this host; install it, or correct the path",
        f"{plain} is not executable on this host; install it, or correct the path",
        "no-such-program-here is not found in PATH on this host; write its whole path",
    ]


@pytest.mark.parametrize("facts", [HostFacts(frozenset({"lo"}), frozenset())])
def test_what_nobody_looked_for_is_not_missed(facts: HostFacts) -> None:
    config = config_of(f'{VIP}source_address = "{FOREIGN}"\n[track_script.x]\nscript = "/no/such"')
    assert host_notices(config, facts) == ()


def test_the_host_is_really_asked() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, pytest.raises(OSError, match="assign"):
        probe.bind((FOREIGN, 0))


def test_a_director_that_is_a_real_server_is_told_of_the_loop() -> None:
    text = f"""{VIP}[virtual_server.web]
address = "192.0.2.10"
port = 80
protocol = "tcp"
lvs_method = "DR"
real_server.here.address = "127.0.0.1"
real_server.there.address = "{FOREIGN}"
"""
    (found,) = told(text)
    assert found.startswith("127.0.0.1 is this host: two directors that are real servers of each other send")
    assert told(text.replace("lvs_method", 'present = "owner"\nlvs_method')) == []
    assert told(text.replace('"DR"', '"TUN"')) == [found]
    assert told(text.replace('"DR"', '"NAT"')) == []
