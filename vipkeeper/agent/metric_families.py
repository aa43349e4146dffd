"""Metrics as Prometheus' library takes them, and their text.

Rules of this file: the one importer of prometheus_client, which takes 75 ms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

Family = Metric
Rows = Iterable[tuple[Iterable[str], float]]


def gauge(name: str, about: str, labels: Iterable[str], rows: Rows) -> Family:
    """What goes up and down. A row has the values of the labels, and the number."""
    family = GaugeMetricFamily(f"vipkeeper_{name}", about, labels=list(labels))
    for values, number in rows:
        family.add_metric(list(values), number)
    return family


def counter(name: str, about: str, labels: Iterable[str], rows: Rows) -> Family:
    """What only goes up; `_total` is put behind the name."""
    family = CounterMetricFamily(f"vipkeeper_{name}", about, labels=list(labels))
    for values, number in rows:
        family.add_metric(list(values), number)
    return family


def info(name: str, about: str, labels: Mapping[str, str]) -> Family:
    """Always 1; the labels are what it says."""
    return InfoMetricFamily(f"vipkeeper_{name}", about, value=dict(labels))


def text_of(families: Iterable[Family]) -> bytes:
    """All of them, in this order."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(families))
    return generate_latest(registry)


class _Families(Collector):
    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Family]:
        """Called by the registry."""
        return self._families
