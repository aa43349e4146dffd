"""What Prometheus is told of virtual servers.

Rules of this file: as in `metrics_text.py`. A server that this node has not, or that an operator drained, has
no row in `..._up`: nobody is to be woken for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from vipkeeper.agent.metric_families import Family, counter, gauge
from vipkeeper.model.director_messages import DirectorReport, RealServerReport

_DRAINED = frozenset({"draining", "drained"})
_SERVER = ("virtual_server", "real_server")

_Real = tuple[tuple[str, str], RealServerReport]


def director_families(report: DirectorReport | None, restarts: int) -> Iterator[Family]:
    """`report`: None where the director did not answer."""
    yield gauge(
        "director_up",
        "1 if the process that keeps virtual servers answered this scrape, else 0. Without it the kernel "
        "goes on as it was, and nobody is checked.",
        (),
        (((), float(report is not None)),),
    )
    yield counter(
        "director_restarts",
        "How often that process ended by itself and was started again.",
        (),
        (((), restarts),),
    )
    if report is not None:
        yield from _of_node(report)
        yield from _of_virtual_servers(report)
        reals = [
            ((virtual.name, real.name), real)
            for virtual in report.virtual_servers
            for real in virtual.real_servers
        ]
        yield from _of_real_servers(reals)
        yield from _of_traffic(reals)


def _of_node(report: DirectorReport) -> Iterator[Family]:
    yield gauge(
        "ipvs_refused",
        "What the kernel did not take; 1 where it has no IPVS, or this agent may not use it. 0 is well.",
        (),
        (((), float(len(report.refused) + bool(report.missing))),),
    )
    yield counter(
        "checks",
        "Checks of real servers, and how they ended.",
        ("result",),
        (
            (("failed",), report.checks_failed),
            (("succeeded",), report.checks_run - report.checks_failed),
        ),
    )
    yield counter(
        "ipvs_readings",
        "How often the kernel's table was compared with what is wanted.",
        (),
        (((), report.reconciled),),
    )
    yield counter(
        "ipvs_corrections",
        "Entries of the kernel's table that somebody else had changed or removed.",
        (),
        (((), report.corrected),),
    )


def _of_virtual_servers(report: DirectorReport) -> Iterator[Family]:
    here = [virtual for virtual in report.virtual_servers if virtual.state != "absent"]
    label = ("virtual_server",)
    yield gauge(
        "virtual_server_up",
        "1 while a virtual server has its quorum, else 0; absent on a node that does not have it.",
        label,
        (((one.name,), float(one.state == "up")) for one in here),
    )
    yield gauge(
        "virtual_server_weight",
        "The sum of the weights of its real servers that are well.",
        label,
        (((one.name,), float(one.weight)) for one in here),
    )
    yield gauge(
        "virtual_server_quorum",
        "The weight that it needs.",
        label,
        (((one.name,), float(one.quorum)) for one in here),
    )
    yield gauge(
        "virtual_server_sorry_in_use",
        "1 while its sorry server serves, else 0; absent without a sorry server.",
        label,
        (((one.name,), float(one.sorry_in_use)) for one in here if one.sorry_server is not None),
    )


def _of_real_servers(reals: list[_Real]) -> Iterator[Family]:
    yield gauge(
        "real_server_up",
        "1 while a real server is well, else 0; absent while an operator has drained it.",
        _SERVER,
        ((labels, float(real.state == "up")) for labels, real in reals if real.state not in _DRAINED),
    )
    yield gauge(
        "real_server_drained",
        "1 while an operator has drained it, else 0.",
        _SERVER,
        ((labels, float(real.state in _DRAINED)) for labels, real in reals),
    )
    yield gauge(
        "real_server_weight",
        "Its weight in the kernel; 0 while it gets nothing new.",
        _SERVER,
        ((labels, float(real.weight)) for labels, real in reals),
    )
    yield gauge(
        "real_server_connections",
        "Connections that it has now; absent where the kernel has no entry for it.",
        (*_SERVER, "kind"),
        (
            ((*labels, kind), float(count))
            for labels, real in reals
            for kind, count in (
                ("active", real.active),
                ("inactive", real.inactive),
                ("persistent", real.persistent),
            )
            if count is not None
        ),
    )


def _of_traffic(reals: list[_Real]) -> Iterator[Family]:
    """Counted by the kernel from when an entry was made: a server that was out begins at 0 again."""
    counted = [(labels, real.traffic) for labels, real in reals if real.traffic is not None]
    yield counter(
        "real_server_connections_made",
        "Connections that it was given.",
        _SERVER,
        ((labels, traffic.connections) for labels, traffic in counted),
    )
    yield counter(
        "real_server_bytes",
        "Bytes that went to it (in) and came back by this node (out).",
        (*_SERVER, "direction"),
        (
            ((*labels, direction), count)
            for labels, traffic in counted
            for direction, count in (("in", traffic.bytes_in), ("out", traffic.bytes_out))
        ),
    )
