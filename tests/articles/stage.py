"""Two nodes with a keepalived.conf each, watched; the same files once with VRRP and once with leases in etcd.

Rules of this file: the observer says who serves; what moves the VIPs is what an operator does: files,
programs, signals.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.articles.mail_box import MailBox, run_mail_box
from tests.peers.configured_vipkeeper import ConfiguredVipkeeper
from tests.peers.virtual_router import VirtualRouter
from vipkeeper.lab.interruption import uninterrupted
from vipkeeper.lab.lab import Lab, make_lab
from vipkeeper.lab.network import Host, vip_ipv4
from vipkeeper.lab.observer import Observer, now_ns, run_observer
from vipkeeper.lab.verdicts import double_answers, longest_outage

VIPS = (vip_ipv4(0), vip_ipv4(1))
BACKENDS = ("vrrp", "etcd")
KINDS = ("arp", "client")
# Long enough for a busy machine. Nothing here waits for its end: all moves are planned.
LEASE = ("--lease", "4", "--lease-max", "4")
PATIENCE_S = 30.0
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Node:
    """One node: its agent, its files, its mail."""

    host: Host
    agent: ConfiguredVipkeeper
    directory: Path
    mails: MailBox

    def ls(self, vip: str) -> dict[str, object]:
        """What `vipkeeper ls` says of one VIP here."""
        found = next(row for row in self.agent.ls() if row["vip"] == vip)
        assert isinstance(found, dict)
        return found


@contextlib.contextmanager
def running_nodes(
    lab: Lab,
    backend: str,
    texts: Sequence[str],
    *,
    prepare: Callable[[Node], None] = lambda _node: None,
) -> Iterator[list[Node]]:
    """One agent a host with these files, all started in order. `{home}` in a text is the node's folder.

    `prepare` puts there what the file names. Nothing of them is left when the block ends.
    """
    # Each article is a cluster of its own: nobody waits for the leases of the one before.
    name = f"article{now_ns()}"
    directory, flags = lab.directory / name, _flags(lab, backend, name)
    with contextlib.ExitStack() as stack:
        nodes = []
        for host, text in zip(lab.network.hosts, texts, strict=False):  # the rest has no agent
            home = directory / host.name
            home.mkdir(parents=True)
            agent = ConfiguredVipkeeper(
                host,
                VirtualRouter(VIPS),
                home,
                text.replace("{home}", str(home)),
                file_name="keepalived.conf",
                flags=flags,
                agent_flags=() if backend == "vrrp" else LEASE,
            )
            nodes.append(Node(host, agent, home, stack.enter_context(run_mail_box(host))))
            prepare(nodes[-1])
            stack.callback(agent.clean_up)
        lab.network.client.namespace.run("ip", "neigh", "flush", "dev", "eth0")
        try:
            for node in nodes:
                node.agent.start()
            yield nodes
        except BaseException:
            for node in nodes:
                print(f"--- {node.host.name}\n{node.agent.said()}")
            raise
        finally:
            with uninterrupted():
                stack.close()


def _flags(lab: Lab, backend: str, cluster: str) -> tuple[str, ...]:
    if backend == "vrrp":
        return ("--backend", "vrrp")
    endpoints = ",".join(lab.etcd.endpoints)
    return ("--backend", "etcd", "--endpoints", endpoints, "--cluster", cluster)


@dataclass(frozen=True, slots=True)
class Stage:
    """One lab, used by one article after another."""

    lab: Lab
    observer: Observer

    @contextlib.contextmanager
    def running(
        self,
        backend: str,
        texts: Sequence[str],
        *,
        prepare: Callable[[Node], None] = lambda _node: None,
    ) -> Iterator[list[Node]]:
        """Nodes under observation; see `running_nodes`."""
        self.forget()
        with running_nodes(self.lab, backend, texts, prepare=prepare) as nodes:
            yield nodes
        for vip in VIPS:
            self.observer.wait_until_silent(vip, timeout_s=PATIENCE_S)

    def forget(self) -> None:
        """What was observed up to now has been judged."""
        self.observer.forget_before(now_ns())

    def served_by(self, vip: str, node: Node) -> None:
        """Wait until a client is served by this node. Raises TimeoutError."""
        self.observer.wait_until_answered(vip, by=node.host.name, kinds=("client",), timeout_s=PATIENCE_S)

    def stays_with(self, vip: str, node: Node, for_s: float) -> None:
        """Nobody else answers for so long."""
        since_ns = now_ns()
        time.sleep(for_s)
        owners = self.observer.recording().owners_between(vip, since_ns, now_ns())
        assert owners == [node.host.name], owners

    def one_owner(self, backend: str, since_ns: int) -> None:
        """With a store no two nodes ever answered at once. VRRP's masters may, while one takes over."""
        found = double_answers(self.observer.recording())
        doubles = [proof for proof in found.proofs if proof.received_ns >= since_ns]
        assert backend == "vrrp" or not doubles, doubles[:3]

    def lost(self, vip: str, since_ns: int) -> int:
        """Probes of a client that nobody answered, in the longest outage since then."""
        time.sleep(0.4)  # probes on their way
        return longest_outage(self.observer.recording(), vip, from_ns=since_ns).lost


@contextlib.contextmanager
def make_stage() -> Iterator[Stage]:
    """A lab with two hosts and one etcd."""
    with (
        make_lab(hosts=2, etcd_members=1) as lab,
        run_observer(lab.network, VIPS, lab.directory, kinds=KINDS, by_cable=True) as observer,
    ):
        yield Stage(lab, observer)


def wait(true: Callable[[], bool], otherwise: str) -> None:
    """Until it is true. Raises AssertionError."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, otherwise
        time.sleep(_POLL_S)


def write_script(path: Path, text: str) -> Path:
    """A shell script that only root may change."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def replaced(text: str, changes: Mapping[str, str]) -> str:
    """The text with other words; each must be in it."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def lines_of(path: Path) -> list[str]:
    """What a script has written so far."""
    return path.read_text().splitlines() if path.exists() else []
