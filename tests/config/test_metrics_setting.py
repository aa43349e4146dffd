"""Where metrics are served: an address of the node's own, with a port."""

from __future__ import annotations

import pytest

from tests.config.sources import ONE_VIP, config_of, mistakes_of
from vipkeeper.config.consequences import reload_obstacles
from vipkeeper.config.peer_address import PeerAddress, parse_listen


def listening(text: str) -> str:
    return f'{ONE_VIP}[metrics]\nlisten = "{text}"\n'


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("127.0.0.1:9480", PeerAddress("127.0.0.1", 9480)),
        ("0.0.0.0:7480", PeerAddress("0.0.0.0", 7480)),  # noqa: S104 - only parsed here
        ("[::1]:9480", PeerAddress("::1", 9480)),
    ],
)
def test_addresses_with_a_port_are_taken(text: str, own: PeerAddress) -> None:
    assert parse_listen(text) == own
    assert mistakes_of(listening(text)) == []


@pytest.mark.parametrize(
    "text", ["127.0.0.1", "9480", ":9480", "::1", "[::1]", "localhost:9480", "10.0.0.1:0"]
)
def test_others_are_mistakes(text: str) -> None:
    (mistake,) = mistakes_of(listening(text))
    assert "metrics.listen" in mistake
    assert "is not an address with a port; write for example 127.0.0.1:9480" in mistake


def test_a_vip_is_no_place_for_it() -> None:
    (mistake,) = mistakes_of(listening("192.0.2.10:9480"))
    assert "192.0.2.10 is vip.web.addresses" in mistake
    assert "moves from node to node" in mistake


def test_it_is_off_by_default_and_cannot_change_by_a_reload() -> None:
    before, after = config_of(ONE_VIP), config_of(listening("127.0.0.1:9480"))
    assert before.metrics.listen is None
    (obstacle,) = reload_obstacles(before, after)
    assert "metrics.listen" in obstacle
