"""`vipkeeper agent`: the configuration, then the agent."""

from __future__ import annotations

import argparse

from vipkeeper.cli.options import add_agent_options, add_store_options, flags_from


def fill(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    add_store_options(parser)
    add_agent_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs until the agent is told to stop. Raises ConfigError before anything is touched."""
    from vipkeeper.agent.supervisor import run_agent
    from vipkeeper.config.reader import load_config

    flags = flags_from(arguments)
    return run_agent(load_config(arguments.config, flags), lambda: load_config(arguments.config, flags))
