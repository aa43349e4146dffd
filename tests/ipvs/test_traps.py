"""Mistakes that other libraries made with IPVS's netlink messages; each would be seen here.

The kernel takes most wrong messages without a word, so each is judged by what ipvsadm shows afterwards.
"""

from __future__ import annotations

import pytest

from tests.ipvs.director import INTERFACE, Director, counted
from tests.ipvs.flows import ECHO, ECHO_REAL, echo_some
from tests.kernel_segment.segment import until
from vipkeeper.changes.ipvs_changes import (
    AddServers,
    EditDestinations,
    EditServices,
    SetTimeouts,
    StartDaemons,
    StopDaemons,
)
from vipkeeper.model.ipvs import (
    AddressKey,
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
    Transport,
    Tunnel,
    TunnelKind,
    VirtualServer,
)

pytestmark = [pytest.mark.root, pytest.mark.ipvs]

WEB = AddressKey(Transport.TCP, "10.0.0.1", 80)
WEB6 = AddressKey(Transport.TCP, "2001:db8::1", 80)
ONE = DestinationKey("10.1.0.1", 80)


def test_a_change_is_not_sent_as_a_deletion(director: Director) -> None:
    director.restore("-A -t 10.0.0.1:80 -s rr", "-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1")
    assert director.ipvs.apply(EditServices({WEB: Service("wrr")})) == ()
    assert director.ipvs.apply(EditDestinations({WEB: {ONE: Destination(weight=4)}})) == ()
    assert director.saved() == ["-A -t 10.0.0.1:80 -s wrr", "-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 4"]


def test_a_reading_is_not_filled_in_with_defaults(director: Director) -> None:
    """NAT is number 0 and a drained server has weight 0: what is falsy is said by the kernel all the same."""
    director.restore(
        "-A -t 10.0.0.1:80 -s sed -p 77 -M 255.255.0.0", "-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 0"
    )
    assert director.ipvs.read().servers == {
        WEB: VirtualServer(
            Service("sed", persistence=Persistence(77, "255.255.0.0")),
            {ONE: Destination(Forwarding.NAT, 0)},
        )
    }


def test_the_netmask_of_ipv6_is_a_length(director: Director) -> None:
    """An IPv4 mask in its place is refused (EINVAL), persistent or not."""
    wanted = VirtualServer(Service(persistence=Persistence(60, "56")))
    plain = AddressKey(Transport.TCP, "2001:db8::2", 80)
    assert director.ipvs.apply(AddServers({WEB6: wanted, plain: VirtualServer(Service())})) == ()
    assert director.saved() == [
        "-A -t [2001:db8::1]:80 -s wlc -p 60 -M 56",
        "-A -t [2001:db8::2]:80 -s wlc",
    ]


def test_the_port_of_gue_is_not_swapped(director: Director) -> None:
    """6080 read in the other byte order is 49175."""
    way = Destination(Forwarding.TUN, tunnel=Tunnel(TunnelKind.GUE, 6080))
    assert director.ipvs.apply(AddServers({WEB: VirtualServer(Service(), {ONE: way})})) == ()
    assert director.saved()[1].endswith("--tun-type gue --tun-port 6080 --tun-nocsum")
    assert director.ipvs.read().servers[WEB].destinations == {ONE: way}


def test_a_firewall_mark_needs_no_persistence(director: Director) -> None:
    """The kernel wants a netmask of it as of any other, or refuses it for IPv6."""
    marks: dict[ServiceKey, VirtualServer] = {
        MarkKey(1): VirtualServer(Service()),
        MarkKey(1, 6): VirtualServer(Service()),
    }
    assert director.ipvs.apply(AddServers(marks)) == ()
    assert director.saved() == ["-A -f 1 -s wlc", "-A -f 1 -6 -s wlc"]


def test_no_command_is_missing(director: Director) -> None:
    """Timeouts, daemons, information, flush; zeroing is below."""
    assert director.ipvs.apply(SetTimeouts(Timeouts(800, 110, 290))) == ()
    assert director.ipvs.apply(StartDaemons({SyncRole.BACKUP: SyncDaemon(INTERFACE)})) == ()
    assert "800 110 290" in director.ipvsadm("-Ln", "--timeout")
    assert "backup sync daemon" in director.ipvsadm("-Ln", "--daemon")
    assert director.ipvs.info().connection_table_size > 0
    director.restore("-A -t 10.0.0.1:80 -s rr")
    director.ipvs.flush()
    assert director.saved() == []


def test_counters_are_those_of_ipvsadm_and_can_be_zeroed(director: Director) -> None:
    director.ipvs.apply(AddServers({ECHO: VirtualServer(Service("rr"), {ECHO_REAL: Destination()})}))
    echo_some(director, datagrams=5, length=100)
    # The kernel adds up what its processors counted every two seconds.
    until(lambda: counted(director.ipvs)[ECHO].traffic.packets_in == 5)
    counts = counted(director.ipvs)[ECHO]
    traffic, destination = counts.traffic, counts.destinations[ECHO_REAL]
    in_bytes = 5 * (100 + 28)  # IP and UDP headers
    assert (traffic.connections, traffic.bytes_in) == (1, in_bytes)
    assert destination.traffic == traffic
    assert (destination.active, destination.inactive, destination.persistent) == (0, 1, 0)
    shown = director.ipvsadm("-Ln", "--stats", "--exact").splitlines()[-1].split()
    assert shown[2:] == [
        str(traffic.connections),
        str(traffic.packets_in),
        str(traffic.packets_out),
        str(traffic.bytes_in),
        str(traffic.bytes_out),
    ]
    director.ipvs.zero(ECHO)
    assert counted(director.ipvs)[ECHO].traffic.packets_in == 0
    echo_some(director, datagrams=1, length=1)
    until(lambda: counted(director.ipvs)[ECHO].traffic.packets_in == 1)
    director.ipvs.zero()
    assert counted(director.ipvs)[ECHO].traffic.packets_in == 0


@pytest.mark.parametrize("role", SyncRole)
def test_a_daemon_that_never_ran_is_stopped_all_the_same(director: Director, role: SyncRole) -> None:
    """Its thread then ends with EINTR, to which netlink sends no answer: who waits for one waits for ever."""
    for _ in range(5):  # whether it ran in between is up to the scheduler
        assert director.ipvs.apply(StartDaemons({role: SyncDaemon(INTERFACE)})) == ()
        assert director.ipvs.apply(StopDaemons((role,))) == ()
    assert director.ipvs.read().daemons == {}
