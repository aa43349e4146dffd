"""`vipkeeper agent`: the configuration, then the agent."""

from __future__ import annotations

import argparse
import gc

from vipkeeper.cli.options import add_agent_options, add_store_options, flags_from
from vipkeeper.config.reader import load_config
from vipkeeper.config.schema import Config
from vipkeeper.model.errors import ConfigError, MissingPrivilege


def fill(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    add_store_options(parser)
    add_agent_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs until the agent is told to stop. Raises ConfigError before anything is touched."""
    flags = flags_from(arguments)
    config = load_config(arguments.config, flags)
    gc.disable()  # until the agent has settled: collecting while modules load costs 10 to 15 ms
    from vipkeeper.agent.supervisor import run_agent

    def reload() -> Config:
        # A running agent refuses a file that it may no longer read as it refuses one with mistakes.
        try:
            return load_config(arguments.config, flags)
        except MissingPrivilege as error:
            raise ConfigError((str(error),)) from error

    return run_agent(config, reload)
