"""Asks the host: reads configuration files, host name, interfaces. `keepalived_files.py` is its sister.

Rules of this file: it decides nothing; what cannot be read becomes a ConfigError or MissingPrivilege that
says what to do.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from vipkeeper.config.flags import Flags
from vipkeeper.config.parsing import ConfigSource, ParsedConfig, parse_config
from vipkeeper.config.rules import HostFacts, named_files
from vipkeeper.config.schema import DEFAULT_CONFIG_FILE, Config
from vipkeeper.model.errors import ConfigError, MissingPrivilege


def read_source(file: str | None, flags: Flags) -> ConfigSource:
    """The text of `file`, or of the default file if there is one, with the flags.

    Raises ConfigError when a named file cannot be read, MissingPrivilege when this user may not read it.
    """
    name = DEFAULT_CONFIG_FILE if file is None else file
    text = None if file is None and not Path(name).exists() else read_text(name)
    return ConfigSource(text=text, name=name, flags=flags, hostname=socket.gethostname())


def read_text(name: str) -> str:
    """The text of a configuration file. Raises ConfigError or MissingPrivilege."""
    try:
        return Path(name).read_bytes().decode()
    except PermissionError as error:
        raise MissingPrivilege(f"{name}: may not be read by this user; run as a user who may") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError((f"{name}:{line}: is not UTF-8 text; save the file as UTF-8",)) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError((f"{name}: cannot be read: {reason}; correct the path",)) from error


def load_config(file: str | None, flags: Flags) -> Config:
    """What an agent runs with. Raises ConfigError with all mistakes, or MissingPrivilege."""
    return load_parsed(file, flags).config


def load_parsed(file: str | None, flags: Flags) -> ParsedConfig:
    """Like `load_config`, with the places of the settings."""
    return parse_config(read_source(file, flags))


def facts_of_this_host(config: Config) -> HostFacts:
    """What `host_notices` wants to know."""
    missing = [file for _, file in named_files(config) if not os.access(file, os.R_OK)]
    return HostFacts(
        interfaces=frozenset(name for _, name in socket.if_nameindex()),
        missing_files=frozenset(missing),
    )
