"""From the values of a TOML document to the types of the schema, with all mistakes instead of the first one.

Rules of this file: pure; it knows shapes and bounds, never what a setting means (see `rules.py`); a field
that is wrong gets its default so that the rest can still be judged.
"""

from __future__ import annotations

import enum
import functools
import types
import typing
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec.structs import FieldInfo

from vipkeeper.config.mistakes import Finding, dotted, named_value, nearest
from vipkeeper.config.schema import Config
from vipkeeper.config.toml_positions import Path


@functools.cache
def fields(schema: type[msgspec.Struct]) -> tuple[FieldInfo, ...]:
    """The fields of a table. msgspec reads the annotations anew each time: measured, 1 to 2 ms a table."""
    return msgspec.structs.fields(schema)


class SettingType(typing.NamedTuple):
    """What the schema says of one key: its type without the annotation, and the annotation."""

    kind: Any
    about: msgspec.Meta


def setting_type(field: FieldInfo) -> SettingType:
    """The type of a schema field that is no table, and what is said about it. A key is never None."""
    kind = field.type
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        kind = next(option for option in typing.get_args(kind) if option is not types.NoneType)
    bare, about = typing.get_args(kind)
    return SettingType(bare, about)


def table_type(field: FieldInfo) -> type[msgspec.Struct] | None:
    """The schema of the table that this field is, if it is one."""
    kind = field.type
    return kind if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else None


def named_tables_type(field: FieldInfo) -> type[msgspec.Struct] | None:
    """The schema of each table below this field, where the user chooses their names."""
    if typing.get_origin(field.type) is not dict:
        return None
    entry: type[msgspec.Struct] = typing.get_args(field.type)[1]
    return entry


def convert_document(document: dict[str, Any]) -> tuple[Config | None, tuple[Finding, ...]]:
    """The document as Config, and every mistake in its shape. None when a required key is missing."""
    at_once = _converted_at_once(document)
    if at_once is not None:
        return at_once, ()
    found: list[Finding] = []
    config = _convert_table(Config, document, (), found)
    return typing.cast("Config | None", config), tuple(found)


def _converted_at_once(document: dict[str, Any]) -> Config | None:
    """The document without a mistake, by msgspec alone: with 1000 virtual servers 20 times as fast.

    msgspec ends at the first mistake, and passes over keys that it does not know. It is asked key by key,
    because it learns every type below the one it is asked for: all of Config costs a start 35 ms, most of it
    for virtual servers and checks that few files have.
    """
    known = {field.encode_name: field for field in fields(Config)}
    if not known.keys() >= document.keys():
        return None
    try:
        values = {known[key].name: msgspec.convert(value, known[key].type) for key, value in document.items()}
    except (msgspec.ValidationError, RecursionError):
        return None
    config = Config(**values)
    return config if _all_known(config, document) else None


def _all_known(made: msgspec.Struct, table: dict[str, Any]) -> bool:
    """Whether each key of `table`, which `made` was made from, is one of the schema."""
    names = _names_of_keys(type(made))
    for key, written in table.items():
        name = names.get(key)
        if name is None:
            return False
        if not isinstance(written, dict):
            continue
        below = getattr(made, name)
        named = isinstance(below, dict)
        tables = [(below[entry], written[entry]) for entry in written] if named else [(below, written)]
        if not all(_all_known(one, text) for one, text in tables):
            return False
    return True


@functools.cache
def _names_of_keys(schema: type[msgspec.Struct]) -> dict[str, str]:
    return dict(zip(schema.__struct_encode_fields__, schema.__struct_fields__, strict=True))


def _convert_table(
    schema: type[msgspec.Struct], table: object, path: Path, found: list[Finding]
) -> msgspec.Struct | None:
    if not isinstance(table, dict):
        found.append(
            Finding(path, f"expected a table, found {named_value(table)}", f"write [{dotted(path)}]")
        )
        return None
    known = {field.encode_name: field for field in fields(schema)}
    found.extend(_unknown_key(path, key, known) for key in table if key not in known)
    arguments: dict[str, object] = {}
    complete = True
    for key, field in known.items():
        if key not in table:
            if field.required:
                complete = False
                found.append(Finding((*path, key), "is missing", f"add for example {_example(key, field)}"))
            continue
        good, value = _convert_field(field, table[key], (*path, key), found)
        if good:
            arguments[field.name] = value
        else:
            complete = complete and not field.required
    return schema(**arguments) if complete else None


