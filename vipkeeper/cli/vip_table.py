"""The list of VIPs for a person: one row each, plain or with colour.

Rules of this file: the plain text and the coloured table have the same cells; rich is imported only when it
draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from vipkeeper.cli.vip_listing import Candidate, ListedNode, ListedVip
from vipkeeper.model.agent_report import Report
from vipkeeper.model.reasons import Reason

HEADINGS = ("VIP", "ADDRESSES", "OWNER", "LEASE", "FENCE", "EPOCH", "SINCE", "REASON", "CANDIDATES")
ELECTOR_HEADINGS = ("ASKED", "ANSWERS", "LAST REFUSAL")
NODE_HEADINGS = ("NODE", "STATE", "HOST", "HEARD")
NOTHING = "-"


def plain_table(vips: Sequence[ListedVip], wall_now: datetime) -> str:
    """Aligned text, one line a VIP, no control characters."""
    return aligned([HEADINGS, *(cells(vip, wall_now) for vip in vips)])


def node_table(nodes: Sequence[ListedNode], wall_now: datetime) -> str:
    """The nodes, as plain text in the same layout."""
    rows = (
        (
            printable(node.node),
            printable(node.state),
            printable(node.host) or NOTHING,
            _age(node.last_heard, wall_now),
        )
        for node in nodes
    )
    return aligned([NODE_HEADINGS, *rows])


def elector_table(report: Report) -> str:
    """The nodes that have to promise when the store is silent, in the same layout."""
    rows = (
        (printable(one.node), "yes" if one.answers else "no", printable(one.refusal or NOTHING))
        for one in report.electorate
    )
    return aligned([ELECTOR_HEADINGS, *rows])


def aligned(rows: Sequence[tuple[str, ...]]) -> str:
    """Columns as wide as their widest cell."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def draw_table(vips: Sequence[ListedVip], wall_now: datetime) -> None:
    """The same on a terminal: owners whose lease runs are green, VIPs that nobody serves are red."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in HEADINGS:
        table.add_column(heading, overflow="fold")
    for vip in vips:
        style = "green" if vip.lease_remaining_ms else "red"
        row = [Text(cell) for cell in cells(vip, wall_now)]
        for column in (HEADINGS.index("OWNER"), HEADINGS.index("LEASE")):
            row[column].stylize(style)
        table.add_row(*row)
    Console().print(table)


def cells(vip: ListedVip, wall_now: datetime) -> tuple[str, ...]:
    """One row, in the order of HEADINGS."""
    return (
        printable(f"{vip.vip} ({', '.join(vip.members)})" if vip.members else vip.vip),
        printable(", ".join(vip.addresses)) or NOTHING,
        _owner(vip),
        _lease(vip),
        printable(vip.fence or NOTHING),
        str(vip.epoch),
        _age(vip.since, wall_now),
        printable(_reason(vip)),
        printable(", ".join(_candidate(candidate) for candidate in vip.candidates)) or NOTHING,
    )


def _owner(vip: ListedVip) -> str:
    if vip.owner is not None:
        return printable(vip.owner)
    return printable(f"(released to {vip.released_to})") if vip.released_to is not None else NOTHING


def _lease(vip: ListedVip) -> str:
    if vip.owner is None:
        return NOTHING
    if vip.lease_remaining_ms is None:
        return "unknown"
    return f"{vip.lease_remaining_ms / 1000:.1f} s" if vip.lease_remaining_ms else "over"


def _reason(vip: ListedVip) -> str:
    if vip.promised_by is None:
        return vip.reason
    whose = ", ".join(vip.promised_by)
    return f"{vip.reason}, {Reason.HELD_ON_PROMISES.value}" + (f" by {whose}" if whose else "")


def _candidate(candidate: Candidate) -> str:
    text = f"{candidate.node} {candidate.priority}"
    if candidate.weights:
        text += f" = {candidate.weights}"
    return text if candidate.eligible else f"{text} ({candidate.detail or candidate.reason})"


def _age(since: str | None, wall_now: datetime) -> str:
    """How long ago, in the largest unit that makes sense."""
    if since is None:
        return NOTHING
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        return printable(since)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = max(0, int((wall_now - moment).total_seconds()))
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"


def printable(text: str) -> str:
    """Records come from a store that others can write to: no control character reaches the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)
