"""Debian's keepalived as a neighbour: its configuration from a description, its processes, what it leaves.

Rules of this file: it is known by its log, its processes and the addresses of its host. SIGKILL leaves its
VIPs and its virtual MAC in the kernel: that is what it does to its users, so `kill` leaves them too.
"""

from __future__ import annotations

import contextlib
import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from tests.peers.process_tree import kill_all, signal_all
from tests.peers.virtual_router import CannotBeTold, VirtualRouter, running
from vipkeeper.lab.namespaces import Namespace
from vipkeeper.lab.network import Host, Network
from vipkeeper.lab.processes import LabProcess
from vipkeeper.lab.run_command import CommandFailed

# After a planned stop it waits a second before it ends.
_EXIT_S = 15.0
_STATE = re.compile(r"Entering ([A-Z]+) STATE")


class Keepalived:
    """One keepalived on one host."""

    kind = "keepalived"

    def __init__(self, host: Host, described: VirtualRouter, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.host = host
        self.described = described
        config = directory / f"{host.name}.conf"
        config.write_text(keepalived_conf(host, described))
        arguments = (
            *("keepalived", "--dont-fork", "--log-console", "--vrrp"),
            *("--use-file", str(config)),
            *("--pid", str(directory / f"{host.name}.pid")),
            *("--vrrp_pid", str(directory / f"{host.name}.vrrp.pid")),
        )
        self.process = LabProcess(
            f"keepalived on {host.name}",
            arguments,
            log=directory / f"{host.name}.log",
            namespace=host.namespace,
        )
        self._log_before_bytes = 0

    def start(self) -> None:
        log = self.process.log
        self._log_before_bytes = log.stat().st_size if log.exists() else 0
        self.process.start()

    def stop(self) -> None:
        stop_planned(self.process)

    def kill(self) -> None:
        kill_all(self.process)

    def freeze(self) -> None:
        signal_all(self.process, signal.SIGSTOP)

    def thaw(self) -> None:
        signal_all(self.process, signal.SIGCONT)

    def is_running(self) -> bool:
        return self.process.is_running()

    def said(self) -> str:
        """Its log since its last start."""
        if not self.process.log.exists():
            return ""
        return self.process.log.read_bytes()[self._log_before_bytes :].decode(errors="replace")

    def state(self) -> str:
        """MASTER, BACKUP or FAULT, as it said last; nothing when it does not run or has not said."""
        states: list[str] = _STATE.findall(self.said())
        return states[-1] if states and self.is_running() else ""

    def is_master(self) -> bool:
        return self.state() == "MASTER"

    def holds(self, address: str) -> bool:
        return address in addresses_of(self.host.namespace)

    def log_end(self) -> str:
        return self.process.log_end()

    def clean_up(self) -> None:
        if self.is_running():
            self.thaw()
            self.kill()
        namespace, described = self.host.namespace, self.described
        _try(namespace, *(f"link del {name}.{described.vrid}" for name in ("vrrp", "vrrp6")))
        length = 32 if described.family == 4 else 128
        _try(
            namespace,
            *(f"addr del {address}/{length} dev {described.interface}" for address in described.addresses),
        )
        if described.vmac:
            # It has these set while it runs, and puts them back only when it is asked to end.
            for name in ("arp_ignore", "arp_filter"):
                namespace.run("sysctl", "--quiet", f"net.ipv4.conf.{described.interface}.{name}=0")


def stop_planned(process: LabProcess) -> None:
    """SIGTERM, as its service unit would."""
    process.send(signal.SIGTERM)
    process.wait(_EXIT_S)


def keepalived_conf(host: Host, described: VirtualRouter) -> str:
    """Its configuration. Raises CannotBeTold."""
    if described.auth != "none" and (described.version, described.family) != (2, 4):
        raise CannotBeTold("keepalived authenticates version 2 over IPv4 alone")
    lines = [
        "state BACKUP",
        f"interface {described.interface}",
        f"virtual_router_id {described.vrid}",
        f"version {described.version}",
        f"priority {described.priority}",
        f"advert_int {described.interval_s:g}",
    ]
    if not described.preempt:
        lines.append("nopreempt")
    if described.preempt_delay_s:
        lines.append(f"preempt_delay {described.preempt_delay_s:g}")
    if described.vmac:
        lines.append("use_vmac")
    if described.auth != "none":
        lines += _block("authentication", f"auth_type {described.auth.upper()}", f"auth_pass {described.key}")
    if described.unicast_peers:
        # Frames to one peer cannot come from a MAC that two hosts share.
        lines += ["vmac_xmit_base"] if described.vmac else []
        lines.append(f"unicast_src_ip {host.ipv4 if described.family == 4 else host.ipv6}")
        lines += _block("unicast_peer", *described.unicast_peers)
    length = 32 if described.family == 4 else 128
    lines += _block("virtual_ipaddress", *(f"{address}/{length}" for address in described.addresses))
    written = [*_block("global_defs", f"router_id {host.name}"), *_block("vrrp_instance web", *lines)]
    return "\n".join(written) + "\n"


def _block(name: str, *lines: str) -> list[str]:
    return [f"{name} {{", *(f"    {line}" for line in lines), "}"]


def addresses_of(namespace: Namespace) -> set[str]:
    """All addresses of a host."""
    listed = json.loads(namespace.run("ip", "-json", "address", "show"))
    return {
        address["local"] for link in listed for address in link.get("addr_info", ()) if "local" in address
    }


def _try(namespace: Namespace, *lines: str) -> None:
    """One at a time: what is not there need not go."""
    for line in lines:
        with contextlib.suppress(CommandFailed):
            namespace.configure(line)


@contextlib.contextmanager
def run_keepalived(
    network: Network, described: VirtualRouter, directory: Path
) -> Iterator[dict[str, Keepalived]]:
    """One keepalived a host, the first with the highest priority; all gone when the block ends."""
    routers = [
        Keepalived(host, replace(described, priority=described.priority - number), directory)
        for number, host in enumerate(network.hosts)
    ]
    with running(routers):
        yield {router.host.name: router for router in routers}
