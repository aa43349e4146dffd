"""A node that holds one VIP by promises and stands by for another says so of the right one."""

from __future__ import annotations

from tests.election.values import KEYS, settings_of, unit
from vipkeeper.election.own_lease import Hold, LeaseWrite, OwnLease
from vipkeeper.election.peers import Peers
from vipkeeper.election.report import report
from vipkeeper.election.state import ElectionState
from vipkeeper.election.unit_phases import Phase, UnitState
from vipkeeper.election.view import StoreView
from vipkeeper.model.fences import FenceKind

OTHER = ("b", "host-b/boot1")


def state_on_promises() -> ElectionState:
    """It holds web; its write of second 0 has run out, and b promised at second 3."""
    settings = settings_of("a", unit("web"), unit("mail"))
    write = LeaseWrite(1, 0.0, 4.0, FenceKind.BPF, frozenset({OTHER}), 60.0)
    hold = Hold(
        nonce="n",
        asked_at_s=3.0,
        for_s=4.0,
        fence=FenceKind.BPF,
        hold_ms=4100,
        names=frozenset({"web"}),
        units="",
        asked=frozenset({"b"}),
        promised_by={OTHER},
    )
    return ElectionState(
        settings=settings,
        view=StoreView(KEYS, "a", settings.incarnation),
        units={
            "web": UnitState(unit("web"), phase=Phase.HOLDING, unfit=None),
            "mail": UnitState(unit("mail"), phase=Phase.STANDBY, unfit=None),
        },
        lease=OwnLease(running=write, holds=[hold]),
    )


def test_only_the_vip_that_is_held_is_held_by_promises() -> None:
    state = state_on_promises()
    told = report(state, Peers(state, lambda: 1), 5.0, with_records=False)
    mail, web = told.vips
    assert (web.role, web.held_on_promises, web.promised_by) == ("holder", True, ("b",))
    assert 1900 <= (web.lease_left_ms or 0) <= 2000
    assert (mail.role, mail.held_on_promises, mail.promised_by) == ("standby", False, None)
    assert mail.lease_left_ms is None
    assert told.records == {}
