"""What Prometheus is told of virtual servers, as text that the agent hands on as it is.

Rules of this file: as in `agent/metrics_text.py`: names and labels are a contract with dashboards, each has
a row in docs/operations.md. The text is made here and not by the agent, whose loop renews leases; and not by
prometheus_client, which takes 20 us for a row: a thousand virtual servers have 40,000. What this
node has not or does not check, and what an operator drained, has no row in `..._up`: nobody is to be woken
for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vipkeeper.model.director_messages import METRICS_END, DirectorReport, RealServerReport

_DRAINED = frozenset({"draining", "drained"})
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Row = tuple[str, int]  # its labels in braces, and the number


def metrics_of(report: DirectorReport) -> Iterator[bytes]:
    """Piece by piece, for whoever has other things to do meanwhile. All of it ends with METRICS_END."""
    yield from _of_node(report)
    yield from _of_virtual_servers(report)
    reals = [
        (f"{_of(virtual_server=virtual.name)},{_of(real_server=real.name)}", real)
        for virtual in report.virtual_servers
        for real in virtual.real_servers
    ]
    yield _up(report)
    yield from _of_real_servers(reals)
    yield from _of_traffic(reals)
    yield METRICS_END


def _of_node(report: DirectorReport) -> Iterator[bytes]:
    yield _family(
        "ipvs_refused",
        "What the kernel did not take; 1 where it has no IPVS, or this agent may not use it. 0 is well.",
        [("", len(report.refused) + bool(report.missing))],
    )
    yield _family(
        "checks_total",
        "Checks of real servers, and how they ended.",
        [
            (f"{{{_of(result='failed')}}}", report.checks_failed),
            (f"{{{_of(result='succeeded')}}}", report.checks_run - report.checks_failed),
        ],
    )
    yield _family(
        "ipvs_readings_total",
        "How often the kernel's table was compared with what is wanted.",
        [("", report.reconciled)],
    )
    yield _family(
        "ipvs_corrections_total",
        "Entries of the kernel's table that somebody else had changed or removed.",
        [("", report.corrected)],
    )


def _of_virtual_servers(report: DirectorReport) -> Iterator[bytes]:
    here = [
        (f"{{{_of(virtual_server=one.name)}}}", one)
        for one in report.virtual_servers
        if one.state != "absent"
    ]
    yield _family(
        "virtual_server_up",
        "1 while a virtual server has its quorum, else 0; absent on a node that does not have it.",
        ((labels, one.state == "up") for labels, one in here),
    )
    yield _family(
        "virtual_server_weight",
        "The sum of the weights of its real servers that are well.",
        ((labels, one.weight) for labels, one in here),
    )
    yield _family(
        "virtual_server_quorum", "The weight that it needs.", ((labels, one.quorum) for labels, one in here)
    )
    yield _family(
        "virtual_server_sorry_in_use",
        "1 while its sorry server serves, else 0; absent without a sorry server.",
        ((labels, one.sorry_in_use) for labels, one in here if one.sorry_server is not None),
    )


def _up(report: DirectorReport) -> bytes:
    return _family(
        "real_server_up",
        "1 while a real server is well, else 0; absent while it is drained, or not checked.",
        (
            (f"{{{_of(virtual_server=virtual.name, real_server=real.name)}}}", real.state == "up")
            for virtual in report.virtual_servers
            if not virtual.checks_suspended
            for real in virtual.real_servers
            if real.state not in _DRAINED
        ),
    )


def _of_real_servers(reals: list[tuple[str, RealServerReport]]) -> Iterator[bytes]:
    yield _family(
        "real_server_drained",
        "1 while an operator has drained it, else 0.",
        ((f"{{{who}}}", real.state in _DRAINED) for who, real in reals),
    )
    yield _family(
        "real_server_weight",
        "Its weight in the kernel; 0 while it gets nothing new.",
        ((f"{{{who}}}", real.weight) for who, real in reals),
    )
    yield _family(
        "real_server_connections",
        "Connections that it has now; absent where the kernel has no entry for it.",
        (
            (f'{{{who},kind="{kind}"}}', count)
            for who, real in reals
            for kind, count in (
                ("active", real.active),
                ("inactive", real.inactive),
                ("persistent", real.persistent),
            )
            if count is not None
        ),
    )


def _of_traffic(reals: list[tuple[str, RealServerReport]]) -> Iterator[bytes]:
    """Counted by the kernel from when an entry was made: a server that was out begins at 0 again."""
    counted = [(who, real.traffic) for who, real in reals if real.traffic is not None]
    yield _family(
        "real_server_connections_made_total",
        "Connections that it was given.",
        ((f"{{{who}}}", traffic.connections) for who, traffic in counted),
    )
    yield _family(
        "real_server_bytes_total",
        "Bytes that went to it (in) and came back by this node (out).",
        (
            (f'{{{who},direction="{direction}"}}', count)
            for who, traffic in counted
            for direction, count in (("in", traffic.bytes_in), ("out", traffic.bytes_out))
        ),
    )


def _of(**labels: str) -> str:
    return ",".join(f'{name}="{value.translate(_ESCAPED)}"' for name, value in labels.items())


def _family(name: str, about: str, rows: Iterable[Row]) -> bytes:
    """One that counts has a name that ends in `_total`, as the format wants it."""
    kind = "counter" if name.endswith("_total") else "gauge"
    head = f"# HELP vipkeeper_{name} {about}\n# TYPE vipkeeper_{name} {kind}\n"
    return (head + "".join(f"vipkeeper_{name}{labels} {number:d}\n" for labels, number in rows)).encode()
