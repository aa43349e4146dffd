"""How addresses look in a real kernel: label, broadcast address, scope, the other end; as `ip` shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.kernel_segment.kernel_events import removed_addresses
from tests.kernel_segment.segment import INTERFACE, Segment, run_inside, run_loop_inside
from vipkeeper.agent.clocks import boot_s
from vipkeeper.agent.host_shell import HostShell
from vipkeeper.changes.change_kinds import AddAddresses, RefreshAddresses, RemoveAddresses
from vipkeeper.changes.plan import plan
from vipkeeper.config.address_words import WrittenAddress, read_address
from vipkeeper.election.effects import Holding
from vipkeeper.kernel.netlink_host import NetlinkHost
from vipkeeper.model.address_options import AddressOptions, AddressSettings
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.host import HostState, Lifetime
from vipkeeper.model.vips import Unit, VipAddress

pytestmark = pytest.mark.root

TEXTS = (
    "10.9.1.1/24 brd + label eth0:web",
    "10.9.2.1 brd 10.9.2.255 scope link",
    "10.9.3.1 peer 10.9.3.2",
    "10.9.4.1 peer 10.9.5.0/30",
    "10.9.6.1",
    "fd09::7:1/64",
    "fd09::8:1 peer fd09::8:2",
)
LONG_S = 600.0


def written() -> list[WrittenAddress]:
    return [read_address(text, INTERFACE) for text in TEXTS]


def wanted() -> HostState:
    end_s = boot_s() + LONG_S
    return HostState(
        {each.vip: Lifetime(end_s - 2, end_s) for each in written()},
        options={each.vip: each.options for each in written() if each.options != AddressOptions()},
    )


def shown(segment: Segment) -> dict[str, Mapping[str, Any]]:
    (link,) = json.loads(segment.ours.run("ip", "-j", "-d", "address", "show", "dev", INTERFACE))
    return {entry["local"]: entry for entry in link["addr_info"]}


def test_the_kernel_has_what_the_words_say(segment: Segment) -> None:
    def add() -> None:
        host = NetlinkHost(boot_s)
        asked = wanted()
        assert host.apply(AddAddresses(asked.addresses, asked.options)).refused == {}
        host.close(keep=True)

    run_inside(segment.ours, add)
    found = shown(segment)
    labelled = found["10.9.1.1"]
    assert (labelled["label"], labelled["broadcast"], labelled["prefixlen"]) == ("eth0:web", "10.9.1.255", 24)
    assert (found["10.9.2.1"]["scope"], found["10.9.2.1"]["broadcast"]) == ("link", "10.9.2.255")
    assert found["10.9.3.1"]["address"] == "10.9.3.2"
    assert (found["10.9.4.1"]["address"], found["10.9.4.1"]["prefixlen"]) == ("10.9.5.0", 30)
    assert found["10.9.6.1"]["label"] == INTERFACE
    assert "broadcast" not in found["10.9.6.1"]
    assert found["fd09::8:1"]["address"] == "fd09::8:2"
    for each in written():
        entry = found[each.vip.address]
        assert entry["noprefixroute"] is True
        assert LONG_S - 60 < entry["valid_life_time"] <= LONG_S


def test_what_was_added_is_read_back_as_it_was_meant(segment: Segment) -> None:
    def story() -> None:
        host = NetlinkHost(boot_s)
        asked = wanted()
        assert host.apply(AddAddresses(asked.addresses, asked.options)).refused == {}
        found = host.read().state
        assert found.options == asked.options
        assert plan(asked, found, fenced=False) == ()
        later = Lifetime(boot_s() + LONG_S + 58, boot_s() + LONG_S + 60)
        change = RefreshAddresses(dict.fromkeys(asked.addresses, later), asked.options)
        assert host.apply(change).refused == {}
        assert host.read().state.options == asked.options
        assert host.apply(RemoveAddresses(tuple(asked.addresses), asked.options)).refused == {}
        assert host.read().state == HostState()
        host.close(keep=True)

    run_inside(segment.ours, story)


def held() -> dict[str, Holding]:
    return dict.fromkeys(("web", "mail"), Holding(boot_s() + LONG_S))


def shell(units: tuple[Unit, ...], settings: AddressSettings) -> HostShell:
    return HostShell(
        NetlinkHost(boot_s),
        units,
        lambda _event: None,
        allowed=tuple(FenceKind),
        clock=boot_s,
        settings=settings,
    )


WEB = VipAddress("10.9.1.1", 24, INTERFACE)
MAIL = VipAddress("10.9.6.1", 32, INTERFACE)
UNITS = (Unit("web", (WEB,), 100), Unit("mail", (MAIL,), 100))
LABELLED = AddressSettings(options={WEB.address: AddressOptions(label="eth0:web")})


def test_an_address_with_a_label_is_adopted(segment: Segment) -> None:
    async def story() -> None:
        first = shell(UNITS, LABELLED)
        first.start()
        first.want(held())
        first.close(keep=True)
        with removed_addresses(segment.ours) as removed:
            second = shell(UNITS, LABELLED)
            second.start()
            second.want(held())
            assert shown(segment)[WEB.address]["label"] == "eth0:web"
            assert removed() == []
            second.close(keep=False)

    run_loop_inside(segment.ours, story)


def test_another_label_touches_that_address_alone(segment: Segment) -> None:
    async def story() -> None:
        host = shell(UNITS, LABELLED)
        host.start()
        host.want(held())
        with removed_addresses(segment.ours) as removed:
            host.take_settings(AddressSettings(options={WEB.address: AddressOptions(label="eth0:new")}))
            host.want(held())
            assert shown(segment)[WEB.address]["label"] == "eth0:new"
            assert removed() == [WEB.address]
            host.take_settings(AddressSettings())
            host.want(held())
            assert shown(segment)[WEB.address]["label"] == INTERFACE
            assert removed() == [WEB.address]
            host.want(held())
            assert removed() == []
        host.close(keep=False)

    run_loop_inside(segment.ours, story)
