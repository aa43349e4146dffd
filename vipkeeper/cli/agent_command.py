"""`vipkeeper agent`: the configuration, then the agent."""

from __future__ import annotations

import argparse
import logging

from vipkeeper.cli.options import add_agent_options, add_store_options, flags_from
from vipkeeper.config.flags import Flags
from vipkeeper.config.parsing import ParsedConfig
from vipkeeper.config.reader import load_parsed
from vipkeeper.config.schema import Config
from vipkeeper.model.errors import ConfigError, MissingPrivilege
from vrrp_compat.keepalived_conf.statements import Severity


def fill(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    add_store_options(parser)
    add_agent_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs until the agent is told to stop. Raises ConfigError before anything is touched."""
    flags = flags_from(arguments)
    config = _first_config(arguments.config, flags)
    from vipkeeper.agent.supervisor import run_agent

    def reload() -> Config:
        # A running agent refuses a file that it may no longer read as it refuses one with mistakes.
        try:
            again = load_parsed(arguments.config, flags)
        except MissingPrivilege as error:
            raise ConfigError((str(error),)) from error
        _log_remarks(again)
        return again.config

    return run_agent(config, reload)


def _first_config(file: str | None, flags: Flags) -> Config:
    """Its remarks are logged, and they and the places of its settings end here: 4 MB of a long file."""
    parsed = load_parsed(file, flags)
    from vipkeeper.agent.logs import set_up_logging

    set_up_logging(parsed.config.log.format, parsed.config.log.level)
    _log_remarks(parsed)
    return parsed.config


def _log_remarks(parsed: ParsedConfig) -> None:
    """What there is to say about a keepalived.conf, line by line."""
    from vipkeeper.agent.logs import log

    for remark in parsed.remarks:
        level = logging.INFO if remark.severity is Severity.NOTE else logging.WARNING
        log(level, "config", str(remark))
