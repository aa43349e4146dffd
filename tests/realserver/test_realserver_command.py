"""`vipkeeper realserver` in a network of its own: the host takes packets for the VIP, and no ARP says so."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.kernel_segment.segment import until
from vipkeeper.lab.lab import Lan, make_lan
from vipkeeper.lab.network import LAN_INTERFACE, Host, vip_ipv4, vip_ipv6
from vipkeeper.lab.observer import Observer, now_ns, run_observer
from vipkeeper.model.errors import Refused

pytestmark = pytest.mark.root

VIP, OTHER, VIP6 = vip_ipv4(0), vip_ipv4(1), vip_ipv6(0)
SETTINGS = tuple(f"{scope}/{name}" for scope in ("all", "lo") for name in ("arp_ignore", "arp_announce"))
QUIET = {"all/arp_ignore": "1", "all/arp_announce": "2", "lo/arp_ignore": "1", "lo/arp_announce": "2"}
ROUNDS = 100


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    with make_lan(hosts=2) as made:
        yield made


@pytest.fixture
def server(lan: Lan) -> Iterator[Host]:
    """A host as it is by default; afterwards it is again."""
    host = lan.network.hosts[0]
    before = settings(host)
    yield host
    subprocess.run(command(lan, "down"), check=False, capture_output=True)
    host.namespace.run("ip", "address", "flush", "dev", "lo", "scope", "global")
    host.namespace.run("ip", "address", "replace", "::1/128", "dev", "lo")
    for name, value in before.items():
        write(host, name, value)


def command(lan: Lan, *words: str) -> tuple[str, ...]:
    program = (
        sys.executable,
        "-m",
        "vipkeeper",
        "realserver",
        *words,
        "--run-dir",
        str(lan.directory / "run"),
    )
    return lan.network.hosts[0].namespace.inside(*program)


def realserver(lan: Lan, *words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command(lan, *words), capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def settings(host: Host) -> dict[str, str]:
    text = host.namespace.run("sh", "-c", "; ".join(f"cat /proc/sys/net/ipv4/conf/{one}" for one in SETTINGS))
    return dict(zip(SETTINGS, text.split(), strict=True))


def write(host: Host, setting: str, value: str) -> None:
    host.namespace.run("sh", "-c", f"echo {value} > /proc/sys/net/ipv4/conf/{setting}")


def on_loopback(host: Host) -> dict[str, int]:
    """Addresses with the length of their prefix."""
    (shown,) = json.loads(host.namespace.run("ip", "-j", "address", "show", "dev", "lo"))
    found = {one["local"]: one["prefixlen"] for one in shown["addr_info"]}
    return {address: length for address, length in found.items() if address not in ("127.0.0.1", "::1")}


def answerers(observer: Observer, vip: str) -> dict[str, set[str]]:
    """Who answers from now on, by the kind of question, when each was asked a hundred times."""
    start_ns = now_ns()

    def asked() -> int:
        return sum(one.sent_ns > start_ns for one in observer.recording().rounds.values())

    until(lambda: asked() >= ROUNDS)
    recording = observer.recording()
    found: dict[str, set[str]] = {"arp": set(), "udp": set()}
    for answer in recording.answers_for(vip, ("arp", "udp")):
        if recording.rounds[answer.sequence].sent_ns > start_ns:
            found[answer.kind].add(answer.who)
    return found


@pytest.mark.parametrize("vip", [VIP, VIP6], ids=["ipv4", "ipv6"])
def test_it_takes_packets_for_the_vip_and_answers_no_arp(lan: Lan, server: Host, vip: str) -> None:
    with run_observer(lan.network, (vip,), lan.directory / "observer", kinds=("arp", "udp")) as observer:
        if vip == VIP:  # without the settings it would answer; Linux never does for IPv6
            server.namespace.run("ip", "address", "add", f"{vip}/32", "dev", "lo")
            observer.wait_until_answered(vip, by="node1", kinds=("arp",))
            server.namespace.run("ip", "address", "del", f"{vip}/32", "dev", "lo")
        assert realserver(lan, "up", "--vip", vip).returncode == 0
        observer.wait_until_answered(vip, by="node1", kinds=("udp",))
        assert answerers(observer, vip) == {"arp": set(), "udp": {"node1"}}
        assert realserver(lan, "down", "--vip", vip).returncode == 0
        observer.wait_until_silent(vip)


def test_up_and_down_are_the_reverse_of_each_other(lan: Lan, server: Host) -> None:
    write(server, "all/arp_announce", "1")
    before = settings(server)
    done = realserver(lan, "up", "--vip", VIP, "--vip", VIP6)
    assert done.stdout == f"{VIP} is up\n{VIP6} is up\n"
    assert on_loopback(server) == {VIP: 32, VIP6: 128}
    assert settings(server) == QUIET
    done = realserver(lan, "down")
    assert done.stdout == f"{VIP} is down\n{VIP6} is down\n"
    assert on_loopback(server) == {}
    assert settings(server) == before


def test_a_repeated_command_changes_nothing(lan: Lan, server: Host) -> None:
    before = settings(server)
    for words in (f"{VIP} is up\n", f"{VIP} is up already\n"):
        done = realserver(lan, "up", "--vip", VIP)
        assert (done.returncode, done.stdout) == (0, words)
        assert settings(server) == QUIET
    for words in (f"{VIP} is down\n", f"{VIP} is down already\n"):
        done = realserver(lan, "down", "--vip", VIP)
        assert (done.returncode, done.stdout) == (0, words)
        assert settings(server) == before


def test_settings_stay_until_the_last_vip_goes(lan: Lan, server: Host) -> None:
    before = settings(server)
    realserver(lan, "up", "--vip", VIP)
    realserver(lan, "up", "--vip", OTHER)
    realserver(lan, "down", "--vip", VIP)
    assert (on_loopback(server), settings(server)) == ({OTHER: 32}, QUIET)
    realserver(lan, "down", "--vip", OTHER)
    assert (on_loopback(server), settings(server)) == ({}, before)


def test_what_was_stricter_is_left(lan: Lan, server: Host) -> None:
    write(server, "all/arp_ignore", "2")
    realserver(lan, "up", "--vip", VIP)
    assert settings(server) == {**QUIET, "all/arp_ignore": "2"}
    assert realserver(lan, "status").returncode == 0


def test_what_somebody_changed_since_is_theirs(lan: Lan, server: Host) -> None:
    realserver(lan, "up", "--vip", VIP)
    write(server, "all/arp_ignore", "8")
    realserver(lan, "down")
    assert settings(server)["all/arp_ignore"] == "8"
    assert settings(server)["all/arp_announce"] == "0"


def test_what_others_put_there_is_refused(lan: Lan, server: Host) -> None:
    before = settings(server)
    server.namespace.run("ip", "address", "add", f"{VIP}/32", "dev", "lo")
    for action in ("up", "down"):
        done = realserver(lan, action, "--vip", VIP, "--vip", OTHER)
        assert done.returncode == Refused.exit_code
        assert "was not put there by this command" in done.stderr
        assert f"ip address del {VIP} dev lo" in done.stderr
    assert (on_loopback(server), settings(server)) == ({VIP: 32}, before)
    realserver(lan, "down")
    assert on_loopback(server) == {VIP: 32}


def test_status_says_what_is_missing(lan: Lan, server: Host) -> None:
    done = realserver(lan, "status", "--vip", VIP)
    assert (done.returncode, done.stdout) == (1, f"{VIP} is not up: it is not on lo\n")
    assert realserver(lan, "status").stdout == "no VIP is up\n"
    realserver(lan, "up", "--vip", VIP)
    done = realserver(lan, "status")
    assert (done.returncode, done.stdout) == (0, f"{VIP} is up\n")
    write(server, "all/arp_ignore", "0")
    done = realserver(lan, "status")
    assert done.returncode == 1
    assert "net/ipv4/conf/all/arp_ignore is 0 and has to be 1" in done.stdout
    assert realserver(lan, "up", "--vip", VIP).returncode == 0
    assert realserver(lan, "status").returncode == 0


def test_without_the_settings_there_is_no_address(lan: Lan, server: Host) -> None:
    """Whatever goes wrong, the host does not have the VIP before it is quiet."""
    script = 'mount --bind -o ro /proc/sys /proc/sys && exec "$@"'
    inside = ("unshare", "--mount", "sh", "-c", script, "sh")
    words = command(lan, "up", "--vip", VIP)
    at = words.index(sys.executable)
    done = subprocess.run((*words[:at], *inside, *words[at:]), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "net/ipv4/conf/all/arp_ignore has to be 1 and cannot be set" in done.stderr
    assert on_loopback(server) == {}
    assert realserver(lan, "status").stdout == "no VIP is up\n"


def test_a_loopback_that_is_down_is_refused(lan: Lan, server: Host) -> None:
    server.namespace.run("ip", "link", "set", "lo", "down")
    try:
        done = realserver(lan, "up", "--vip", VIP)
    finally:
        server.namespace.run("ip", "link", "set", "lo", "up")
    assert done.returncode == Refused.exit_code
    assert "ip link set lo up" in done.stderr


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("up",), "--vip: which address?"),
        (("up", "--vip", "web"), '"web" is not an address'),
        (("up", "--vip", "192.0.2.1/24"), "write 192.0.2.1"),
    ],
)
def test_mistakes(lan: Lan, words: tuple[str, ...], complaint: str) -> None:
    done = realserver(lan, *words)
    assert done.returncode == 2
    assert complaint in done.stderr


@pytest.mark.parametrize(("quiet", "believed"), [(False, "server"), (True, "director")])
def test_it_asks_for_nobody_in_the_vips_name(lan: Lan, server: Host, quiet: bool, believed: str) -> None:
    """To answer as the VIP it needs the client's MAC; its question must not say who has the VIP."""
    client, director = lan.network.client, lan.network.hosts[1]
    if quiet:
        realserver(lan, "up", "--vip", VIP)
    else:
        server.namespace.run("ip", "address", "add", f"{VIP}/32", "dev", "lo")
    client.namespace.configure(
        f"neigh replace {VIP} lladdr {director.mac} nud stale dev {LAN_INTERFACE}",
        f"neigh flush dev {LAN_INTERFACE} to {server.ipv4}/32",
    )
    server.namespace.configure(f"neigh flush dev {LAN_INTERFACE} to {client.ipv4}/32")
    with (
        closing(client.namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)) as listening,
        closing(server.namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)) as speaking,
    ):
        listening.bind((client.ipv4, 0))
        listening.settimeout(20)
        speaking.bind((VIP, 0))
        speaking.sendto(b"answer", listening.getsockname())
        assert listening.recv(64) == b"answer"
    shown = json.loads(client.namespace.run("ip", "-j", "neigh", "show", VIP, "dev", LAN_INTERFACE))
    expected = {"server": server.mac, "director": director.mac}[believed]
    assert [entry.get("lladdr") for entry in shown] == [expected]


def test_what_was_found_is_kept_below_the_run_directory(lan: Lan, server: Host) -> None:
    realserver(lan, "up", "--vip", VIP)
    kept = Path(lan.directory / "run" / "realserver-settings")
    assert '"before":"0"' in kept.read_text()
    realserver(lan, "down")
    assert not kept.exists()
    assert on_loopback(server) == {}
