"""A host's CLOCK_BOOTTIME in true time: it starts at a boot and runs at a rate of its own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HostClock:
    """Reads `shown_at_boot_s` at the true time `booted_at_s`, and gains `rate` seconds in a true second."""

    booted_at_s: float
    shown_at_boot_s: float
    rate: float

    def reading_s(self, true_s: float) -> float:
        """What the clock shows at a true time."""
        return self.shown_at_boot_s + (true_s - self.booted_at_s) * self.rate

    def true_s(self, reading_s: float) -> float:
        """The true time at which the clock shows this."""
        return self.booted_at_s + (reading_s - self.shown_at_boot_s) / self.rate
