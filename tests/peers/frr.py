"""FRR as a neighbour: its zebra and vrrpd, and the macvlans that its documentation asks the admin for.

Rules of this file: it is known by what vtysh shows. It speaks no authentication and no unicast. FRR never
takes a VIP away: a backup's macvlan keeps its addresses and has no carrier (protodown), so an address alone
says nothing, and the host has to answer ARP only on the link that has the address.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import time
from pathlib import Path
from typing import Any

from tests.peers.process_tree import kill_all, signal_all
from tests.peers.virtual_router import CannotBeTold, VirtualRouter
from vipkeeper.lab.network import Host
from vipkeeper.lab.processes import LabProcess, UnexpectedProcessState
from vipkeeper.lab.run_command import CommandFailed

DAEMONS = Path("/usr/lib/frr")
_START_S = 20.0
_EXIT_S = 10.0
_POLL_S = 0.02


class Frr:
    """zebra and vrrpd on one host."""

    kind = "frr"

    def __init__(self, host: Host, described: VirtualRouter, directory: Path) -> None:
        self.host = host
        self.described = described
        # vtysh's socket has the daemon's name, so each host has a directory of its own.
        self._home = directory / f"frr-{host.name}"
        self._home.mkdir(parents=True, exist_ok=True)
        (self._home / "zebra.conf").write_text("")
        (self._home / "vrrpd.conf").write_text(vrrpd_conf(described))
        (self._home / "vtysh.conf").write_text("")
        # They become this user, and root is not in the group that may ask them.
        shutil.chown(self._home, "frr", "frr")
        self._zebra, self._vrrpd = (self._daemon(name) for name in ("zebra", "vrrpd"))
        self._macvlan = f"vrrp{described.family}-{described.vrid}"

    def _daemon(self, name: str) -> LabProcess:
        arguments = (
            str(DAEMONS / name),
            *("--config_file", str(self._home / f"{name}.conf")),
            *("--pid_file", str(self._home / f"{name}.pid")),
            *("--socket", str(self._home / "zserv.api")),
            *("--vty_socket", str(self._home)),
            *("--vty_port", "0"),
            *("--log", "stdout", "--log-level", "debugging"),
        )
        return LabProcess(
            f"{name} on {self.host.name}",
            arguments,
            log=self._home / f"{name}.log",
            namespace=self.host.namespace,
        )

    def start(self) -> None:
        """Its daemons answer when this returns. Raises UnexpectedProcessState."""
        self._make_macvlan()
        self._start("zebra", self._zebra)
        self._start("vrrpd", self._vrrpd)

    def _make_macvlan(self) -> None:
        """As an admin does: the virtual MAC, and all addresses on it."""
        namespace, described = self.host.namespace, self.described
        with contextlib.suppress(CommandFailed):
            namespace.configure(f"link del {self._macvlan}")
        length = 32 if described.family == 4 else 128
        namespace.configure(
            f"link add link {described.interface} name {self._macvlan} address {described.mac} "
            "type macvlan mode bridge",
            # Two hosts with one MAC would make one link-local address of it.
            f"link set {self._macvlan} addrgenmode random",
            *(f"addr add {each}/{length} dev {self._macvlan}" for each in described.addresses),
            f"link set {self._macvlan} up",
        )
        self._answer_everywhere(False)

    def _answer_everywhere(self, allowed: bool) -> None:
        """Whether the host answers ARP for its macvlan's address on its other links (Linux's own default)."""
        name = f"net.ipv4.conf.{self.described.interface}.arp_ignore"
        self.host.namespace.run("sysctl", "--quiet", f"{name}={0 if allowed else 1}")

    def _start(self, name: str, process: LabProcess) -> None:
        # A former one's socket must not be taken for its own: vrrpd asks zebra again after 10 s only.
        socket = self._home / f"{name}.vty"
        socket.unlink(missing_ok=True)
        process.start()
        deadline = time.monotonic() + _START_S
        while not socket.exists():
            process.require_running()
            if time.monotonic() > deadline:
                raise UnexpectedProcessState(f"{process.name} does not serve after {_START_S:g} s")
            time.sleep(_POLL_S)

    def stop(self) -> None:
        for process in (self._vrrpd, self._zebra):
            process.send(signal.SIGTERM)
            process.wait(_EXIT_S)

    def kill(self) -> None:
        for process in (self._vrrpd, self._zebra):
            kill_all(process)

    def freeze(self) -> None:
        for process in (self._vrrpd, self._zebra):
            signal_all(process, signal.SIGSTOP)

    def thaw(self) -> None:
        for process in (self._zebra, self._vrrpd):
            signal_all(process, signal.SIGCONT)

    def is_running(self) -> bool:
        return self._vrrpd.is_running()

    def shown(self) -> dict[str, Any]:
        """Its virtual router of our address family, as vtysh shows it; empty when it does not answer."""
        if not self.is_running():
            return {}
        try:
            text = self.host.namespace.run(
                *("vtysh", "--vty_socket", str(self._home), "--config_dir", str(self._home)),
                *("-d", "vrrpd", "-c", "show vrrp json"),
            )
            (router,) = json.loads(text)
        except (CommandFailed, ValueError):
            return {}
        shown: dict[str, Any] = router[f"v{self.described.family}"]
        return shown

    def is_master(self) -> bool:
        return bool(self.shown().get("status") == "Master")

    def holds(self, address: str) -> bool:
        listed = json.loads(self.host.namespace.run("ip", "-json", "address", "show"))
        return any(
            link["ifname"] == self._macvlan
            and "LOWER_UP" in link["flags"]
            and address in {each.get("local") for each in link["addr_info"]}
            for link in listed
        )

    def log_end(self) -> str:
        return self._vrrpd.log_end()

    def clean_up(self) -> None:
        for process in (self._vrrpd, self._zebra):
            if process.is_running():
                signal_all(process, signal.SIGCONT)
                kill_all(process)
        with contextlib.suppress(CommandFailed):
            self.host.namespace.configure(f"link del {self._macvlan}")
        self._answer_everywhere(True)


def vrrpd_conf(described: VirtualRouter) -> str:
    """vrrpd's configuration. Raises CannotBeTold."""
    if described.auth != "none" or described.unicast_peers:
        raise CannotBeTold("FRR speaks VRRP without authentication and to the group alone")
    if described.preempt_delay_s:
        raise CannotBeTold("FRR preempts at once or never")
    word = "ip" if described.family == 4 else "ipv6"
    vrid = described.vrid
    lines = [
        f"interface {described.interface}",
        f" vrrp {vrid} version {described.version}",
        f" vrrp {vrid} priority {described.priority}",
        f" vrrp {vrid} advertisement-interval {described.interval_ms}",
        *(f" vrrp {vrid} {word} {address}" for address in described.addresses),
        f" {'' if described.preempt else 'no '}vrrp {vrid} preempt",
        "exit",
    ]
    return "\n".join(lines) + "\n"
