"""Collects figures beside their targets; printed as a table and written as JSON.

Rules of this file: a missed target is reported and fails nothing: a busy machine must not look like a defect.
Two nodes answering at once is no figure; the bench fails for it.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

# Repetitions of each measurement that is repeated; more give steadier medians and take longer.
ROUNDS = int(os.environ.get("VIPKEEPER_BENCH_ROUNDS", "10"))


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. `target` is an upper bound, None where the value is only there to compare."""

    name: str
    value: float
    unit: str
    target: float | None
    detail: str = ""

    @property
    def verdict(self) -> str:
        if self.target is None:
            return ""
        return "met" if self.value <= self.target else "MISSED"


@dataclass(slots=True)
class Figures:
    rows: list[Figure] = field(default_factory=list)

    def add(
        self, name: str, value: float, unit: str, *, target: float | None = None, detail: str = ""
    ) -> None:
        self.rows.append(Figure(name, value, unit, target, detail))
        print(f"\n  {self._line(self.rows[-1])}")

    def table(self) -> str:
        return "\n".join(["", "Figures", *(f"  {self._line(row)}" for row in self.rows)])

    @staticmethod
    def _line(row: Figure) -> str:
        target = "" if row.target is None else f"target {row.target:g}"
        value = f"{row.value:.3g}" if row.value < 100 else f"{row.value:.0f}"
        return f"{row.name:<58} {value:>8} {row.unit:<14} {target:<12} {row.verdict:<7} {row.detail}".rstrip()

    def write(self, path: Path) -> None:
        machine = {
            "kernel": platform.release(),
            "processors": os.cpu_count(),
            "python": platform.python_version(),
        }
        content = {"machine": machine, "rounds": ROUNDS, "figures": [asdict(row) for row in self.rows]}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=2) + "\n")


def spread(values: Sequence[float]) -> str:
    """Smallest, median and largest, for the detail of a figure."""
    return (
        f"min {min(values):.1f}, p50 {statistics.median(values):.1f}, max {max(values):.1f}, n={len(values)}"
    )
