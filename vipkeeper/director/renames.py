"""What a reload calls otherwise: which virtual server, and which check, is the one of before.

Rules of this file: pure. A virtual server is known by its keys in the kernel's table, whose connections go on
whatever its name is; one that moved to other keys is known by its name. Within it a real server is known by
its address, as in `VirtualService.followed`, and a check of that by its label.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from vipkeeper.model.balancing import CheckKey, ServicePlan


def former_names(before: Iterable[ServicePlan], after: Iterable[ServicePlan]) -> dict[str, str]:
    """The name that each had; one that is new is not there."""
    left = {plan.name: frozenset(plan.keys) for plan in before}
    by_keys = {keys: name for name, keys in left.items()}
    new = {plan.name: frozenset(plan.keys) for plan in after}
    former = {name: by_keys.pop(keys) for name, keys in new.items() if keys in by_keys}
    for name in former.values():
        del left[name]
    former.update((name, name) for name in new if name not in former and name in left)
    return former


def renamed_checks(
    former: Mapping[str, str], before: Iterable[ServicePlan], after: Iterable[ServicePlan]
) -> dict[CheckKey, CheckKey]:
    """Each check whose key is another one now: what it was, and what it is."""
    earlier = {plan.name: plan for plan in before}
    return {
        was: now
        for plan in after
        if plan.name in former
        for was, now in _same_checks(earlier[former[plan.name]], plan)
        if was != now
    }


def _same_checks(before: ServicePlan, after: ServicePlan) -> Iterator[tuple[CheckKey, CheckKey]]:
    earlier = {real.key: real for real in before.real_servers}
    for real in after.real_servers:
        if real.key in earlier:
            was = earlier[real.key]
            known = {check.label for check in was.checks}
            for check in real.checks:
                if check.label in known:
                    yield (
                        CheckKey(before.name, was.name, check.label),
                        CheckKey(after.name, real.name, check.label),
                    )
