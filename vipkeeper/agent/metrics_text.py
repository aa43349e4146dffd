"""The metrics of one agent in Prometheus' text format.

Rules of this file: values in, bytes out, so that it may run beside the event loop; names and labels are a
contract with dashboards: add, never rename; each has a row in docs/operations.md. This is the one importer
of prometheus_client, which takes 75 ms: it is loaded by the first scrape, in the thread that makes the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from vipkeeper.agent.counts import Counts
from vipkeeper.agent.peer_wire import Malformed
from vipkeeper.election.effects import Role
from vipkeeper.model.agent_report import Report
from vipkeeper.model.messages import RefusedBecause
from vipkeeper.notify.counts import NotifyCounts

# A store's word for it, and VRRP's.
_SERVING = frozenset({Role.HOLDER.value, "master"})


def metrics_text(report: Report, counts: Counts, labels: Mapping[str, str]) -> bytes:
    """What a scrape reads. `labels` say who speaks: version, node, cluster, backend, fence."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(
        _Families(
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
    )
    return generate_latest(registry)


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Called by the registry."""
        return self._families


def _gauge(
    name: str, about: str, labels: Iterable[str], rows: Iterable[tuple[Iterable[str], float]]
) -> Metric:
    family = GaugeMetricFamily(f"vipkeeper_{name}", about, labels=list(labels))
    for values, number in rows:
        family.add_metric(list(values), number)
    return family


def _counter(
    name: str, about: str, labels: Iterable[str], rows: Iterable[tuple[Iterable[str], float]]
) -> Metric:
    family = CounterMetricFamily(f"vipkeeper_{name}", about, labels=list(labels))
    for values, number in rows:
        family.add_metric(list(values), number)
    return family


def _of_report(report: Report) -> Iterator[Metric]:
    vips = report.vips
    yield _gauge(
        "vip_holder",
        "1 on the node that holds this VIP and may serve it now, else 0. The sum over all nodes is 1 or 0.",
        ("vip",),
        (((vip.vip,), float(vip.role in _SERVING)) for vip in vips),
    )
    yield _gauge(
        "vip_role",
        "Always 1; the labels say the role that this node has for the VIP, and why.",
        ("vip", "role", "reason"),
        (((vip.vip, vip.role, vip.reason), 1.0) for vip in vips),
    )
    yield _gauge(
        "vip_priority",
        "This node's effective priority for the VIP, with weights.",
        ("vip",),
        (((vip.vip,), float(vip.priority)) for vip in vips),
    )
    yield _gauge(
        "vip_epoch",
        "How often the VIP has changed its owner, as far as this node knows.",
        ("vip",),
        (((vip.vip,), float(vip.epoch)) for vip in vips),
    )
    left_ms = [vip.lease_left_ms for vip in vips if vip.lease_left_ms is not None]
    yield _gauge(
        "lease_seconds_left",
        "How long this node may still serve if nothing confirms its lease from now on; 0: it holds nothing.",
        (),
        (((), min(left_ms, default=0) / 1000),),
    )
    yield _gauge(
        "held_on_promises",
        "1 while the store is silent and this node serves by promises of the other nodes, else 0.",
        (),
        (((), float(any(vip.held_on_promises for vip in vips))),),
    )
    promised = {node for vip in vips for node in vip.promised_by or ()}
    yield _gauge(
        "promised_by",
        "1 for each node by whose promise this node serves now, 0 for each other one that it would ask.",
        ("node",),
        (((one.node,), float(one.node in promised)) for one in report.electorate),
    )
    yield _gauge(
        "electorate_answers",
        "For each node that this one would ask for a promise: 1 if it answers directly, else 0. Where it is "
        "0, a store outage would take the VIPs down.",
        ("node",),
        (((one.node,), float(one.answers)) for one in report.electorate),
    )
    ago_ms = report.store_confirmed_ago_ms
    yield _gauge(
        "store_confirmed_seconds_ago",
        "How long ago the store last confirmed a write of this node's lease; absent before the first one.",
        (),
        () if ago_ms is None else (((), ago_ms / 1000),),
    )


def _of_groups(report: Report) -> Iterator[Metric]:
    members = [(vip.vip, member) for vip in report.vips for member in vip.members]
    members += [(one.sync_group, one.vip) for one in report.routers if one.sync_group is not None]
    yield _gauge(
        "sync_group_member",
        "Always 1; the labels say which VIPs move as one. With a store the group is what has an owner.",
        ("group", "vip"),
        ((pair, 1.0) for pair in dict.fromkeys(members)),
    )


def _of_tracks(report: Report) -> Iterator[Metric]:
    yield _gauge(
        "track_up",
        "1 while a tracked thing is well, 0 while it is not; absent before its first result.",
        ("kind", "track"),
        (
            ((track.kind, track.name), float(track.state == "up"))
            for track in report.tracks
            if track.state in ("up", "down") and track.number is None
        ),
    )
    yield _gauge(
        "track_number",
        "The number that a tracked file holds.",
        ("track",),
        (((track.name,), float(track.number)) for track in report.tracks if track.number is not None),
    )


def _of_routers(report: Report) -> Iterator[Metric]:
    """VRRP; without virtual routers there is nothing to tell."""
    routers = report.routers
    if not routers:
        return
    yield _gauge(
        "vrrp_priority",
        "The priority that this virtual router advertises or would, with weights.",
        ("vip", "vrid"),
        (((one.vip, str(one.vrid)), float(one.priority)) for one in routers),
    )
    yield _gauge(
        "vrrp_vrid_taken",
        "1 if somebody on this segment uses the VRID for other addresses, as of the last hour, else 0.",
        ("vip", "vrid"),
        (((one.vip, str(one.vrid)), float(one.warning is not None)) for one in routers),
    )
    yield _counter(
        "vrrp_advertisements_sent",
        "Advertisements that left, to all peers.",
        ("vip",),
        (((one.vip,), one.sent) for one in routers),
    )
    yield _counter(
        "vrrp_advertisements_received",
        "Advertisements of other routers that were accepted.",
        ("vip",),
        (((one.vip,), one.received) for one in routers),
    )
    yield _counter(
        "vrrp_discarded",
        "Packets that changed nothing, and why.",
        ("vip", "reason"),
        (((one.vip, reason), count) for one in routers for reason, count in one.discarded.items()),
    )
    yield _counter(
        "vrrp_became_master",
        "How often this virtual router became master.",
        ("vip",),
        (((one.vip,), one.became_master) for one in routers),
    )


def _of_counts(counts: Counts) -> Iterator[Metric]:
    yield _counter(
        "decisions",
        "Changes of a VIP's role, or of its reason, on this node.",
        ("role", "reason"),
        sorted(counts.decisions.items()),
    )
    yield _counter(
        "promises_given",
        "Promises of this node to an owner not to claim its VIPs while the store is silent.",
        (),
        (((), counts.promises_given),),
    )
    yield _counter(
        "promise_refusals",
        "Refusals of this node to promise, and why.",
        ("because",),
        (((_label(each),), counts.refusals.get(each, 0)) for each in RefusedBecause),
    )
    yield _counter(
        "datagrams_dropped",
        "Datagrams at the failsafe address that were no message of this cluster, and why.",
        ("reason",),
        (((_label(each),), counts.dropped.get(each, 0)) for each in Malformed),
    )


def _of_notifications(told: NotifyCounts) -> Iterator[Metric]:
    yield _counter(
        "notify_programs",
        "Programs that were run for a change of a VIP or sync group, and how they ended.",
        ("result",),
        ((("failed",), told.scripts_failed), (("succeeded",), told.scripts_run - told.scripts_failed)),
    )
    yield _counter(
        "notify_left_out",
        "Changes that no program was run for: too many waited, or the agent ended.",
        (),
        (((), told.scripts_left_out),),
    )
    yield _gauge(
        "notify_waiting",
        "Changes that wait for the programs of earlier ones to end.",
        (),
        (((), told.scripts_waiting),),
    )
    yield _counter(
        "notify_fifo_lost",
        "Lines that did not fit into the FIFO, because nobody read it.",
        (),
        (((), told.fifo_lost),),
    )
    yield _counter(
        "mails",
        "Mails that the mail server has taken, and those that were given up.",
        ("result",),
        ((("given-up",), told.mails_given_up), (("sent",), told.mails_sent)),
    )
    yield _gauge("mails_waiting", "Mails that are still to be delivered.", (), (((), told.mails_waiting),))


def _of_build(labels: Mapping[str, str]) -> Iterator[Metric]:
    yield InfoMetricFamily("vipkeeper_build", "Which agent this is.", value=dict(labels))


def _label(member: Enum) -> str:
    """Short and stable, where the values are sentences."""
    return member.name.lower().replace("_", "-")
