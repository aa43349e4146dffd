"""VRRP packets for a person: one row each, plain or with colour, and what the reasons mean.

Rules of this file: packets come from strangers, so no control character reaches the terminal.
"""

from __future__ import annotations

from collections.abc import Sequence

from vipkeeper.cli.vip_table import aligned, printable
from vrrp_compat.wire.discards import DiscardReason
from vrrp_compat.wire.inspection import ACCEPT, Inspected

HEADINGS = (
    *("SOURCE", "DESTINATION", "TTL", "VERSION", "VRID", "PRIORITY", "INTERVAL"),
    *("ADDRESSES", "AUTH", "CHECKSUM", "VERDICT"),
)
_NOTHING = "-"


def plain_table(packets: Sequence[Inspected]) -> str:
    """Aligned text, one line a packet."""
    return aligned([HEADINGS, *map(cells, packets)])


def draw_table(packets: Sequence[Inspected]) -> None:
    """The same on a terminal: what must be discarded is red."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in HEADINGS:
        table.add_column(heading, overflow="fold")
    for packet in packets:
        row = [Text(cell) for cell in cells(packet)]
        row[-1].stylize("green" if packet.verdict == ACCEPT else "red")
        table.add_row(*row)
    Console().print(table)


def explanations(packets: Sequence[Inspected]) -> list[str]:
    """Each reason that occurs, once, and who has to act."""
    seen = {packet.reason for packet in packets}
    return [f"{reason.value}: {reason.explained}" for reason in DiscardReason if reason.value in seen]


def cells(packet: Inspected) -> tuple[str, ...]:
    """One row, in the order of HEADINGS."""
    interval = None if packet.interval_cs is None else f"{packet.interval_cs / 100:g} s"
    return (
        _cell(packet.source),
        _cell(packet.destination),
        _cell(packet.ttl),
        _cell(packet.version),
        _cell(packet.vrid),
        _cell(packet.priority),
        _cell(interval),
        _cell(", ".join(packet.addresses or ()) or None),
        _authentication(packet),
        _checksum(packet),
        packet.verdict if packet.reason is None else f"{packet.verdict}: {packet.reason}",
    )


def _authentication(packet: Inspected) -> str:
    if packet.ah is not None:
        key = {None: "not judged", True: "right key", False: "wrong key"}[packet.ah.icv_ok]
        return f"ah {packet.ah.sequence} ({key})"
    said = " ".join(part for part in (packet.auth_type, packet.auth_data) if part)
    return printable(said) or _NOTHING


def _checksum(packet: Inspected) -> str:
    if packet.checksum_ok is None:
        return _NOTHING
    return packet.checksum_rule or "wrong"


def _cell(value: str | int | None) -> str:
    return _NOTHING if value is None else str(value)
