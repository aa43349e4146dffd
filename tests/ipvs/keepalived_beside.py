"""A keepalived that keeps virtual servers in a namespace, and the servers that it checks."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterable
from pathlib import Path

from tests.ipvs.director import INTERFACE, Director
from vipkeeper.lab.processes import LabProcess
from vipkeeper.model.balancing import (
    CheckPlan,
    MiscAsk,
    RealServerPlan,
    ServicePlan,
)
from vipkeeper.model.ipvs import AddressKey, ServiceKey, VirtualServer

# It runs without VRRP; an agent has to have a VIP.
_HEAD = """\
global_defs {{
    lvs_notify_fifo {fifo}
    script_user root
}}
vrrp_instance web {{
    interface {interface}
    virtual_router_id 51
    virtual_ipaddress {{
        10.9.1.80
    }}
}}
"""
_BACKLOG = 4096  # nobody accepts: each connection stays in it


class CheckedServers:
    """What the checks of all cases connect to, and the numbers that programs end with."""

    def __init__(self, director: Director) -> None:
        self._director = director
        self._listening: dict[tuple[str, int], socket.socket] = {}

    def turn(self, check: CheckPlan, to: bool | int) -> None:
        if isinstance(check.ask, MiscAsk):
            program = Path(check.ask.path)
            new = program.with_suffix(".new")
            new.write_text(f"#!/bin/sh\nexit {int(to)}\n")
            new.chmod(0o755)
            new.rename(program)
            return
        assert check.reach is not None
        at = (check.reach.address, check.reach.port)
        if to:
            self._listening[at] = self._director.namespace.call(lambda: _listen(at))
        else:
            self._listening.pop(at).close()

    def close(self) -> None:
        for listening in self._listening.values():
            listening.close()


def _listen(at: tuple[str, int]) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(at)
    made.listen(_BACKLOG)
    return made


class KeepalivedBeside:
    """Its checks alone, without VRRP."""

    def __init__(self, director: Director, directory: Path) -> None:
        self._director = director
        self.config = directory / "keepalived.conf"
        self._fifo = directory / "fifo"
        os.mkfifo(self._fifo)
        self._reader = os.open(self._fifo, os.O_RDWR | os.O_NONBLOCK)
        self._heard = ""
        self.process = LabProcess(
            "keepalived",
            (
                *("keepalived", "--dont-fork", "--log-console", "--log-detail", "--check"),
                *("--use-file", str(self.config)),
                *("--pid", str(directory / "pid"), "--checkers_pid", str(directory / "checkers.pid")),
            ),
            log=directory / "log",
            namespace=director.namespace,
        )

    def configure(self, plans: Iterable[ServicePlan]) -> None:
        head = _HEAD.format(fifo=self._fifo, interface=INTERFACE)
        self.config.write_text(head + "".join(_virtual_server(plan) for plan in plans))

    def start(self) -> None:
        self.process.start()

    def reload(self) -> None:
        os.kill(self.process.pid, signal.SIGHUP)

    def stop(self) -> None:
        self.process.stop()

    def close(self) -> None:
        if self.process.is_running():
            self.process.stop()
        os.close(self._reader)

    def table(self) -> dict[ServiceKey, VirtualServer]:
        return dict(self._director.ipvs.read().servers)

    def lines(self) -> list[str]:
        """All that its FIFO said so far."""
        while True:
            try:
                self._heard += os.read(self._reader, 65536).decode()
            except BlockingIOError:
                return self._heard.splitlines()

    def said(self) -> str:
        return self.process.log.read_text(errors="replace")

    def reloads(self) -> int:
        """How many it has finished."""
        return self.said().count("Reload complete")

    def turned(self, server: RealServerPlan) -> int:
        """How often it logged that a check of this server began to succeed or to fail."""
        name = re.escape(f"[{server.key.address}]:")
        words = "failed|success|succeeded|Changing weight|exited with status|timed out"
        return len(re.findall(rf"(?:{words}).*{name}|{name}.*(?:{words})", self.said()))


def _virtual_server(plan: ServicePlan) -> str:
    (key,) = plan.keys
    head = f"{key.address} {key.port}" if isinstance(key, AddressKey) else f"fwmark {key.mark}"
    kind = plan.real_servers[0].destination.forwarding.name
    words = [
        "delay_loop 0.3",
        "warmup 0.1",
        "delay_before_retry 0.1",
        "connect_timeout 5",
        f"lb_algo {plan.service.scheduler}",
        f"lb_kind {kind}",
        "protocol TCP",
        f"quorum {plan.quorum}",
        f"hysteresis {plan.hysteresis}",
    ]
    if plan.omega:
        words.append("omega")
    if plan.sorry is not None:
        words.append(f"sorry_server {plan.sorry.key.address} {plan.sorry.key.port}")
        if plan.sorry.inhibit:
            words.append("sorry_server_inhibit")
    body = "".join(f"    {word}\n" for word in words)
    return f"virtual_server {head} {{\n{body}{''.join(map(_real_server, plan.real_servers))}}}\n"


def _real_server(plan: RealServerPlan) -> str:
    lines = [f"        weight {plan.destination.weight}\n"]
    if plan.inhibit_on_failure:
        lines.append("        inhibit_on_failure\n")
    lines += [_check(check) for check in plan.checks]
    port = f" {plan.key.port}" if plan.key.port else ""
    return f"    real_server {plan.key.address}{port} {{\n{''.join(lines)}    }}\n"


def _check(check: CheckPlan) -> str:
    if isinstance(check.ask, MiscAsk):
        words = [f"misc_path {check.ask.path}", f"misc_timeout {check.ask.timeout_s:g}", "misc_dynamic"]
    else:
        assert check.reach is not None
        words = [f"connect_ip {check.reach.address}", f"connect_port {check.reach.port}"]
    if check.pacing.alpha:
        words.append("alpha")
    body = "".join(f"            {word}\n" for word in words)
    return f"        {check.kind.value.upper()} {{\n{body}        }}\n"
