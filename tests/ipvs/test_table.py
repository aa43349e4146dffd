"""The table that we write and read is the one that ipvsadm reads and writes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tests.ipvs.director import INTERFACE, Director
from tests.ipvs.entries import DNS, ENTRIES, NOT_EVERYWHERE, ONE, ONE6, WEB, Entry
from vipkeeper.changes.ipvs_changes import (
    AddDestinations,
    AddServers,
    EditDestinations,
    EditServices,
    RemoveDestinations,
    RemoveServers,
    SetTimeouts,
    StartDaemons,
    StopDaemons,
)
from vipkeeper.model.ipvs import (
    Destination,
    DestinationKey,
    Forwarding,
    MarkKey,
    Persistence,
    Service,
    ServiceKey,
    SyncDaemon,
    SyncRole,
    Timeouts,
    VirtualServer,
)

pytestmark = [pytest.mark.root, pytest.mark.ipvs]

each = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)


@dataclass(frozen=True, slots=True)
class Seen:
    """One table of all entries: as ipvsadm saves it, service by service, and as we read it."""

    saved: dict[str, list[str]]
    read: Mapping[ServiceKey, VirtualServer]


def seen(director: Director) -> Seen:
    saved: dict[str, list[str]] = {}
    for line in director.saved():
        saved.setdefault(service_words(line), []).append(line)
    return Seen(saved, director.ipvs.read().servers)


def service_words(line: str) -> str:
    """What names the service in a line of ipvsadm's."""
    return " ".join(re.sub(r" -6", "", line).split()[1:3])


@pytest.fixture(scope="module")
def written_by_us(one_director: Director) -> Seen:
    one_director.empty()
    assert one_director.ipvs.apply(AddServers({entry.key: entry.server for entry in ENTRIES})) == ()
    return seen(one_director)


@pytest.fixture(scope="module")
def written_by_ipvsadm(one_director: Director) -> Seen:
    one_director.empty()
    one_director.restore(*(line for entry in ENTRIES for line in entry.lines))
    return seen(one_director)


@each
def test_what_we_write_is_what_ipvsadm_shows(written_by_us: Seen, entry: Entry) -> None:
    # ipvsadm leaves thresholds out of what it saves.
    expected = [line.partition(" -x ")[0] for line in entry.lines]
    assert written_by_us.saved[service_words(entry.lines[0])] == expected


@each
def test_what_we_write_is_what_we_read(written_by_us: Seen, entry: Entry) -> None:
    assert written_by_us.read[entry.key] == entry.server


@each
def test_what_ipvsadm_writes_is_what_we_read(written_by_ipvsadm: Seen, entry: Entry) -> None:
    assert written_by_ipvsadm.read[entry.key] == entry.server


def test_thresholds_are_what_ipvsadm_shows(director: Director) -> None:
    director.ipvs.apply(AddServers({WEB: VirtualServer(Service(), {ONE: Destination(upper=200, lower=100)})}))
    assert "10.1.0.1:80 200 100" in " ".join(director.ipvsadm("-Ln", "--thresholds").split())


def test_everything_of_an_entry_can_be_changed_in_place(director: Director) -> None:
    director.restore(
        "-A -t 10.0.0.1:80 -s sh -b sh-port -p 300 -M 255.255.255.0",
        "-a -t 10.0.0.1:80 -r 10.1.0.1:80 -i -w 5 --tun-type gue --tun-port 6080 --tun-csum -x 9 -y 5",
    )
    plain, way = Service("wrr"), Destination(Forwarding.DR, 1)
    assert director.ipvs.apply(EditServices({WEB: plain})) == ()
    assert director.ipvs.apply(EditDestinations({WEB: {ONE: way}})) == ()
    assert director.saved() == ["-A -t 10.0.0.1:80 -s wrr", "-a -t 10.0.0.1:80 -r 10.1.0.1:80 -g -w 1"]
    assert director.ipvs.read().servers == {WEB: VirtualServer(plain, {ONE: way})}


def test_destinations_and_servers_come_and_go(director: Director) -> None:
    two = DestinationKey("10.1.0.2", 80)
    director.ipvs.apply(AddServers({WEB: VirtualServer(Service()), DNS: VirtualServer(Service())}))
    assert director.ipvs.apply(AddDestinations({WEB: {ONE: Destination(), two: Destination()}})) == ()
    assert director.ipvs.apply(RemoveDestinations({WEB: (ONE,)})) == ()
    assert director.ipvs.apply(RemoveServers((DNS,))) == ()
    assert director.saved() == ["-A -t 10.0.0.1:80 -s wlc", "-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 1"]


def test_what_is_gone_is_no_refusal(director: Director) -> None:
    assert director.ipvs.apply(RemoveServers((WEB,))) == ()
    assert director.ipvs.apply(RemoveDestinations({WEB: (ONE,)})) == ()
    director.ipvs.apply(AddServers({WEB: VirtualServer(Service())}))
    assert director.ipvs.apply(RemoveDestinations({WEB: (ONE,)})) == ()
    assert director.ipvs.apply(StopDaemons(tuple(SyncRole))) == ()


