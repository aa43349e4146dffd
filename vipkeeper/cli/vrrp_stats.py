"""`vipkeeper vrrp stats`: what the virtual routers of this machine's agent have counted."""

from __future__ import annotations

import argparse

import msgspec

from vipkeeper.cli.agent_view import report_of_agent
from vipkeeper.cli.router_listing import count_routers, statistics_table
from vipkeeper.config.flags import Flags
from vipkeeper.config.parsing import parse_settings
from vipkeeper.config.reader import read_source


def show_statistics(arguments: argparse.Namespace) -> int:
    """Raises ConfigError, or StoreUnreachable when no agent answers."""
    flags = Flags(run_dir=arguments.run_dir, cluster=arguments.cluster)
    config = parse_settings(read_source(arguments.config, flags), frozenset({"run_dir", "cluster"}))
    counted = count_routers(report_of_agent(config))
    if arguments.output == "json":
        print(msgspec.json.format(msgspec.json.encode(counted), indent=2).decode())
    elif counted:
        print(statistics_table(counted))
    else:
        print("this agent speaks no VRRP")
    return 0
