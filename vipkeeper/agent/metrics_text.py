"""The metrics of one agent in Prometheus' text format.

Rules of this file: values in, bytes out, so that it may run beside the event loop; names and labels are a
contract with dashboards: add, never rename; each has a row in docs/operations.md. It is loaded by the first
scrape, in the thread that makes the text, because `metric_families.py` takes long to load.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum

from vipkeeper.agent.counts import Counts
from vipkeeper.agent.metric_families import Family, counter, gauge, info, text_of
from vipkeeper.agent.peer_wire import Malformed
from vipkeeper.election.effects import Role
from vipkeeper.model.agent_report import Report
from vipkeeper.model.messages import RefusedBecause
from vipkeeper.notify.counts import NotifyCounts

# A store's word for it, and VRRP's.
_SERVING = frozenset({Role.HOLDER.value, "master"})


def metrics_text(report: Report, counts: Counts, labels: Mapping[str, str]) -> bytes:
    """What a scrape reads. `labels` say who speaks: version, node, cluster, backend, fence."""
    return text_of(
        (
            *_of_report(report),
            *_of_groups(report),
            *_of_tracks(report),
            *_of_routers(report),
            *_of_counts(counts),
            *_of_notifications(counts.told),
            *_of_build(labels),
        )
    )


def _of_report(report: Report) -> Iterator[Family]:
    vips = report.vips
    yield gauge(
        "vip_holder",
        "1 on the node that holds this VIP and may serve it now, else 0. The sum over all nodes is 1 or 0.",
        ("vip",),
        (((vip.vip,), float(vip.role in _SERVING)) for vip in vips),
    )
    yield gauge(
        "vip_role",
        "Always 1; the labels say the role that this node has for the VIP, and why.",
        ("vip", "role", "reason"),
        (((vip.vip, vip.role, vip.reason), 1.0) for vip in vips),
    )
    yield gauge(
        "vip_priority",
        "This node's effective priority for the VIP, with weights.",
        ("vip",),
        (((vip.vip,), float(vip.priority)) for vip in vips),
    )
    yield gauge(
        "vip_epoch",
        "How often the VIP has changed its owner, as far as this node knows.",
        ("vip",),
        (((vip.vip,), float(vip.epoch)) for vip in vips),
    )
    left_ms = [vip.lease_left_ms for vip in vips if vip.lease_left_ms is not None]
    yield gauge(
        "lease_seconds_left",
        "How long this node may still serve if nothing confirms its lease from now on; 0: it holds nothing.",
        (),
        (((), min(left_ms, default=0) / 1000),),
    )
    yield gauge(
        "held_on_promises",
        "1 while the store is silent and this node serves by promises of the other nodes, else 0.",
        (),
        (((), float(any(vip.held_on_promises for vip in vips))),),
    )
    promised = {node for vip in vips for node in vip.promised_by or ()}
    yield gauge(
        "promised_by",
        "1 for each node by whose promise this node serves now, 0 for each other one that it would ask.",
        ("node",),
        (((one.node,), float(one.node in promised)) for one in report.electorate),
    )
    yield gauge(
        "electorate_answers",
        "For each node that this one would ask for a promise: 1 if it answers directly, else 0. Where it is "
        "0, a store outage would take the VIPs down.",
        ("node",),
        (((one.node,), float(one.answers)) for one in report.electorate),
    )
    ago_ms = report.store_confirmed_ago_ms
    yield gauge(
        "store_confirmed_seconds_ago",
        "How long ago the store last confirmed a write of this node's lease; absent before the first one.",
        (),
        () if ago_ms is None else (((), ago_ms / 1000),),
    )


def _of_groups(report: Report) -> Iterator[Family]:
    members = [(vip.vip, member) for vip in report.vips for member in vip.members]
    members += [(one.sync_group, one.vip) for one in report.routers if one.sync_group is not None]
    yield gauge(
        "sync_group_member",
        "Always 1; the labels say which VIPs move as one. With a store the group is what has an owner.",
        ("group", "vip"),
        ((pair, 1.0) for pair in dict.fromkeys(members)),
    )


def _of_tracks(report: Report) -> Iterator[Family]:
    yield gauge(
        "track_up",
        "1 while a tracked thing is well, 0 while it is not; absent before its first result.",
        ("kind", "track"),
        (
            ((track.kind, track.name), float(track.state == "up"))
            for track in report.tracks
            if track.state in ("up", "down") and track.number is None
        ),
    )
    yield gauge(
        "track_number",
        "The number that a tracked file holds.",
        ("track",),
        (((track.name,), float(track.number)) for track in report.tracks if track.number is not None),
    )


def _of_routers(report: Report) -> Iterator[Family]:
    """VRRP; without virtual routers there is nothing to tell."""
    routers = report.routers
    if not routers:
        return
    yield gauge(
        "vrrp_priority",
        "The priority that this virtual router advertises or would, with weights.",
        ("vip", "vrid"),
        (((one.vip, str(one.vrid)), float(one.priority)) for one in routers),
    )
    yield gauge(
        "vrrp_vrid_taken",
        "1 if somebody on this segment uses the VRID for other addresses, as of the last hour, else 0.",
        ("vip", "vrid"),
        (((one.vip, str(one.vrid)), float(one.warning is not None)) for one in routers),
    )
    yield counter(
        "vrrp_advertisements_sent",
        "Advertisements that left, to all peers.",
        ("vip",),
        (((one.vip,), one.sent) for one in routers),
    )
    yield counter(
        "vrrp_advertisements_received",
        "Advertisements of other routers that were accepted.",
        ("vip",),
        (((one.vip,), one.received) for one in routers),
    )
    yield counter(
        "vrrp_discarded",
        "Packets that changed nothing, and why.",
        ("vip", "reason"),
        (((one.vip, reason), count) for one in routers for reason, count in one.discarded.items()),
    )
    yield counter(
        "vrrp_became_master",
        "How often this virtual router became master.",
        ("vip",),
        (((one.vip,), one.became_master) for one in routers),
    )


def _of_counts(counts: Counts) -> Iterator[Family]:
    yield counter(
        "decisions",
        "Changes of a VIP's role, or of its reason, on this node.",
        ("role", "reason"),
        sorted(counts.decisions.items()),
    )
    yield counter(
        "promises_given",
        "Promises of this node to an owner not to claim its VIPs while the store is silent.",
        (),
        (((), counts.promises_given),),
    )
    yield counter(
        "promise_refusals",
        "Refusals of this node to promise, and why.",
        ("because",),
        (((_label(each),), counts.refusals.get(each, 0)) for each in RefusedBecause),
    )
    yield counter(
        "datagrams_dropped",
        "Datagrams at the failsafe address that were no message of this cluster, and why.",
        ("reason",),
        (((_label(each),), counts.dropped.get(each, 0)) for each in Malformed),
    )


def _of_notifications(told: NotifyCounts) -> Iterator[Family]:
    yield counter(
        "notify_programs",
        "Programs that were run for a change of a VIP, sync group or server, and how they ended.",
        ("result",),
        ((("failed",), told.scripts_failed), (("succeeded",), told.scripts_run - told.scripts_failed)),
    )
    yield counter(
        "notify_left_out",
        "Changes that no program was run for: too many waited, or the agent ended.",
        (),
        (((), told.scripts_left_out),),
    )
    yield gauge(
        "notify_waiting",
        "Changes that wait for the programs of earlier ones to end.",
        (),
        (((), told.scripts_waiting),),
    )
    yield counter(
        "notify_fifo_lost",
        "Lines that did not fit into a FIFO, because nobody read it.",
        (),
        (((), told.fifo_lost),),
    )
    yield counter(
        "mails",
        "Mails that the mail server has taken, and those that were given up.",
        ("result",),
        ((("given-up",), told.mails_given_up), (("sent",), told.mails_sent)),
    )
    yield gauge("mails_waiting", "Mails that are still to be delivered.", (), (((), told.mails_waiting),))


def _of_build(labels: Mapping[str, str]) -> Iterator[Family]:
    yield info("build", "Which agent this is.", labels)


def _label(member: Enum) -> str:
    """Short and stable, where the values are sentences."""
    return member.name.lower().replace("_", "-")
