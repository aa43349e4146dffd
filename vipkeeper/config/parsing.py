"""From the text of a file and the flags to one checked Config, or to all mistakes at once.

Rules of this file: pure; flags override the file key by key; a place is the flag that set a value, else the
line of the file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from typing import Any

import msgspec

from vipkeeper.config.flags import Flags, FlagSettings, settings_from_flags
from vipkeeper.config.mistakes import Finding, Mistake
from vipkeeper.config.rules import broken_rules
from vipkeeper.config.schema import Config
from vipkeeper.config.toml_positions import Path, TomlPositions, find_positions
from vipkeeper.config.typed_document import convert_document
from vipkeeper.model.errors import ConfigError


class ConfigSource(msgspec.Struct, frozen=True):
    """Everything that a Config is made of. `text` is None when there is no file."""

    text: str | None
    name: str  # the file's name, for messages
    flags: Flags
    hostname: str  # the node's name unless something else is set


class Places:
    """Where each key was set."""

    def __init__(self, name: str, positions: TomlPositions, flags: FlagSettings) -> None:
        self._name = name
        self._positions = positions
        self._flags = flags.names

    def mistakes(self, findings: Iterable[Finding]) -> tuple[Mistake, ...]:
        """Findings with their places, in the order of the file; flags come first."""
        placed = [(self._order(finding.path), finding) for finding in findings]
        placed.sort(key=lambda pair: pair[0])
        return tuple(Mistake(self.of(f.path), f.path, f.wrong, f.fix) for _, f in placed)

    def of(self, path: Path) -> str:
        """`--flag`, or `FILE:LINE`, or empty for a default that nobody wrote."""
        flag = self._flag(path)
        if flag is not None:
            return flag
        line = self._positions.line_of(path)
        return "" if line is None else f"{self._name}:{line}"

    def _flag(self, path: Path) -> str | None:
        for length in range(len(path), 0, -1):
            if path[:length] in self._flags:
                return self._flags[path[:length]]
        if path in self._positions.exact_lines():
            return None
        return next((flag for place, flag in self._flags.items() if place[: len(path)] == path), None)

    def _order(self, path: Path) -> int:
        return 0 if self._flag(path) is not None else self._positions.line_of(path) or 0


class ParsedConfig(msgspec.Struct, frozen=True):
    """A Config that breaks no rule, and where its settings stand."""

    config: Config
    places: Places


def parse_config(source: ConfigSource) -> ParsedConfig:
    """The settings of an agent. Raises ConfigError with every mistake."""
    document, places, mistakes = _merged(source)
    if not mistakes and document.get("vip", {}) == {}:
        mistakes = [Mistake(source.name if source.text is not None else "", ("vip",), *_NO_VIP)]
    config, findings = _judged(document, source.hostname)
    return _accepted(config, places, mistakes, findings)


def parse_settings(source: ConfigSource, only: frozenset[str]) -> Config:
    """Only these tables and top-level keys; the rest has its defaults. Raises ConfigError.

    For commands that must work although another part of the file has mistakes.
    """
    document, places, _ = _merged(source)
    document = {key: value for key, value in document.items() if key in only}
    config, findings = _judged(document, source.hostname)
    findings = [finding for finding in findings if finding.path[0] in only]
    return _accepted(config, places, [], findings).config


_STORE_TABLES = frozenset({"etcd", "zookeeper"})

_NO_VIP = ("no VIP is configured", "add a table [vip.NAME], or --vip NAME=ADDR@IFACE")


def _merged(source: ConfigSource) -> tuple[dict[str, Any], Places, list[Mistake]]:
    text = source.text or ""
    try:
        document: dict[str, Any] = tomllib.loads(text)
        positions = find_positions(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError((str(_syntax_mistake(source, str(error))),)) from error
    except RecursionError as error:
        mistake = Mistake(
            source.name, (), "the lists or tables are nested too deeply", "two levels are enough"
        )
        raise ConfigError((str(mistake),)) from error
    vips = document.get("vip")
    names = vips.keys() if isinstance(vips, dict) else ()
    flags = settings_from_flags(source.flags, _store_table(source.flags, document), names)
    places = Places(source.name, positions, flags)
    mistakes = list(flags.mistakes)
    for path, value in flags.values.items():
        _put(document, path, value)
    return document, places, mistakes


def _store_table(flags: Flags, document: dict[str, Any]) -> str:
    backend = flags.backend or document.get("backend")
    return backend if isinstance(backend, str) and backend in _STORE_TABLES else Config().backend


def _put(document: dict[str, Any], path: Path, value: object) -> None:
    """Sets a value below tables; what is no table is left for the checker to refuse."""
    table: Any = document
    for key in path[:-1]:
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            return
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
