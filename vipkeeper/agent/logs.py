"""The agent's log: one line a decision, as text for people or as one JSON object.

2026-01-31T12:00:00.123Z info holder vip=web reason=shutdown epoch=7 | the owner was stopped
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

_LOG = logging.getLogger("vipkeeper")


def set_up_logging(form: str, level: str) -> None:
    """Log to standard error. `form`: "text" or "json"; `level`: "debug" ... "error"."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Json() if form == "json" else _Text())
    _LOG.handlers[:] = [handler]
    _LOG.setLevel(level.upper())
    _LOG.propagate = False


def log(level: int, event: str, message: str = "", **fields: object) -> None:
    """One line: what happened, its fields in the given order, and a sentence for people."""
    shown = {name: value for name, value in fields.items() if value not in (None, "")}
    _LOG.log(level, message, extra={"event": event, "fields": shown})


def _time_of(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _event_of(record: logging.LogRecord) -> tuple[str, dict[str, object]]:
    return getattr(record, "event", record.name), getattr(record, "fields", {})


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        event, fields = _event_of(record)
        words = [_time_of(record), record.levelname.lower(), event]
        words += [f"{name}={_quoted(value)}" for name, value in fields.items()]
        message = record.getMessage()
        line = " ".join(words) + (f" | {message}" if message else "")
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        event, fields = _event_of(record)
        line: dict[str, object] = {
            "time": _time_of(record),
            "level": record.levelname.lower(),
            "event": event,
        }
        line |= fields
        if record.getMessage():
            line["message"] = record.getMessage()
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _quoted(value: object) -> str:
    """A value is one word on one line, whatever a store or a peer put into it."""
    text = str(value)
    plain = text.isprintable() and not any(char in ' "=\\' for char in text)
    return text if plain else json.dumps(text)
