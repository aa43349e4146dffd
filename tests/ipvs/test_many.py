"""A table that takes many datagrams arrives as a whole, and a refusal in the middle names the right entry."""

from __future__ import annotations

import pytest

from tests.bench.ipvs_load import large_table
from tests.ipvs.director import Director
from vipkeeper.changes.ipvs_changes import AddServers
from vipkeeper.changes.ipvs_plan import ipvs_plan
from vipkeeper.model.ipvs import IpvsTable, OwnIpvs, Service, VirtualServer

pytestmark = [pytest.mark.root, pytest.mark.ipvs]


def test_a_large_table_is_read_as_it_was_written(director: Director) -> None:
    wanted = large_table()
    (change,) = ipvs_plan(wanted, director.ipvs.read(), OwnIpvs())
    assert director.ipvs.apply(change) == ()
    assert ipvs_plan(wanted, director.ipvs.read(), OwnIpvs()) == ()
    assert len(director.saved()) == 5000
    (removal,) = ipvs_plan(IpvsTable(), director.ipvs.read(), OwnIpvs(frozenset(wanted.servers)))
    assert director.ipvs.apply(removal) == ()
    assert director.saved() == []


def test_refusals_in_the_middle_are_told_of_the_right_entries(director: Director) -> None:
    servers = dict(large_table().servers)
    odd = list(servers)[497:499]
    for key in odd:
        servers[key] = VirtualServer(Service("nosuch"))
    refused = director.ipvs.apply(AddServers(servers))
    assert [sentence.partition(": ")[0] for sentence in refused] == [str(key) for key in odd]
    assert director.ipvs.read().servers.keys() == servers.keys() - set(odd)
