"""What one node knows and does at one moment, for people, programs and metrics: plain values.

Rules of this file: it changes nothing; instants become lengths, because a clock reading means nothing in
another process; no shared key ever stands in a report.
"""

from __future__ import annotations

import msgspec

from vipkeeper.election.effects import Role
from vipkeeper.election.peers import Peers
from vipkeeper.election.state import ElectionState
from vipkeeper.election.status import status_of
from vipkeeper.election.transactions import encode
from vipkeeper.election.view import StoreView
from vipkeeper.model.agent_report import ElectorReport, GivenReport, Report, VipReport


def report(state: ElectionState, peers: Peers, now_s: float, *, with_records: bool) -> Report:
    """The node now."""
    electorate, failsafe = peers.electorate, peers.failsafe
    return Report(
        node=state.settings.node,
        prefix=state.view.keys.prefix,
        vips=_vips(state, now_s),
        electorate=tuple(
            ElectorReport(node, electorate.answers(node, now_s), failsafe.refusals.get(node))
            for node in _asked(state)
        ),
        promises_given=_promises(state, now_s),
        store_confirms=_store_confirms(state, now_s),
        store_confirmed_ago_ms=_store_confirmed_ago_ms(state, now_s),
        records=_records(state.view) if with_records else {},
        version=state.settings.version,
    )


def _vips(state: ElectionState, now_s: float) -> tuple[VipReport, ...]:
    by, deadline_s = state.lease.promised_by(now_s), state.lease.deadline_s
    left_ms = None if deadline_s is None else _ms(deadline_s - now_s)
    names = None if by is None else tuple(sorted({node for node, _ in by}))
    reports = []
    for name, unit in sorted(state.units.items()):
        status = status_of(state, unit)
        held = status.role is Role.HOLDER and left_ms is not None
        reports.append(
            VipReport(
                vip=name,
                role=status.role.value,
                reason=status.reason.value,
                detail=status.detail,
                epoch=status.epoch,
                owner=status.owner,
                lease_left_ms=left_ms if held else None,
                held_on_promises=held and names is not None,
                promised_by=names if held else None,
                members=unit.unit.members,
                priority=unit.priority,
                weights=unit.weight.on(unit.unit.priority),
            )
        )
    return tuple(reports)


def _asked(state: ElectionState) -> list[str]:
    """Who has to promise; when the lease is over, who had to."""
    nodes = {node for node, _ in state.lease.electorate}
    lease = state.view.lease(state.settings.node)
    if state.lapsed and lease is not None and lease.incarnation == state.settings.incarnation:
        nodes.update(lease.electorate)
    return sorted(nodes)


def _promises(state: ElectionState, now_s: float) -> tuple[GivenReport, ...]:
    return tuple(
        GivenReport(
            owner=owner,
            left_ms=_ms(given.kept.until_s - now_s),
            vips=None if given.names is None else tuple(sorted(given.names)),
        )
        for owner, given in sorted(state.promises.items())
        if given.kept.until_s > now_s
    )


def _store_confirms(state: ElectionState, now_s: float) -> bool | None:
    """False from when promises would be asked for: an answer that is under way is no silence."""
    running = state.lease.running
    if running is None:
        return False if state.lapsed else None
    timing = state.settings.timing
    return now_s < running.sent_at_s + timing.ask_after_s


def _store_confirmed_ago_ms(state: ElectionState, now_s: float) -> int | None:
    view, settings = state.view, state.settings
    lease = view.lease(settings.node)
    received_s = view.received_s(view.keys.lease(settings.node))
    if lease is None or received_s is None or not lease.seq.startswith(settings.process + "-"):
        return None  # an earlier process, or somebody else, wrote it
    return _ms(now_s - received_s)


def _records(view: StoreView) -> dict[str, msgspec.Raw]:
    """Never the shared keys: who may ask the agent need not be one who may speak for a node."""
    shown = (view.keys.nodes, view.keys.vips, view.keys.addresses)
    return {
        key: msgspec.Raw(encode(known.value))
        for key, known in view.seen.items()
        if known.version and key.startswith(shown) and (known.value is not None or not known.readable)
    }


def _ms(length_s: float) -> int:
    return max(0, round(length_s * 1000))
