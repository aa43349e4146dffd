"""The page docs/configuration.md from the schema; `python -m vipkeeper.config.reference` prints it.

Rules of this file: nothing about a setting is said here; what a reader should know stands in `schema.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import msgspec
from msgspec.structs import FieldInfo, fields

from vipkeeper.config.schema import DEFAULT_CONFIG_FILE, Config
from vipkeeper.config.typed_document import example_of, named_tables_type, setting_type, table_type, toml_text

_HEAD = f"""\
# Configuration

<!-- Written by `python -m vipkeeper.config.reference`; change vipkeeper/config/schema.py instead. -->

The file is TOML, by default `{DEFAULT_CONFIG_FILE}`. Flags of `vipkeeper agent` override it key by
key; for one VIP no file is needed. `vipkeeper check FILE` finds all mistakes at once, each with its line, its
key, what is wrong and what to write instead, and shows the failover time that follows.

Times are in seconds; fractions are fine. SIGHUP takes changes over, but for the settings marked *restart*:
a file that changes one of them is refused, and the log names it. `vipkeeper restart` takes it over without a
failover, unless `cluster`, `node` or `run_dir` changed: then the next agent is another one and the VIPs move.

    cluster = "web"

    [etcd]
    endpoints = ["http://10.0.0.11:2379", "http://10.0.0.12:2379", "http://10.0.0.13:2379"]

    [vip.web]
    addresses = ["192.0.2.10", "2001:db8::10"]
    interface = "eth0"
"""


def reference() -> str:
    """The whole page."""
    tables = "\n".join(_table(name, schema) for name, schema in _schemas())
    return f"{_HEAD}\n{tables}"


def _schemas() -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """Each table once, below the names of all its places."""
    yield "Top of the file", Config
    places: dict[type[msgspec.Struct], list[str]] = {}
    for place, schema in _tables_below(Config, ""):
        places.setdefault(schema, []).append(f"[{place}]")
    for schema, names in places.items():
        yield ", ".join(names), schema


def _tables_below(above: type[msgspec.Struct], name: str) -> Iterator[tuple[str, type[msgspec.Struct]]]:
    for field in fields(above):
        named = named_tables_type(field)
        schema = table_type(field) or named
        if schema is not None:
            below = f"{name}.{field.encode_name}" if name else field.encode_name
            below += ".NAME" if named is not None else ""
            yield below, schema
            yield from _tables_below(schema, below)


def _table(name: str, schema: type[msgspec.Struct]) -> str:
    lines = [
        f"## {name}",
        "",
        _sentence(schema),
        "",
    ]
    rows = [_row(field) for field in fields(schema) if not (table_type(field) or named_tables_type(field))]
    if rows:
        lines += ["| key | default | meaning |", "|---|---|---|", *rows]
    return "\n".join(lines) + "\n"


def _sentence(schema: type[msgspec.Struct]) -> str:
    return " ".join((schema.__doc__ or "").split())


def _row(field: FieldInfo) -> str:
    about = setting_type(field).about
    extra = about.extra or {}
    notes = [about.description or ""]
    example = example_of(about)
    if example != field.default:
        notes.append(f"For example `{field.encode_name} = {toml_text(example)}`.")
    if extra.get("needs_restart"):
        notes.append("*restart*")
    unit = f" ({extra['unit']})" if extra.get("unit") else ""
    return f"| `{field.encode_name}`{unit} | {_default(field)} | {' '.join(notes)} |"


def _default(field: FieldInfo) -> str:
    if field.required:
        return "required"
    return "" if field.default in {None, ""} else f"`{toml_text(field.default)}`"


if __name__ == "__main__":
    sys.stdout.write(reference())
