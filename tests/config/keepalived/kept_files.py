"""A keepalived.conf from text in memory, read as an agent reads one from the disk."""

from __future__ import annotations

import msgspec

from vipkeeper.config.flags import Flags
from vipkeeper.config.keepalived.translation import Translation, translate
from vipkeeper.config.parsing import ConfigSource, ParsedConfig, parse_config
from vipkeeper.config.schema import Config
from vipkeeper.model.errors import ConfigError
from vrrp_compat.keepalived_conf.reading import Surroundings, Unreadable, read_configuration
from vrrp_compat.keepalived_conf.statements import Written
from vrrp_compat.keepalived_conf.understanding import understand
from vrrp_compat.keepalived_conf.understood import Understood

NAME = "keepalived.conf"


class MemoryFiles:
    """One file and no other."""

    def __init__(self, text: str) -> None:
        self._content = text.encode()

    def read(self, path: str) -> bytes | Unreadable:
        return self._content if path == NAME else Unreadable("no such file or directory")

    def matching(self, pattern: str) -> tuple[str, ...]:
        return ()


class Read(msgspec.Struct, frozen=True):
    """All that becomes of a text on its way to a document."""

    written: Written
    understood: Understood
    translation: Translation


def read(text: str, backend: str | None = None) -> Read:
    written = read_configuration(NAME, MemoryFiles(text), Surroundings())
    understood = understand(written)
    return Read(written, understood, translate(understood, backend))


def parsed(text: str, backend: str | None = None) -> ParsedConfig:
    document = read(text, backend).translation.document
    flags = Flags(backend=backend)
    return parse_config(ConfigSource(text=None, name=NAME, flags=flags, hostname="host-a", document=document))


def config_of(text: str, backend: str | None = None) -> Config:
    return parsed(text, backend).config


def mistakes_of(text: str, backend: str | None = None) -> list[str]:
    """What is refused, one string a mistake; none when an agent runs with it."""
    try:
        parsed(text, backend)
    except ConfigError as error:
        return list(error.mistakes)
    return []


def remarks_of(text: str, backend: str | None = None) -> list[str]:
    """What is said about the file, one string a remark."""
    return [str(remark) for remark in read(text, backend).translation.document.remarks]
