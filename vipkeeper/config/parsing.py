"""From what a file says and the flags to one checked Config, or to all mistakes at once.

Rules of this file: pure; flags override the file key by key; a place is the flag that set a value, else the
line of the file. Which format the file has is known by then: a keepalived.conf comes as a Document.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from vipkeeper.config.documents import Document, Origin, TomlOrigins, origin_of
from vipkeeper.config.flags import Flags, FlagSettings, settings_from_flags
from vipkeeper.config.mistakes import Finding, Mistake, dotted
from vipkeeper.config.rules import broken_rules
from vipkeeper.config.schema import Config
from vipkeeper.config.toml_positions import Path
from vipkeeper.config.typed_document import convert_document
from vipkeeper.model.errors import ConfigError
from vrrp_compat.keepalived_conf.statements import Remark, Severity


class ConfigSource(msgspec.Struct, frozen=True):
    """Everything that a Config is made of. `text` is that of a TOML file, None when there is none."""

    text: str | None
    name: str  # the file's name, for messages
    flags: Flags
    hostname: str  # the node's name unless something else is set
    document: Document | None = None  # what a file says that is no TOML


class Places:
    """Where each key was set."""

    def __init__(self, origins: Mapping[Path, Origin], flags: FlagSettings) -> None:
        self._origins = origins
        self._flags = flags.names

    def mistakes(self, findings: Iterable[Finding]) -> tuple[Mistake, ...]:
        """Findings with their places, in the order of the file; flags come first."""
        placed = [(self._order(finding.path), finding) for finding in findings]
        placed.sort(key=lambda pair: pair[0])
        return tuple(Mistake(self.of(f.path), f.path, f.wrong, f.fix, self._said(f.path)) for _, f in placed)

    def of(self, path: Path) -> str:
        """`--flag`, or `FILE:LINE`, or empty for a default that nobody wrote."""
        flag = self._flag(path)
        if flag is not None:
            return flag
        origin = origin_of(self._origins, path)
        return "" if origin is None else str(origin)

    def _said(self, path: Path) -> str:
        """What the file calls it; empty where that is the path itself."""
        if self._flag(path) is not None:
            return ""
        origin = origin_of(self._origins, path)
        if origin is None or not origin.said or path in self._origins:
            return "" if origin is None else origin.said
        return f"{origin.said} ({dotted(path)})"

    def _flag(self, path: Path) -> str | None:
        for length in range(len(path), 0, -1):
            if path[:length] in self._flags:
                return self._flags[path[:length]]
        if path in self._origins:
            return None
        return next((flag for place, flag in self._flags.items() if place[: len(path)] == path), None)

    def _order(self, path: Path) -> tuple[str, int]:
        origin = None if self._flag(path) is not None else origin_of(self._origins, path)
        return ("", 0) if origin is None else (origin.file, origin.line)


class ParsedConfig(msgspec.Struct, frozen=True):
    """A Config that breaks no rule, and where its settings stand."""

    config: Config
    places: Places
    remarks: tuple[Remark, ...] = ()  # on a keepalived.conf: nothing that keeps the agent from running


def parse_config(source: ConfigSource) -> ParsedConfig:
    """The settings of an agent. Raises ConfigError with every mistake."""
    merged = _merged(source)
    mistakes = [*merged.mistakes, *_fatal(merged.written.remarks)]
    if not mistakes and not any(merged.values.get(table) for table in _KEPT_TABLES):
        mistakes = [_no_vip(source)]
    config, findings = _judged(merged.values, source.hostname)
    parsed = _accepted(config, merged.places, mistakes, findings)
    return msgspec.structs.replace(parsed, remarks=merged.written.remarks)


def parse_settings(source: ConfigSource, only: frozenset[str]) -> Config:
    """Only these tables and top-level keys; the rest has its defaults. Raises ConfigError.

    For commands that must work although another part of the file has mistakes.
    """
    merged = _merged(source)
    values = {key: value for key, value in merged.values.items() if key in only}
    config, findings = _judged(values, source.hostname)
    findings = [finding for finding in findings if finding.path[0] in only]
    return _accepted(config, merged.places, [], findings).config


# What an agent can be for. A director needs no VIP of its own: another router may send it the packets.
_KEPT_TABLES = ("vip", "virtual_server")
_STORE_TABLES = frozenset({"etcd", "zookeeper"})


def _no_vip(source: ConfigSource) -> Mistake:
    if source.document is not None:
        return Mistake(source.name, (), "no VIP is configured", "add a vrrp_instance with virtual_ipaddress")
    fix = "add a table [vip.NAME], or --vip NAME=ADDR@IFACE"
    return Mistake(source.name if source.text is not None else "", ("vip",), "no VIP is configured", fix)


def _fatal(remarks: Iterable[Remark]) -> list[Mistake]:
    """What a keepalived does not start with, as mistakes."""
    return [
        Mistake(f"{remark.place.file}:{remark.place.line}", (), remark.wrong, remark.fix, remark.keyword)
        for remark in remarks
        if remark.severity is Severity.FATAL
    ]


class _Merged(msgspec.Struct, frozen=True):
    """The file with the flags put over it."""

    values: dict[str, Any]
    written: Document
    places: Places
    mistakes: tuple[Mistake, ...]


def _merged(source: ConfigSource) -> _Merged:
    written = _toml_document(source) if source.document is None else source.document
    vips = written.values.get("vip")
    names = vips.keys() if isinstance(vips, dict) else ()
    flags = settings_from_flags(source.flags, _store_table(source.flags, written.values), names)
    values = dict(written.values)
    for path, value in flags.values.items():
        _put(values, path, value)
    return _Merged(values, written, Places(written.origins, flags), flags.mistakes)


def _toml_document(source: ConfigSource) -> Document:
    """By tomllib: tomli, the same parser compiled, reads 1000 virtual servers in 0.14 s, not 0.34 s,
    but is one more thing to install; and it takes TOML 1.1, which tomllib on another node might not.
    """
    text = source.text or ""
    try:
        values: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError((str(_syntax_mistake(source, str(error))),)) from error
    except ValueError as error:  # from int(), of more than 4300 digits
        mistake = Mistake(source.name, (), "a number has thousands of digits", "write a smaller one")
        raise ConfigError((str(mistake),)) from error
    except RecursionError as error:
        mistake = Mistake(
            source.name, (), "the lists or tables are nested too deeply", "two levels are enough"
        )
        raise ConfigError((str(mistake),)) from error
    return Document(values, TomlOrigins(text, source.name))


def _store_table(flags: Flags, document: dict[str, Any]) -> str:
    backend = flags.backend or document.get("backend")
    return backend if isinstance(backend, str) and backend in _STORE_TABLES else Config().backend


def _put(document: dict[str, Any], path: Path, value: object) -> None:
    """Sets a value below copies of the tables; what is no table is left for the checker to refuse."""
    table: Any = document
    for key in path[:-1]:
        below = table.get(key, {})
        if not isinstance(below, dict):
            return
        table[key] = dict(below)
        table = table[key]
    table[path[-1]] = value


def _syntax_mistake(source: ConfigSource, error: str) -> Mistake:
    """tomllib says `what (at line L, column C)` or `what (at end of document)`."""
    match = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", error)
    if match is None:
        what, line = error.removesuffix(" (at end of document)"), (source.text or "").count("\n") + 1
        return Mistake(f"{source.name}:{line}", (), f"not valid TOML: {what} at the end of the file", "")
    what, line_text, column = match.groups()
    return Mistake(f"{source.name}:{line_text}", (), f"not valid TOML at column {column}: {what}", "")


# Rules that compare settings of one table say nothing useful while one of them has the wrong shape.
_COMPARED_TABLES = frozenset({"etcd", "zookeeper", "lease"})


def _judged(document: dict[str, Any], hostname: str) -> tuple[Config | None, list[Finding]]:
    config, shape = convert_document(document)
    if config is None:
        return None, list(shape)
    if not config.node:
        config = msgspec.structs.replace(config, node=hostname)
    wrong_shape = {finding.path for finding in shape}
    unclear = {path[0] for path in wrong_shape} & _COMPARED_TABLES
    rules = [f for f in broken_rules(config) if f.path not in wrong_shape and f.path[0] not in unclear]
    return config, [*shape, *rules]


def _accepted(
    config: Config | None, places: Places, mistakes: Iterable[Mistake], findings: Iterable[Finding]
) -> ParsedConfig:
    all_mistakes = (*mistakes, *places.mistakes(findings))
    if config is None or all_mistakes:
        raise ConfigError(tuple(str(mistake) for mistake in all_mistakes))
    return ParsedConfig(config, places)
