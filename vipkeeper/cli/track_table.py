"""What the agent of this machine watches, as `ls --all` shows it.

Rules of this file: pure.
"""

from __future__ import annotations

from vipkeeper.cli.vip_table import NOTHING, aligned, printable
from vipkeeper.model.agent_report import Report

HEADINGS = ("TRACKED", "KIND", "STATE", "WHY", "VIPS")


def track_table(report: Report) -> str:
    """Aligned text, one line a tracked thing; "" if nothing is tracked."""
    rows = [
        (
            printable(track.name),
            track.kind,
            track.state if track.number is None else str(track.number),
            printable(track.detail) or NOTHING,
            printable(", ".join(track.vips)),
        )
        for track in report.tracks
    ]
    return aligned([HEADINGS, *rows]) if rows else ""
