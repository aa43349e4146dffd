"""A real agent and its director keep a real table: over kills, restarts and reloads, beside others."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator

import pytest

from tests.ipvs import director
from tests.ipvs.flows import ECHO, ECHO_REAL, conversation, echo_some
from tests.ipvs.site import Site, make_site, until
from vipkeeper.lab.run_command import CommandFailed

pytestmark = [pytest.mark.root, pytest.mark.ipvs]

TABLES = """\
[ipvs.timeouts]
udp = 2900
[virtual_server.echo]
address = "10.9.1.1"
port = 7
protocol = "udp"
lvs_sched = "rr"
[virtual_server.echo.real_server.one]
address = "10.9.1.2"
[virtual_server.web]
address = "10.9.1.80"
port = 80
protocol = "tcp"
lvs_sched = "wrr"
[virtual_server.web.real_server.a]
address = "10.9.2.1"
weight = 3
[virtual_server.web.real_server.b]
address = "10.9.2.2"
"""
# What follows the VIP, and so is not a matter of the table alone when an agent is started again.
OWNED = """\
[ipvs.sync_daemon]
interface = "sync0"
vip = "web"
[virtual_server.owned]
fwmark = 5
present = "owner"
vip = "web"
[virtual_server.owned.real_server.a]
address = "10.9.2.1"
"""
OWNED_LINES = ["-A -f 5 -s wlc", "-a -f 5 -r 10.9.2.1:0 -m -w 1"]
OURS = [
    "-A -t 10.9.1.80:80 -s wrr",
    "-a -t 10.9.1.80:80 -r 10.9.2.1:80 -m -w 3",
    "-a -t 10.9.1.80:80 -r 10.9.2.2:80 -m -w 1",
    "-A -u 10.9.1.1:7 -s rr",
    "-a -u 10.9.1.1:7 -r 10.9.1.2:7 -m -w 1",
]
OTHERS = ["-A -f 99 -s wlc", "-a -f 99 -r 10.9.3.1:0 -m -w 1"]
EVERYTHING = sorted(OURS + OTHERS)


@pytest.fixture(scope="module")
def one_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with make_site(tmp_path_factory.mktemp("site"), TABLES) as made:
        made.director.restore(*OTHERS)
        yield made


@pytest.fixture
def site(one_site: Site) -> Site:
    """It runs, and its table is there. The tests of this file share it, for a start takes a while."""
    if not one_site.agent.is_running():
        one_site.start()
    until(lambda: sorted(one_site.director.saved()) == EVERYTHING)
    return one_site


def daemons(site: Site) -> str:
    return site.director.ipvsadm("-l", "--daemon")


def counted(site: Site) -> tuple[int, int, int]:
    """Packets of the virtual server; packets and connections of its real server. What is made anew forgets.

    That a connection is listed shows nothing: the kernel keeps those of a real server that was taken out.
    """
    counts = director.counted(site.director.ipvs)[ECHO]
    real = counts.destinations[ECHO_REAL]
    return counts.traffic.packets_in, real.traffic.packets_in, real.inactive


def count_some(site: Site) -> tuple[int, int, int]:
    """Something to count. The kernel adds up what its processors counted every two seconds."""
    before = counted(site)
    if min(before) == 0:
        echo_some(site.director, datagrams=3, length=10)
        until(lambda: counted(site)[1] == before[1] + 3)
    return counted(site)


def test_the_table_is_there_and_the_others_entries_are_left(site: Site) -> None:
    assert " 2900" in site.director.ipvsadm("-l", "--timeout")
    report = site.report()
    assert [server.state for server in report.virtual_servers] == ["up", "up"]
    assert report.sync is None
    assert report.refused == ()


def test_a_drain_waits_for_the_last_connection(site: Site) -> None:
    """Which is served meanwhile. No other test has left one yet that is remembered for longer."""

    def say(*words: str) -> str:
        place = ("--run-dir", str(site.run_dir))
        return site.director.namespace.run(sys.executable, "-m", "vipkeeper", *words, *place)

    with conversation(site.director) as echo:
        echo(10)
        with pytest.raises(CommandFailed, match=r"not empty after 0\.5 s"):
            say("server", "drain", "echo/one", "--timeout", "0.5")
        assert "-a -u 10.9.1.1:7 -r 10.9.1.2:7 -m -w 0" in site.director.saved()
        # A connection is remembered for as long as the time-out was at its last packet.
        site.reload(TABLES.replace("udp = 2900", "udp = 1"))
        until(lambda: " 1\n" in site.director.ipvsadm("-l", "--timeout"))
        echo(10)
    say("server", "drain", "echo/one")  # it returns when there is none
    assert "10.9.1.2:7" not in site.director.ipvsadm("-Lnc")
    assert "10.9.1.2" not in "".join(site.director.saved())
    assert "drained" in say("ipvs")
    assert site.ask("undrain", "one").servers == ("echo/one",)
    site.reload(TABLES)
    until(lambda: sorted(site.director.saved()) == EVERYTHING)


def test_a_killed_agent_leaves_table_and_connections_to_the_next(site: Site) -> None:
    known, before, killed = count_some(site), site.writes, site.director_pid
    site.agent.kill()
    site.start()
    assert site.director_pid != killed
    assert site.writes == before
    assert counted(site) == known
    assert sorted(site.director.saved()) == EVERYTHING


def test_a_restart_and_a_reload_without_a_change_write_nothing(site: Site) -> None:
    known, before = count_some(site), site.writes
    site.stop(signal.SIGUSR2)
    assert sorted(site.director.saved()) == EVERYTHING
    site.start()
    site.reload(TABLES)
    site.until_looked()
    assert site.writes == before
    assert counted(site) == known


def test_a_killed_director_is_back_and_writes_nothing(site: Site) -> None:
    known, before, killed = count_some(site), site.writes, site.director_pid
    site.kill_director()
    assert sorted(site.director.saved()) == EVERYTHING
    until(lambda: site.director_pid != killed and site.report().reconciled > 1)
    assert site.writes == before
    assert counted(site) == known
    assert site.agent.is_running()
    assert "it ended by signal 9" in site.log


def test_what_somebody_deletes_is_back(site: Site) -> None:
    site.director.ipvsadm("-D", "-t", "10.9.1.80:80")
    site.director.ipvsadm("-e", "-u", "10.9.1.1:7", "-r", "10.9.1.2:7", "-m", "-w", "0")
    until(lambda: sorted(site.director.saved()) == EVERYTHING)
    assert 'service="tcp 10.9.1.80:80" | somebody else removed it' in site.log
    assert 'service="udp 10.9.1.1:7" | somebody else changed it' in site.log


def test_a_reload_changes_what_differs(site: Site) -> None:
    known, before = count_some(site), site.writes
    site.reload(TABLES.replace("weight = 3", "weight = 5"))
    heavier = sorted(line.replace("-w 3", "-w 5") for line in EVERYTHING)
    until(lambda: sorted(site.director.saved()) == heavier)
    assert len(site.writes) == len(before) + 1, "else the tests above would not see a write"
    assert counted(site) == known
    site.reload("")
    until(lambda: site.director.saved() == OTHERS and "sync" not in daemons(site))
    site.reload(TABLES)
    until(lambda: sorted(site.director.saved()) == EVERYTHING)
    assert counted(site)[0] == 0, "made anew, it has forgotten: what is asserted above can fail"


def test_what_follows_the_vip_is_there_with_it_alone(site: Site) -> None:
    """Its interface goes down, so the node may not have it: a failover. The others' counters go on."""
    known = count_some(site)
    with_owned = sorted(EVERYTHING + OWNED_LINES)
    site.reload(TABLES + OWNED)
    until(lambda: sorted(site.director.saved()) == with_owned)
    assert "master sync daemon (mcast=sync0" in daemons(site)
    site.director.namespace.configure("link set sync0 down")
    until(lambda: sorted(site.director.saved()) == EVERYTHING)
    site.director.namespace.configure("link set sync0 up")
    until(lambda: sorted(site.director.saved()) == with_owned)
    until(lambda: "master sync daemon (mcast=sync0" in daemons(site))
    site.reload(TABLES)
    until(lambda: sorted(site.director.saved()) == EVERYTHING and "sync" not in daemons(site))
    assert counted(site) == known


def test_a_drained_server_stays_so_over_a_restart(site: Site) -> None:
    assert site.ask("drain", "a").servers == ("web/a",)
    without = [line for line in EVERYTHING if "10.9.2.1" not in line]
    until(lambda: sorted(site.director.saved()) == without)  # it has no connections
    site.stop(signal.SIGUSR2)
    site.start()
    assert sorted(site.director.saved()) == without
    assert site.ask("undrain", "web/a").servers == ("web/a",)
    until(lambda: sorted(site.director.saved()) == EVERYTHING)
    assert "there is no real server x" in (site.ask("drain", "x").error or "")


def test_what_a_killed_agent_left_is_taken_out_by_one_that_has_nothing_to_keep(site: Site) -> None:
    site.agent.kill()
    site.write("")
    assert sorted(site.director.saved()) == EVERYTHING
    site.agent.start()
    until(lambda: site.director.saved() == OTHERS)
    site.reload(TABLES)
    until(lambda: sorted(site.director.saved()) == EVERYTHING)


def test_a_stop_takes_out_what_is_ours(site: Site) -> None:
    site.stop()
    assert site.director.saved() == OTHERS
    assert "sync" not in daemons(site)
    assert not site.has_vip
    assert not (site.run_dir / "ipvs").exists()
