"""The three examples of one VRRP group fit together, and each program accepts its own."""

from __future__ import annotations

import ipaddress
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
OURS = tomllib.loads((DEPLOY / "examples" / "vrrp.toml").read_text())
KEEPALIVED = (DEPLOY / "vrrp" / "keepalived.conf").read_text()
FRR = (DEPLOY / "vrrp" / "frr.conf").read_text()
MACVLANS = (DEPLOY / "vrrp" / "frr-macvlans").read_text()

needs_keepalived = pytest.mark.skipif(
    shutil.which("keepalived") is None, reason="needs keepalived (Debian package keepalived)"
)
needs_frr = pytest.mark.skipif(shutil.which("vtysh") is None, reason="needs vtysh (Debian package frr)")

# VRID, version, interval in milliseconds, and all addresses of it.
Group = tuple[int, int, int, frozenset[str]]


def our_groups() -> set[Group]:
    return {
        (
            vip["vrrp"]["vrid"],
            vip["vrrp"]["version"],
            round(vip["vrrp"]["advert_interval"] * 1000),
            frozenset(vip["addresses"]),
        )
        for vip in OURS["vip"].values()
    }


def keepalived_groups() -> set[Group]:
    (version,) = re.findall(r"vrrp_version (\d)", KEEPALIVED)
    return {
        (
            int(re.findall(r"virtual_router_id (\d+)", instance)[0]),
            int(version),
            round(float(re.findall(r"advert_int ([\d.]+)", instance)[0]) * 1000),
            frozenset(re.findall(r"^ +(\S+)/\d+$", instance, re.MULTILINE)),
        )
        for instance in KEEPALIVED.split("vrrp_instance ")[1:]
    }


def frr_groups() -> set[Group]:
    (vrid, version), *_ = re.findall(r"vrrp (\d+) version (\d)", FRR)
    (interval_ms,) = re.findall(r"advertisement-interval (\d+)", FRR)
    return {
        (
            int(vrid),
            int(version),
            int(interval_ms),
            frozenset(re.findall(rf"vrrp \d+ {word} (\S+)", FRR)),
        )
        for word in ("ip", "ipv6")
    }


def test_all_three_are_of_one_group() -> None:
    assert our_groups() == keepalived_groups() == frr_groups()
    assert len(our_groups()) == 2
    priorities = [OURS["priority"], *map(int, re.findall(r"priority (\d+)", KEEPALIVED + FRR))]
    assert len(set(priorities)) == 3


def test_the_interfaces_for_frr_have_the_macs_and_the_addresses() -> None:
    for vrid, _, _, addresses in our_groups():
        family = ipaddress.ip_address(min(addresses)).version
        mac = f"00:00:5e:00:0{1 if family == 4 else 2}:{vrid:02x}"
        assert f"name vrrp{family}-{vrid} address {mac} type macvlan mode bridge" in MACVLANS
        for address in addresses:
            assert re.search(rf"addr add {address}/\d+ dev vrrp{family}-{vrid}\b", MACVLANS)


def judged_by_keepalived(config: Path) -> tuple[int, str]:
    done = subprocess.run(
        ["keepalived", "--config-test", "--use-file", str(config)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@needs_keepalived
def test_keepalived_finds_no_fault() -> None:
    assert judged_by_keepalived(DEPLOY / "vrrp" / "keepalived.conf") == (0, "")


@needs_keepalived
def test_keepalived_would_notice_a_fault(tmp_path: Path) -> None:
    config = tmp_path / "keepalived.conf"
    config.write_text(KEEPALIVED.replace("advert_int", "advert_intt"))
    status, said = judged_by_keepalived(config)
    assert status != 0
    assert "advert_intt" in said


def judged_by_frr(config: Path) -> tuple[int, str]:
    done = subprocess.run(
        ["vtysh", "--dryrun", "--inputfile", str(config)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@needs_frr
def test_frr_finds_no_fault() -> None:
    assert judged_by_frr(DEPLOY / "vrrp" / "frr.conf")[0] == 0


@needs_frr
def test_frr_would_notice_a_fault(tmp_path: Path) -> None:
    config = tmp_path / "frr.conf"
    config.write_text(FRR.replace(" ipv6 ", " ipv7 "))
    status, said = judged_by_frr(config)
    assert status != 0
    assert "ipv7" in said
