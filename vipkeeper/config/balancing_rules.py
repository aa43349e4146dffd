"""All rules of virtual servers, for `rules.py`: only a configuration that has any pays for loading them.

Rules of this file: it gathers, and judges nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from vipkeeper.config.balancing_notices import balancing_notices, interface_notices
from vipkeeper.config.check_rules import broken_check_rules, written_checks
from vipkeeper.config.ipvs_rules import broken_ipvs_rules, ssl_files
from vipkeeper.config.mistakes import Finding
from vipkeeper.config.real_server_rules import broken_server_rules
from vipkeeper.config.schema import Config
from vipkeeper.config.service_rules import broken_service_rules

__all__ = [
    "balancing_notices",
    "broken_balancing_rules",
    "interface_notices",
    "ssl_files",
    "written_checks",
]


def broken_balancing_rules(config: Config) -> Iterator[Finding]:
    """Everything that makes virtual servers unusable."""
    yield from broken_service_rules(config)
    yield from broken_server_rules(config)
    yield from broken_check_rules(config)
    yield from broken_ipvs_rules(config)
