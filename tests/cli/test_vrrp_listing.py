"""`vipkeeper ls --backend vrrp` and `vrrp stats`, through the command, against an agent's control socket."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.cli.commands import run
from tests.cli.router_reports import BACKUP, FAULT, MASTER, report_of
from tests.cli.served_agent import served_agent
from vipkeeper.cli.router_listing import HEADINGS

ALL = report_of(BACKUP, MASTER, FAULT)


def ls(run_dir: Path, *words: str) -> tuple[int, str, str]:
    done = run("ls", "--backend", "vrrp", "--cluster", "c1", "--run-dir", str(run_dir), *words)
    return done.returncode, done.stdout, done.stderr


def stats(run_dir: Path, *words: str) -> tuple[int, str, str]:
    done = run("vrrp", "stats", "--cluster", "c1", "--run-dir", str(run_dir), *words)
    return done.returncode, done.stdout, done.stderr


def test_the_table(tmp_path: Path) -> None:
    with served_agent(tmp_path, ALL):
        code, out, err = ls(tmp_path)
    assert (code, err) == (0, "")
    head, mail, web, odd = out.splitlines()
    assert tuple(head.split()) == HEADINGS
    assert "fe80::12 (200)" in mail
    assert "takes over in 3.61 s" in mail
    assert "WARNING: VRID 52 (IPv6, version 3) is used by fe80::66" in mail
    assert "n1 (192.0.2.11)" in web
    assert "answers for 0.55 s" in web
    assert "0.2 s" in web
    assert "master-silent: 192.0.2.12 with priority 100" in web
    assert "WARNING" not in web
    assert "interface-missing: eth1" in odd
    assert "\n" not in odd


def test_ls_as_json(tmp_path: Path) -> None:
    with served_agent(tmp_path, ALL):
        code, out, _ = ls(tmp_path, "-o", "json")
    assert code == 0
    mail, web, _ = json.loads(out)
    assert (web["vip"], web["owner"], web["node"], web["state"]) == ("web", "n1", "n1", "Master")
    assert (web["lease_remaining_ms"], web["warning"]) == (550, None)
    assert (mail["owner"], mail["master"], mail["master_priority"]) == ("fe80::12", "fe80::12", 200)
    assert (mail["takeover_in_ms"], mail["lease_remaining_ms"]) == (3609, None)
    assert "VRID 53 is free" in mail["warning"]


def test_statistics(tmp_path: Path) -> None:
    with served_agent(tmp_path, ALL):
        code, out, err = stats(tmp_path)
        _, as_json, _ = stats(tmp_path, "-o", "json")
    assert (code, err) == (0, "")
    web = next(line for line in out.splitlines() if line.startswith("web"))
    assert re.split(r" {2,}", web) == [
        *("web", "51", "Master", "4", "10", "3"),
        *("1 sent, 2 heard", "7 checksum, 1 ttl"),
    ]
    counted = {one["vip"]: one for one in json.loads(as_json)}
    assert counted["web"]["discarded"] == {"checksum": 7, "ttl": 1}
    assert (counted["web"]["sent_priority_0"], counted["web"]["received_priority_0"]) == (1, 2)
    assert counted["mail"]["received"] == 9


def test_without_an_agent(tmp_path: Path) -> None:
    for code, out, err in (ls(tmp_path), stats(tmp_path)):
        assert (code, out) == (69, "")
        assert "start it, or name its --run-dir" in err


def test_an_agent_without_vrrp(tmp_path: Path) -> None:
    with served_agent(tmp_path, report_of()):
        code, out, _ = stats(tmp_path)
    assert (code, out) == (0, "this agent speaks no VRRP\n")
