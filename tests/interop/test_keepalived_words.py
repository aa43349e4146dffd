"""Words of keepalived on the wire: a keepalived and an agent that are told the same believe each other."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.interop.configured_agent import ConfiguredAgent, configured_agent
from tests.interop.segment import VIP4, Segment
from tests.peers.keepalived import Keepalived
from tests.peers.virtual_router import VirtualRouter

pytestmark = [pytest.mark.root, pytest.mark.timeout(120)]

STRICT = VirtualRouter((VIP4,), version=2, auth="pass", key="secret12")
UNICAST = VirtualRouter((VIP4,), unicast_peers=("10.77.1.2",))


def toml(more: str) -> str:
    return f'[vip.web]\naddresses = ["{VIP4}"]\ninterface = "eth0"\n[vip.web.vrrp]\nvrid = 51\n{more}\n'


@contextlib.contextmanager
def both(
    segment: Segment, described: VirtualRouter, edit: tuple[str, str], text: str
) -> Iterator[tuple[Keepalived, ConfiguredAgent]]:
    """keepalived on the first host with an edited configuration, the agent on the second; not started."""
    hosts = segment.network.hosts
    theirs = Keepalived(hosts[0], described, segment.directory / "words")
    config = segment.directory / "words" / f"{hosts[0].name}.conf"
    assert edit[0] in config.read_text()
    config.write_text(config.read_text().replace(*edit))
    try:
        with configured_agent(hosts[1], segment.directory, text) as ours:
            yield theirs, ours
    finally:
        if theirs.is_running():
            theirs.stop()  # killed, it would leave its packet filter behind
        theirs.clean_up()


def test_strict_has_no_authentication_on_either_side(segment: Segment) -> None:
    """Where one of them sent its password, the other would discard it, and both would be master."""
    words = 'version = 2\nstrict = true\nauth_type = "pass"\nauth_pass = "other"'
    edit = ("global_defs {", "global_defs {\n    vrrp_strict")
    with both(segment, STRICT, edit, "priority = 50\n" + toml(words)) as (theirs, ours):
        theirs.start()
        ours.start()
        ours.wait_for("higher-priority-heard")
        assert "discarded" not in ours.log()
        assert theirs.holds(VIP4)


def test_a_lower_ttl_is_believed_of_a_unicast_peer(segment: Segment) -> None:
    peer, own = (host.ipv4 for host in segment.network.hosts[:2])
    words = f'unicast_peers = ["{peer}"]\nunicast_ttl = 7'
    edit = ("10.77.1.2", own)
    with both(segment, UNICAST, edit, "priority = 200\n" + toml(words)) as (theirs, ours):
        theirs.start()
        ours.start()
        ours.wait_until("Master")
        ours.wait(lambda: theirs.state() == "BACKUP", "keepalived does not yield")
        assert not theirs.holds(VIP4)
