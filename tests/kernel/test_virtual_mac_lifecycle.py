"""How a virtual MAC interface comes, stays and goes, and what it leaves of the kernel's settings: nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.kernel.virtual_mac_segment import MAC4, MAC6, VIRTUAL4, VIRTUAL6, VRID, RouterHost, router_hosts
from tests.kernel_segment.segment import until
from tests.vrrp_sockets.segment_benches import INTERFACE, RawBench, make_raw_bench
from vipkeeper.kernel.virtual_mac import Presence, VirtualMac, VirtualMacs

pytestmark = pytest.mark.root

BASE_SETTINGS = tuple(
    f"ipv4/conf/{place}/{setting}"
    for place in ("all", "default", "lo", INTERFACE)
    for setting in ("rp_filter", "arp_filter", "arp_ignore", "arp_announce")
)


@pytest.fixture
def bench() -> Iterator[RawBench]:
    with make_raw_bench() as made:
        yield made


@pytest.fixture
def router(bench: RawBench, tmp_path: Path) -> Iterator[RouterHost]:
    with router_hosts(bench, tmp_path, "a") as (made,):
        yield made


def settings_of(router: RouterHost) -> dict[str, str]:
    return {setting: router.setting(setting) for setting in BASE_SETTINGS}


def presences(router: RouterHost, *wanted: VirtualMac) -> list[Presence]:
    return [found.presence for found in router.ensure(*wanted).values()]


def refusal(router: RouterHost, wanted: VirtualMac) -> str:
    found = router.ensure(wanted)[wanted]
    assert found.presence is Presence.MISSING
    return found.note


def start_anew(router: RouterHost) -> None:
    """Another process of the same agent."""
    router.inside(lambda: router.macs.close(keep=True))
    router.macs = router.inside(lambda: VirtualMacs(router.memory))


def test_it_is_a_private_macvlan_with_the_mac_of_the_rfc(router: RouterHost) -> None:
    assert presences(router, VIRTUAL4, VIRTUAL6) == [Presence.MADE, Presence.MADE]
    for name, mac in (("vrrp.5", MAC4), ("vrrp6.5", MAC6)):
        link = router.link(name)
        assert link["address"] == mac
        assert link["link"] == INTERFACE
        assert "UP" in str(link["flags"])
        assert "'info_kind': 'macvlan'" in str(link["linkinfo"])
        assert "'mode': 'private'" in str(link["linkinfo"])
    assert router.namespace.run("ip", "address", "show", "dev", "vrrp.5").count("inet") == 0
    assert router.namespace.run("ip", "address", "show", "dev", "vrrp6.5").count("inet") == 0
    assert presences(router, VIRTUAL4, VIRTUAL6) == [Presence.KEPT, Presence.KEPT]


def test_a_clean_stop_leaves_the_kernel_as_it_was(router: RouterHost) -> None:
    router.write_setting("ipv4/conf/all/rp_filter", "2")
    router.write_setting(f"ipv4/conf/{INTERFACE}/rp_filter", "1")
    before = settings_of(router)
    other = VirtualMac(INTERFACE, 6, 4)
    router.have(VIRTUAL4, VIRTUAL6, other)
    during = settings_of(router)
    assert during["ipv4/conf/all/rp_filter"] == "0"
    assert during["ipv4/conf/lo/rp_filter"] == "2", "others are filtered as before"
    assert during[f"ipv4/conf/{INTERFACE}/rp_filter"] == "2"
    assert during["ipv4/conf/default/rp_filter"] == "2", "and so are later ones"
    router.inside(lambda: router.macs.remove([VIRTUAL4]))
    assert settings_of(router) == during, "another virtual router still needs them"
    router.inside(lambda: router.macs.close(keep=False))
    assert settings_of(router) == before
    assert not router.memory.exists()
    for virtual in (VIRTUAL4, VIRTUAL6, other):
        assert not router.link(virtual.interface)
    router.macs = router.inside(lambda: VirtualMacs(router.memory))


def test_a_setting_that_somebody_changed_meanwhile_is_theirs(router: RouterHost) -> None:
    router.have(VIRTUAL4)
    router.write_setting(f"ipv4/conf/{INTERFACE}/arp_announce", "1")
    router.inside(lambda: router.macs.remove([VIRTUAL4]))
    assert router.setting(f"ipv4/conf/{INTERFACE}/arp_announce") == "1"
    assert router.setting(f"ipv4/conf/{INTERFACE}/arp_ignore") == "0"


def test_what_somebody_changes_is_put_right(router: RouterHost) -> None:
    router.have(VIRTUAL4)
    router.write_setting("ipv4/conf/vrrp.5/rp_filter", "1")
    router.write_setting("ipv4/conf/all/rp_filter", "1")
    router.write_setting(f"ipv4/conf/{INTERFACE}/arp_ignore", "0")
    router.namespace.configure("link set vrrp.5 down")
    router.namespace.run("tc", "qdisc", "del", "dev", "vrrp.5", "clsact")
    assert presences(router, VIRTUAL4) == [Presence.KEPT]
    assert router.setting("ipv4/conf/vrrp.5/rp_filter") == "0"
    assert router.setting("ipv4/conf/all/rp_filter") == "0"
    assert router.setting(f"ipv4/conf/{INTERFACE}/arp_ignore") == "1"
    assert "UP" in str(router.link("vrrp.5")["flags"])
    assert "vipkeeper-reports" in router.namespace.run("tc", "filter", "show", "dev", "vrrp.5", "egress")
    router.inside(lambda: router.macs.remove([VIRTUAL4]))
    assert router.setting("ipv4/conf/all/rp_filter") == "1", "as its administrator wanted it meanwhile"


def kill_one_that_made(router: RouterHost, *vrids: int) -> None:
    process = subprocess.Popen(
        router.namespace.inside(
            sys.executable,
            "-m",
            "tests.kernel.virtual_mac_process",
            str(router.memory),
            INTERFACE,
            *map(str, vrids),
        ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.kill()
    process.communicate()


def test_what_a_killed_agent_left_is_adopted_and_its_settings_are_remembered(router: RouterHost) -> None:
    router.write_setting("ipv4/conf/all/rp_filter", "1")
    before = settings_of(router)
    kill_one_that_made(router, VRID)
    index = router.link("vrrp.5")["ifindex"]
    start_anew(router)
    found = router.ensure(VIRTUAL4, VIRTUAL6)
    assert [one.presence for one in found.values()] == [Presence.ADOPTED, Presence.ADOPTED]
    assert found[VIRTUAL4].note == "vrrp.5 was there already, as it should be"
    assert router.link("vrrp.5")["ifindex"] == index
    assert router.setting("ipv4/conf/all/rp_filter") == "0"
    router.inside(lambda: router.macs.close(keep=False))
    assert settings_of(router) == before
    router.macs = router.inside(lambda: VirtualMacs(router.memory))


def test_what_a_killed_agent_left_and_nobody_wants_any_more_is_put_back(router: RouterHost) -> None:
    router.write_setting("ipv4/conf/all/rp_filter", "1")
    before = settings_of(router)
    kill_one_that_made(router, VRID)
    assert settings_of(router) != before
    start_anew(router)
    assert router.ensure() == {}
    assert settings_of(router) == before
    assert router.link("vrrp.5"), "an interface that nobody names any more is nobody's to delete"


KEEPALIVED = """
global_defs {
    vrrp_garp_master_delay 0
}
vrrp_instance one {
    interface eth0
    virtual_router_id 5
    use_vmac
    virtual_ipaddress {
        10.9.1.1/32
    }
}
vrrp_instance two {
    interface eth0
    virtual_router_id 5
    use_vmac
    version 3
    virtual_ipaddress {
        fe80::5:1/128
    }
}
"""


def test_what_a_killed_keepalived_left_is_adopted(router: RouterHost, tmp_path: Path) -> None:
    configuration = tmp_path / "keepalived.conf"
    configuration.write_text(KEEPALIVED)
    files = (f"--pid={tmp_path}/main.pid", f"--vrrp_pid={tmp_path}/vrrp.pid")
    keepalived = subprocess.Popen(
        router.namespace.inside("keepalived", "-n", "-l", "-P", "-f", str(configuration), *files),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

    def stands() -> bool:
        shown = router.namespace.run("ip", "-o", "address", "show")
        return "10.9.1.1" in shown and "fe80::5:1" in shown

    until(stands)
    os.killpg(keepalived.pid, signal.SIGKILL)
    for child in (tmp_path / "vrrp.pid", tmp_path / "main.pid"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(child.read_text()), signal.SIGKILL)
    keepalived.wait()
    assert "fe80::9:1/" in router.namespace.run("ip", "address", "show", "dev", "vrrp6.5")
    assert presences(router, VIRTUAL4, VIRTUAL6) == [Presence.ADOPTED, Presence.ADOPTED]
    shown = router.namespace.run("ip", "address", "show", "dev", "vrrp6.5")
    assert "fe80::9:1/" not in shown, "the base's address is not at the virtual MAC"
    assert "fe80::5:1/" in shown, "its addresses are for others to judge"


@pytest.mark.parametrize("place", ["another boot", "185f1ee3 1"])
def test_a_memory_of_another_boot_or_namespace_is_not_believed(router: RouterHost, place: str) -> None:
    setting = f"ipv4/conf/{INTERFACE}/arp_ignore"
    router.write_setting(setting, "1")
    memory = {"place": place, "changes": [{"setting": setting, "before": "0", "written": "1"}]}
    router.memory.write_bytes(msgspec.json.encode(memory))
    start_anew(router)
    router.ensure()
    assert router.setting(setting) == "1"


def test_a_damaged_memory_stops_nobody(router: RouterHost) -> None:
    router.memory.write_bytes(b"{")
    start_anew(router)
    assert presences(router, VIRTUAL4) == [Presence.MADE]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        pytest.param(
            (f"link add link {INTERFACE} name vrrp.5 address {MAC4} type macvlan mode bridge",),
            "bridge mode, not private",
            id="mode",
        ),
        pytest.param(
            (f"link add link {INTERFACE} name vrrp.5 type macvlan mode private",), "its MAC is", id="mac"
        ),
        pytest.param(
            (
                "link add eth9 type veth peer name far9",
                f"link add link eth9 name vrrp.5 address {MAC4} type macvlan mode private",
            ),
            "another interface than eth0",
            id="base",
        ),
        pytest.param(("link add vrrp.5 type veth peer name far9",), "it is a veth interface", id="kind"),
    ],
)
def test_one_that_differs_is_refused_and_not_touched(
    router: RouterHost, lines: tuple[str, ...], says: str
) -> None:
    router.namespace.configure(*lines)
    before = router.link("vrrp.5")
    settings = settings_of(router)
    note = refusal(router, VIRTUAL4)
    assert says in note
    assert "ip link delete vrrp.5" in note
    assert router.link("vrrp.5") == before
    assert settings_of(router) == settings
    named = VirtualMac(INTERFACE, VRID, 4, name="vip5")
    assert presences(router, named) == [Presence.MISSING if says.startswith("bridge") else Presence.MADE]


def test_who_else_has_the_mac_is_named(router: RouterHost) -> None:
    router.namespace.configure(
        f"link add link {INTERFACE} name frr5 address {MAC4} type macvlan mode bridge", "link set frr5 up"
    )
    note = refusal(router, VIRTUAL4)
    assert note.startswith("frr5 has the virtual MAC of VRID 5 on eth0 already")
    assert not router.link("vrrp.5")


def test_one_that_is_refused_keeps_no_other_back(router: RouterHost) -> None:
    nowhere = VirtualMac("eth7", 7, 4)
    found = router.ensure(nowhere, VIRTUAL4)
    assert found[nowhere].presence is Presence.MISSING
    assert found[nowhere].note == "vrrp.7 needs interface eth7, which does not exist"
    assert found[VIRTUAL4].presence is Presence.MADE


def test_it_comes_back_with_its_base(bench: RawBench, router: RouterHost) -> None:
    router.have(VIRTUAL4)
    bench.remove_interface("a")
    assert not router.link("vrrp.5")
    assert presences(router, VIRTUAL4) == [Presence.MISSING]
    bench.add_interface("a")
    assert presences(router, VIRTUAL4) == [Presence.MADE]
    assert router.setting(f"ipv4/conf/{INTERFACE}/arp_ignore") == "1"
    router.inside(lambda: router.macs.remove([VIRTUAL4]))
    assert router.setting(f"ipv4/conf/{INTERFACE}/arp_ignore") == "0"


def test_a_level_of_arp_ignore_with_which_nobody_would_answer_is_refused(router: RouterHost) -> None:
    router.write_setting("ipv4/conf/all/arp_ignore", "2")
    assert "net.ipv4.conf.all.arp_ignore is 2" in refusal(router, VIRTUAL4)
    assert not router.link("vrrp.5"), "what cannot work is not left behind"
    assert presences(router, VIRTUAL6) == [Presence.MADE]


READ_ONLY = """
import sys
from pathlib import Path
from vipkeeper.kernel.virtual_mac import VirtualMac, VirtualMacs
for found in VirtualMacs(Path(sys.argv[1])).ensure([VirtualMac("eth0", 5, 4)]).values():
    print(found.presence.value, found.note)
"""


def test_where_settings_cannot_be_written_it_says_which(router: RouterHost) -> None:
    """As in a container."""
    mounted = "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys"
    said = router.namespace.run(
        *("unshare", "-m", "sh", "-c", f'{mounted} && exec "$0" -c "$1" "$2"'),
        *(sys.executable, READ_ONLY, str(router.memory)),
    )
    assert said.startswith("missing net/ipv4/conf/vrrp.5/rp_filter has to be 0 and cannot be set")
    assert not router.link("vrrp.5")


def test_a_router_forwards_what_comes_to_the_virtual_mac(router: RouterHost) -> None:
    for family in ("ipv4", "ipv6"):
        router.write_setting(f"{family}/conf/{INTERFACE}/forwarding", "1")
    router.have(VIRTUAL4, VIRTUAL6)
    assert router.setting("ipv4/conf/vrrp.5/forwarding") == "1"
    assert router.setting("ipv6/conf/vrrp6.5/forwarding") == "1"
