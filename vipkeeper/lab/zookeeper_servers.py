"""Real ZooKeeper servers, one or several, each in its own namespace on the store network.

Rules of this file: the lab asks a server with its four-letter words over a plain socket, so that what is
tested and what tests it share no client.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from vipkeeper.lab.network import Station
from vipkeeper.lab.processes import LabProcess
from vipkeeper.model.errors import StoreUnreachable

CLIENT_PORT = 2181
QUORUM_PORT = 2888
ELECTION_PORT = 3888
SERVER_JAR = "/usr/share/java/zookeeper.jar"
_POLL_S = 0.05

# A follower that hears nothing from its leader goes on serving for tickTime times syncLimit.
QUICK_TICK_MS = 500
USUAL_TICK_MS = 2000  # of ZooKeeper's own sample

_SETTINGS = """\
tickTime={tick_ms}
initLimit=20
syncLimit=5
dataDir={home}/data
clientPortAddress={server}
clientPort={port}
admin.enableServer=false
4lw.commands.whitelist=srvr,conf
"""

# A small heap, and no compiler that works for minutes: such a server lives for minutes only. Debian's first
# jar names the others that it needs, but not one for its log, and not all for TLS. They come with it.
JAVA = (
    *("java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    *("-cp", f"{SERVER_JAR}:/usr/share/java/slf4j-simple.jar:/usr/share/java/netty-codec.jar"),
)
MAIN_CLASS = "org.apache.zookeeper.server.quorum.QuorumPeerMain"


class ZookeeperMember:
    """One server. It keeps its data over kill and start."""

    def __init__(self, name: str, server: Station, process: LabProcess) -> None:
        self.name = name
        self.server = server
        self.process = process
        self.endpoint = f"{server.ipv4}:{CLIENT_PORT}"

    def mode(self, timeout_s: float = 0.5) -> str:
        """`leader`, `follower`, `standalone`; nothing when it does not serve."""
        if not self.process.is_running():
            return ""
        try:
            with self.server.namespace.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
                connection.settimeout(timeout_s)
                connection.connect((self.server.ipv4, CLIENT_PORT))
                connection.sendall(b"srvr")
                said = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
        except OSError:
            return ""
        modes = [line.partition(": ")[2] for line in said.splitlines() if line.startswith("Mode: ")]
        return modes[0] if modes else ""

    def is_leader(self) -> bool:
        """By its own word; False too when it does not answer."""
        return self.mode() in {"leader", "standalone"}


class ZookeeperEnsemble:
    """All servers."""

    backend = "zookeeper"

    def __init__(self, members: tuple[ZookeeperMember, ...]) -> None:
        self.members = members
        self.endpoints = tuple(member.endpoint for member in members)

    def leader(self, timeout_s: float = 60.0) -> ZookeeperMember:
        """The server that says it leads. Raises StoreUnreachable when there is none for so long."""
        deadline = time.monotonic() + timeout_s
        while True:
            for member in self.members:
                if member.is_leader():
                    return member
            if time.monotonic() > deadline:
                ends = "\n".join(f"{member.name}: {member.process.log_end(3)}" for member in self.members)
                raise StoreUnreachable(f"no ZooKeeper server leads after {timeout_s:g} s\n{ends}")
            time.sleep(_POLL_S)

    def followers_first(self) -> tuple[str, ...]:
        """The endpoints, that of the present leader last."""
        ordered = sorted(self.members, key=ZookeeperMember.is_leader)
        return tuple(member.endpoint for member in ordered)

    def wait_until_all_serve(self, timeout_s: float = 60.0) -> None:
        """Raises StoreUnreachable when one of them does not for so long."""
        deadline = time.monotonic() + timeout_s
        while silent := [member for member in self.members if not member.mode()]:
            if time.monotonic() > deadline:
                ends = "\n".join(f"{member.name}: {member.process.log_end(3)}" for member in silent)
                raise StoreUnreachable(f"no service after {timeout_s:g} s\n{ends}")
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """End every server."""
        for member in self.members:
            member.process.stop()


@contextlib.contextmanager
def run_zookeeper(
    servers: tuple[Station, ...], directory: Path, *, tick_ms: int = QUICK_TICK_MS
) -> Iterator[ZookeeperEnsemble]:
    """An ensemble whose servers all serve; stopped when the block ends."""
    ensemble = ZookeeperEnsemble(
        tuple(_prepared(number, servers, directory, tick_ms=tick_ms) for number in range(1, len(servers) + 1))
    )
    try:
        for member in ensemble.members:
            member.process.start()
        ensemble.wait_until_all_serve()
        yield ensemble
    finally:
        ensemble.stop()


def _prepared(number: int, servers: tuple[Station, ...], directory: Path, *, tick_ms: int) -> ZookeeperMember:
    name, server = f"zookeeper{number}", servers[number - 1]
    home = directory / name
    (home / "data").mkdir(parents=True)
    (home / "data" / "myid").write_text(f"{number}\n")
    settings = _SETTINGS.format(tick_ms=tick_ms, home=home, server=server.ipv4, port=CLIENT_PORT)
    if len(servers) > 1:
        settings += "".join(
            f"server.{other}={station.ipv4}:{QUORUM_PORT}:{ELECTION_PORT}\n"
            for other, station in enumerate(servers, 1)
        )
    configuration = home / "zoo.cfg"
    configuration.write_text(settings)
    process = LabProcess(
        name,
        (*JAVA, MAIN_CLASS, str(configuration)),
        log=directory / f"{name}.log",
        namespace=server.namespace,
    )
    return ZookeeperMember(name, server, process)