def test_timeouts(director: Director) -> None:
    wanted = Timeouts(tcp_s=600, tcp_fin_s=60, udp_s=120)
    assert director.ipvs.apply(SetTimeouts(wanted)) == ()
    assert "600 60 120" in director.ipvsadm("-Ln", "--timeout")
    director.ipvsadm("--set", "900", "120", "300")
    assert director.ipvs.read().timeouts == Timeouts(900, 120, 300)


def test_daemons(director: Director) -> None:
    master = SyncDaemon(INTERFACE, 5, 1400, "224.0.0.82", 8850, 3)
    backup = SyncDaemon(INTERFACE, 6, 1400, "ff02::82", 8851, 2)
    assert director.ipvs.apply(StartDaemons({SyncRole.MASTER: master, SyncRole.BACKUP: backup})) == ()
    shown = director.ipvsadm("-Ln", "--daemon")
    assert (
        f"master sync daemon (mcast={INTERFACE}, syncid=5, maxlen=1400, group=224.0.0.82, port=8850, ttl=3)"
        in shown
    )
    assert (
        f"backup sync daemon (mcast={INTERFACE}, syncid=6, maxlen=1400, group=ff02::82, port=8851, ttl=2)"
        in shown
    )
    assert director.ipvs.read().daemons == {SyncRole.MASTER: master, SyncRole.BACKUP: backup}
    assert director.ipvs.apply(StopDaemons((SyncRole.MASTER,))) == ()
    assert director.ipvs.read().daemons == {SyncRole.BACKUP: backup}


def test_a_daemon_with_what_the_kernel_chooses(director: Director) -> None:
    plain = SyncDaemon(INTERFACE)
    assert director.ipvs.apply(StartDaemons({SyncRole.MASTER: plain})) == ()
    running = director.ipvs.read().daemons[SyncRole.MASTER]
    assert (running.group, running.port) == ("224.0.0.81", 8848)
    assert plain.is_met_by(running)
    assert not SyncDaemon(INTERFACE, sync_id=1).is_met_by(running)
    assert not SyncDaemon(INTERFACE, port=1).is_met_by(running)


def test_the_table_can_be_emptied(director: Director) -> None:
    director.restore("-A -t 10.0.0.1:80 -s rr", "-A -f 1 -s rr")
    director.ipvs.flush()
    assert director.saved() == []


def test_the_kernel_says_which_ipvs_it_has(director: Director) -> None:
    info = director.ipvs.info()
    assert f"version {info.version} (size={info.connection_table_size})" in director.ipvsadm("-Ln")


def test_refusals_name_the_entry_and_what_to_do(director: Director) -> None:
    director.ipvs.apply(AddServers({WEB: VirtualServer(Service())}))
    unknown = VirtualServer(Service("nosuch"), {ONE: Destination()})
    odd = VirtualServer(Service("rr"), {ONE: Destination(upper=1, lower=3), ONE6: Destination()})
    refused = director.ipvs.apply(AddServers({WEB: VirtualServer(Service()), DNS: unknown, MarkKey(1): odd}))
    assert [sentence.partition(": ")[0] for sentence in refused] == [
        "tcp 10.0.0.1:80",
        "udp 10.0.0.1:53",
        "udp 10.0.0.1:53 -> 10.1.0.1:80",
        "fwmark 1 -> 10.1.0.1:80",
        "fwmark 1 -> [2001:db8:1::1]:80",
    ]
    assert "made the same virtual server" in refused[0]
    assert "does not have scheduler nosuch: modprobe ip_vs_nosuch" in refused[1]
    assert "the virtual server is not there" in refused[2]
    assert "the lower threshold may not be above" in refused[3]
    assert "reached by a tunnel" in refused[4]


def test_an_engine_that_is_missing_is_named(director: Director) -> None:
    engine = Service(persistence=Persistence(10, "255.255.255.255", "nosuch"))
    (refused,) = director.ipvs.apply(AddServers({WEB: VirtualServer(engine)}))
    assert "persistence engine nosuch" in refused


def test_a_scheduler_that_not_every_kernel_has(director: Director) -> None:
    """Accepted by a kernel that has it; said plainly by one that has not."""
    refused = director.ipvs.apply(AddServers({WEB: VirtualServer(Service(NOT_EVERYWHERE))}))
    if refused:
        assert refused == (
            "tcp 10.0.0.1:80: this kernel does not have scheduler twos: "
            "modprobe ip_vs_twos, or choose another",
        )
    else:
        assert director.saved() == ["-A -t 10.0.0.1:80 -s twos"]


def test_a_daemon_on_no_interface_is_refused(director: Director) -> None:
    (refused,) = director.ipvs.apply(StartDaemons({SyncRole.MASTER: SyncDaemon("nosuch0")}))
    assert refused == "sync daemon (master) on nosuch0: interface nosuch0 does not exist"
