"""What a virtual server decides, beside what its checks' clock knows and what the kernel counts.

Rules of this file: it puts together, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import fields, replace

from vipkeeper.balancing.entries import place
from vipkeeper.balancing.virtual_service import VirtualService
from vipkeeper.model.balancing import CheckKey, RealServerPlan, ServicePlan
from vipkeeper.model.director_messages import CheckReport, RealServerReport, VirtualServerReport
from vipkeeper.model.ipvs import DestinationCounts, ServiceCounts, ServiceKey, Traffic

ReportOf = Callable[[CheckKey], CheckReport | None]


def full_report(
    service: VirtualService, checks: ReportOf, counts: Mapping[ServiceKey, ServiceCounts]
) -> VirtualServerReport:
    """Of one virtual server."""
    plan, report = service.plan, service.report()
    real_servers = (
        _with_checks(plan, _with_counts(plan, real, shown, counts), real, checks)
        for real, shown in zip(plan.real_servers, report.real_servers, strict=True)
    )
    here = [counts[key].traffic for key in plan.keys if key in counts]
    return replace(report, real_servers=tuple(real_servers), traffic=_sum(here) if here else None)


def _with_checks(
    plan: ServicePlan, shown: RealServerReport, real: RealServerPlan, checks: ReportOf
) -> RealServerReport:
    own = (checks(CheckKey(plan.name, real.name, check.label)) for check in real.checks)
    known = tuple(check for check in own if check is not None)
    return replace(shown, checks=known) if len(known) == len(shown.checks) else shown


def _with_counts(
    plan: ServicePlan,
    real: RealServerPlan,
    shown: RealServerReport,
    counts: Mapping[ServiceKey, ServiceCounts],
) -> RealServerReport:
    found: list[DestinationCounts] = []
    for key in plan.keys:
        destinations = counts[key].destinations if key in counts else {}
        one = destinations.get(place(key, real.key, real.destination))
        if one is not None:
            found.append(one)
    if not found:
        return shown
    return replace(
        shown,
        active=sum(one.active for one in found),
        inactive=sum(one.inactive for one in found),
        persistent=sum(one.persistent for one in found),
        traffic=_sum([one.traffic for one in found]),
    )


def _sum(counted: list[Traffic]) -> Traffic:
    if len(counted) == 1:
        return counted[0]
    names = [field.name for field in fields(Traffic)]
    return Traffic(**{name: sum(getattr(one, name) for one in counted) for name in names})
