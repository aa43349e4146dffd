"""What an agent asks the host for before it runs: configuration files and the host's name.

Rules of this file: it decides nothing; what cannot be read becomes a ConfigError or MissingPrivilege that
says what to do.
"""

from __future__ import annotations

import socket
from pathlib import Path

from vipkeeper.config.file_formats import is_keepalived_conf
from vipkeeper.config.flags import Flags
from vipkeeper.config.parsing import ConfigSource, ParsedConfig, parse_config
from vipkeeper.config.schema import DEFAULT_CONFIG_FILE, Config
from vipkeeper.model.errors import ConfigError, MissingPrivilege


def read_source(file: str | None, flags: Flags) -> ConfigSource:
    """The text of `file`, or of the default file if there is one, with the flags.

    Raises ConfigError when a named file cannot be read, MissingPrivilege when this user may not read it.
    """
    name = DEFAULT_CONFIG_FILE if file is None else file
    hostname = socket.gethostname()
    if file is None and not Path(name).exists():
        return ConfigSource(text=None, name=name, flags=flags, hostname=hostname)
    content = _read_bytes(name)
    if not is_keepalived_conf(name, content.decode(errors="replace")):
        return ConfigSource(text=_decoded(name, content), name=name, flags=flags, hostname=hostname)
    if flags.endpoints is not None and flags.backend is None:
        raise ConfigError((_NO_BACKEND,))
    from vipkeeper.config.keepalived.translation import translate
    from vipkeeper.config.keepalived_reader import read_keepalived_conf

    document = translate(read_keepalived_conf(name).understood, flags.backend).document
    return ConfigSource(text=None, name=name, flags=flags, hostname=hostname, document=document)


_NO_BACKEND = (
    "--endpoints: names a store, and a keepalived.conf means VRRP unless told otherwise; "
    "add --backend etcd or --backend zookeeper"
)


def _read_bytes(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except PermissionError as error:
        raise MissingPrivilege(f"{name}: may not be read by this user; run as a user who may") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError((f"{name}: cannot be read: {reason}; correct the path",)) from error


def _decoded(name: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError((f"{name}:{line}: is not UTF-8 text; save the file as UTF-8",)) from error


def load_config(file: str | None, flags: Flags) -> Config:
    """What an agent runs with. Raises ConfigError with all mistakes, or MissingPrivilege."""
    return load_parsed(file, flags).config


def load_parsed(file: str | None, flags: Flags) -> ParsedConfig:
    """Like `load_config`, with the places of the settings."""
    return parse_config(read_source(file, flags))
