"""Configurations for tests, from text and flags alone."""

from __future__ import annotations

from vipkeeper.config.flags import Flags
from vipkeeper.config.parsing import ConfigSource, parse_config
from vipkeeper.config.schema import Config
from vipkeeper.model.errors import ConfigError

ONE_VIP = """
[vip.web]
addresses = ["192.0.2.10"]
interface = "eth0"
"""


def source(text: str | None, flags: Flags | None = None, hostname: str = "host-a") -> ConfigSource:
    return ConfigSource(text=text, name="x.toml", flags=flags or Flags(), hostname=hostname)


def config_of(text: str | None, flags: Flags | None = None) -> Config:
    return parse_config(source(text, flags)).config


def mistakes_of(text: str | None, flags: Flags | None = None) -> list[str]:
    """What is refused, one string a mistake; none when the configuration is accepted."""
    try:
        config_of(text, flags)
    except ConfigError as error:
        return list(error.mistakes)
    return []
