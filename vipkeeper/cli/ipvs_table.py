"""Virtual servers for a person: one row each, and below it one for each of its real servers.

Rules of this file: the plain text and the coloured table have the same cells; rich is imported only when it
draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vipkeeper.cli.vip_table import NOTHING, aligned, printable
from vipkeeper.model.director_messages import CheckReport, RealServerReport, VirtualServerReport
from vipkeeper.model.ipvs import Traffic

HEADINGS = (
    "NAME",
    "ADDRESS",
    "HOW",
    "STATE",
    "WEIGHT",
    "ACTIVE",
    "INACTIVE",
    "CONNS/S",
    "IN",
    "OUT",
    "WHY (LAST CHECK)",
)
Row = tuple[str, ...]
_STATE = HEADINGS.index("STATE")
_STYLES = {"up": "green", "down": "red", "draining": "yellow", "drained": "yellow", "absent": "dim"}
_UNITS = ((10**9, "GB/s"), (10**6, "MB/s"), (10**3, "kB/s"))


def plain_table(servers: Sequence[VirtualServerReport]) -> str:
    """Aligned text, no control characters."""
    return aligned([HEADINGS, *rows(servers)])


def draw_table(servers: Sequence[VirtualServerReport]) -> None:
    """The same on a terminal: what is up is green, what is down is red."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in HEADINGS:
        table.add_column(heading, overflow="fold")
    for row in rows(servers):
        cells = [Text(cell) for cell in row]
        cells[_STATE].stylize(_STYLES.get(row[_STATE].partition(",")[0], ""))
        table.add_row(*cells)
    Console().print(table)


def rows(servers: Sequence[VirtualServerReport]) -> Iterator[Row]:
    """In the order of HEADINGS."""
    for server in servers:
        yield _virtual(server)
        for real in server.real_servers:
            yield _real(real)
        if server.sorry_server is not None:
            yield _sorry(server)


def _virtual(server: VirtualServerReport) -> Row:
    how = server.scheduler
    if server.persistence_s is not None:
        how += f", persistent {server.persistence_s} s"
    return (
        printable(server.name),
        printable(", ".join(server.keys)) or NOTHING,
        printable(how),
        printable(server.state),
        f"{server.weight} of {server.quorum}",
        NOTHING,
        NOTHING,
        *_rates(server.traffic),
        printable(_why(server)),
    )


def _why(server: VirtualServerReport) -> str:
    said = []
    if server.state == "absent":
        said.append(f"this node does not have {', '.join(server.vips) or 'its VIP'}")
    elif server.state == "down":
        said.append(f"quorum lost: {server.weight} of {server.quorum} is well")
    if server.checks_suspended:
        said.append("checks are suspended")
    return "; ".join(said) or NOTHING


def _real(real: RealServerReport) -> Row:
    weight = str(real.weight)
    if real.weight != real.configured_weight:
        weight += f" (of {real.configured_weight})"
    return (
        printable(f"  {real.name}"),
        printable(f"[{real.address}]:{real.port}" if ":" in real.address else f"{real.address}:{real.port}"),
        printable(real.method),
        printable(real.state if real.in_table else f"{real.state}, out"),
        weight,
        _number(real.active),
        _number(real.inactive),
        *_rates(real.traffic),
        printable(_why_real(real)),
    )


def _why_real(real: RealServerReport) -> str:
    """The director's reason, and how old the word of the check is that it goes back to."""
    check = min(real.checks, key=_health, default=None)
    if check is None:
        return real.reason or NOTHING
    when = [f"{check.failures} times"] if check.failures > 1 else []
    if check.ago_s is not None:
        when.append(f"{_age(check.ago_s)} ago")
    said = real.reason
    if check.failures and check.state == "up":
        said += f"; {check.kind} {check.name}".rstrip() + f" fails just now: {check.detail}"
    return said + (f" ({', '.join(when)})" if when else "")


def _health(check: CheckReport) -> tuple[int, int, float]:
    """The one that is worst off comes first, and of equal ones the latest."""
    return ("down", "unknown", "up").index(check.state), -check.failures, check.ago_s or 0.0


def _age(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def _sorry(server: VirtualServerReport) -> Row:
    state = "in use" if server.sorry_in_use else "waits"
    nothing = (NOTHING,) * (len(HEADINGS) - 5)
    return "  (sorry server)", printable(server.sorry_server or ""), NOTHING, state, NOTHING, *nothing


def _rates(traffic: Traffic | None) -> tuple[str, str, str]:
    if traffic is None:
        return NOTHING, NOTHING, NOTHING
    return (
        str(traffic.connections_per_s),
        _bytes(traffic.bytes_in_per_s),
        _bytes(traffic.bytes_out_per_s),
    )


def _bytes(per_s: int) -> str:
    for size, unit in _UNITS:
        if per_s >= size:
            return f"{per_s / size:.1f} {unit}"
    return f"{per_s} B/s"


def _number(count: int | None) -> str:
    return NOTHING if count is None else str(count)