def _convert_field(field: FieldInfo, value: object, path: Path, found: list[Finding]) -> tuple[bool, object]:
    schema = table_type(field)
    if schema is not None:
        converted = _convert_table(schema, value, path, found)
        return converted is not None, converted
    schema = named_tables_type(field)
    if schema is None:
        return _convert_value(field, value, path, found)
    if not isinstance(value, dict):
        found.append(
            Finding(
                path, f"expected named tables, found {named_value(value)}", f"write [{dotted(path)}.NAME]"
            )
        )
        return False, None
    entries = {name: _convert_table(schema, entry, (*path, name), found) for name, entry in value.items()}
    return True, {name: entry for name, entry in entries.items() if entry is not None}


def _convert_value(field: FieldInfo, value: object, path: Path, found: list[Finding]) -> tuple[bool, object]:
    wanted = setting_type(field)
    if isinstance(value, list) and typing.get_origin(wanted.kind) is tuple:
        item_type = typing.get_args(wanted.kind)[0]
        wrong = [index for index, item in enumerate(value) if not _fits(item, item_type)]
        for index in wrong:
            what = f"expected {_expectation(item_type, None)}, found {named_value(value[index])}"
            found.append(Finding((*path, index), what, _suggestion(item_type, value[index])))
        if wrong and item_type is not str:
            return False, None
        value = ["" if index in wrong else item for index, item in enumerate(value)]  # keeps the indexes
    try:
        return True, msgspec.convert(value, field.type)
    except msgspec.ValidationError:
        about = wanted.about
        shown = "something else" if (about.extra or {}).get("secret") else named_value(value)
        fix = _suggestion(wanted.kind, value) or f"write for example {_example(path[-1], field)}"
        found.append(Finding(path, f"expected {_expectation(wanted.kind, about)}, found {shown}", fix))
        return False, None


def _fits(value: object, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _unknown_key(path: Path, key: str, known: dict[str, FieldInfo]) -> Finding:
    near = nearest(key, known)
    if near is not None:
        fix = f"did you mean {near}?"
    else:
        elsewhere = [other for other in setting_paths() if other[-1] == key]
        if not elsewhere:
            fix = f"known here: {', '.join(known)}"
        elif len(elsewhere[0]) == 1:
            fix = f"{key} belongs at the top of the file, before the first [table]"
        else:
            fix = f"did you mean {dotted(elsewhere[0])}?"
    return Finding((*path, key), "unknown key", fix)


def setting_paths(schema: type[msgspec.Struct] = Config, above: Path = ()) -> Iterator[Path]:
    """Paths of all settings; the name of a table that the user names is shown as NAME."""
    for field in fields(schema):
        path = (*above, field.encode_name)
        table = table_type(field)
        named = named_tables_type(field)
        if table is not None:
            yield from setting_paths(table, path)
        elif named is not None:
            yield from setting_paths(named, (*path, "NAME"))
        else:
            yield path


def _choices(kind: Any) -> list[str]:
    if typing.get_origin(kind) is typing.Literal:
        return [str(choice) for choice in typing.get_args(kind)]
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return [member.value for member in kind]
    return []


def _suggestion(kind: Any, value: object) -> str:
    near = nearest(value, _choices(kind)) if isinstance(value, str) else None
    return f'did you mean "{near}"?' if near is not None else ""


def _expectation(kind: Any, about: msgspec.Meta | None) -> str:
    """What a field takes, in words."""
    choices = _choices(kind)
    if choices:
        return choices[0] if len(choices) == 1 else f"one of {', '.join(choices)}"
    if kind is bool:
        return "true or false"
    if kind is str:
        return "text in quotes" if about is None else "text in quotes that is not empty"
    if kind in (int, float):
        return _expected_number(kind, about)
    item = _expectation(typing.get_args(kind)[0], None)
    return f"a list with at least one entry, each {item}"


def _expected_number(kind: type, about: msgspec.Meta | None) -> str:
    text = "a whole number" if kind is int else "a number"
    if about is None:
        return text
    unit = (about.extra or {}).get("unit")
    if unit:
        text += f" of {unit}"
    if about.gt is not None:
        text += f" above {_bound(about.gt)}"
    if about.ge is not None:
        text += f" from {_bound(about.ge)}"
    if about.le is not None:
        text += f" up to {_bound(about.le)}"
    return text


def _bound(value: float) -> str:
    """A large whole number in all its digits."""
    return str(value) if isinstance(value, int) else f"{value:g}"


def toml_text(value: object) -> str:
    """A value as one writes it in TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, enum.Enum):
        return toml_text(value.value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml_text(item) for item in value)}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _example(key: object, field: FieldInfo) -> str:
    return f"{key} = {toml_text(example_of(setting_type(field).about))}"


def example_of(about: msgspec.Meta) -> object:
    """The example that the schema gives for a setting."""
    (example,) = about.examples or [""]
    return example
