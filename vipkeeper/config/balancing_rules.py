"""All rules of virtual servers, for `rules.py`: only a configuration that has any pays for loading them.

Rules of this file: it gathers, and judges nothing itself but names.
"""

from __future__ import annotations

from collections.abc import Iterator

from vipkeeper.config.balancing_notices import balancing_notices, interface_notices
from vipkeeper.config.check_rules import broken_check_rules
from vipkeeper.config.ipvs_rules import broken_ipvs_rules, ssl_files
from vipkeeper.config.mistakes import Finding
from vipkeeper.config.name_rules import bad_name
from vipkeeper.config.real_server_rules import broken_server_rules
from vipkeeper.config.resolved_services import (
    ResolvedService,
    resolve_groups,
    resolve_services,
    written_checks,
)
from vipkeeper.config.schema import Config
from vipkeeper.config.service_rules import broken_group_entries, broken_service_rules

__all__ = ["balancing_notices", "broken_balancing_rules", "interface_notices", "ssl_files"]


def broken_balancing_rules(config: Config) -> Iterator[Finding]:
    """Everything that makes virtual servers unusable."""
    groups = resolve_groups(config)
    services = resolve_services(config, groups)
    for name in groups:
        yield from bad_name(("virtual_server_group", name), name)
    yield from broken_group_entries(groups)
    yield from _bad_names(services)
    yield from broken_service_rules(config, services)
    yield from broken_server_rules(config, services)
    yield from broken_check_rules(config, services)
    yield from broken_ipvs_rules(config)


def _bad_names(services: tuple[ResolvedService, ...]) -> Iterator[Finding]:
    for service in services:
        yield from bad_name(service.path, service.name)
        for server in service.real_servers:
            yield from bad_name(server.path, server.name)
    for path, _ in written_checks(services):
        yield from bad_name(path, str(path[-1]))
