"""TOML texts whose positions are known because they were written line by line.

The writer counts lines itself and knows nothing of the finder that it judges.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from hypothesis import strategies as st

Path = tuple[str | int, ...]

# Keys and values that look like something else to a careless reader.
KEYS = st.one_of(
    st.sampled_from(["a", "b", "ttl", "vip", "1", "x-y_z"]),
    st.text(alphabet='ab."]#=[{ \té\\', min_size=0, max_size=6),
)
COMMENTS = st.sampled_from(["", " # [no.table]", ' # key = "', " # ''' \"\"\""])
SCALARS = st.sampled_from(
    [
        "1",
        "-0.5",
        "true",
        "1979-05-27 07:32:00",
        '"[x]"',
        '"a = 1 # no"',
        "'[[\"'",
        '"\\""',
        "inf",
        '""',
        "''",
    ]
)
LONG_TEXTS = st.sampled_from(
    ['"""\n[table]\nkey = 1\n"""', "'''\n[[x]]\n#\n'''", '"""a"b""c\\" \\\n  d"""', '"""x"""""', "''''a'''''"]
)


@dataclass
class Writer:
    """Text so far, and the line of every path in it."""

    draw: st.DrawFn
    text: str = ""
    lines: dict[Path, int] = field(default_factory=dict)

    def put(self, text: str) -> None:
        self.text += text

    def note(self, path: Path) -> None:
        self.lines.setdefault(path, self.text.count("\n") + 1)

    def end_line(self) -> None:
        self.put(self.draw(COMMENTS) + self.draw(st.sampled_from(["\n", "\r\n", "\n\n", "\n# [x]\n"])))


def written_key(draw: st.DrawFn, key: str) -> str:
    """A key as TOML spells it: bare if it can be, quoted in one of two ways."""
    if key and all(c.isascii() and (c.isalnum() or c in "-_") for c in key) and draw(st.booleans()):
        return key
    if "'" not in key and draw(st.booleans()):
        return f"'{key}'"
    return json.dumps(key)


def write_value(writer: Writer, path: Path, depth: int) -> None:
    kind = writer.draw(st.sampled_from(["scalar", "scalar", "long", "array", "inline"]))
    if depth > 2 or kind == "scalar":
        writer.put(writer.draw(SCALARS))
    elif kind == "long":
        writer.put(writer.draw(LONG_TEXTS))
    elif kind == "array":
        write_array(writer, path, depth)
    else:
        writer.put("{")
        keys = writer.draw(st.lists(KEYS, max_size=3, unique=True))
        for index, key in enumerate(keys):
            writer.put(", " if index else " ")
            writer.note((*path, key))
            writer.put(f"{written_key(writer.draw, key)} = ")
            write_value(writer, (*path, key), depth + 1)
        writer.put(" }")


def write_array(writer: Writer, path: Path, depth: int) -> None:
    gaps = st.sampled_from(["", " ", "\n", " # ], [\n", "\n\n  "])
    writer.put("[" + writer.draw(gaps))
    count = writer.draw(st.integers(0, 3))
    for index in range(count):
        writer.note((*path, index))
        write_value(writer, (*path, index), depth + 1)
        last = index == count - 1
        writer.put(
            writer.draw(gaps) + ("" if last and writer.draw(st.booleans()) else ",") + writer.draw(gaps)
        )
    writer.put("]")


def write_pairs(writer: Writer, table: Path) -> None:
    for key in writer.draw(st.lists(KEYS, max_size=3, unique=True)):
        writer.put(writer.draw(st.sampled_from(["", "  ", "\t"])))
        writer.note((*table, key))
        writer.put(written_key(writer.draw, key))
        path: Path = (*table, key)
        for inner in writer.draw(st.lists(KEYS, max_size=2)):
            path = (*path, inner)
            writer.note(path)
            writer.put(writer.draw(st.sampled_from([".", " . ", "\t."])) + written_key(writer.draw, inner))
        writer.put(writer.draw(st.sampled_from(["=", " = "])))
        write_value(writer, path, 0)
        writer.end_line()


def write_header(writer: Writer, keys: Path, *, array: bool) -> None:
    name = ".".join(written_key(writer.draw, str(key)) for key in keys)
    writer.put(f"[[{name}]]" if array else f"[ {name} ]")
    writer.end_line()


@st.composite
def documents(draw: st.DrawFn) -> Writer:
    """A document: pairs, tables below tables, and arrays of tables with tables inside."""
    writer = Writer(draw)
    write_pairs(writer, ())
    names = draw(st.lists(KEYS, max_size=3, unique=True))
    for number, key in enumerate(names):
        # A prefix keeps tables apart from the pairs at the top, which TOML would refuse to reopen.
        top = f"t{number}{key}"
        if draw(st.booleans()):
            writer.note((top,))
            writer.note((top, "inner"))
            write_header(writer, (top, "inner"), array=False)
            write_pairs(writer, (top, "inner"))
            continue
        for index in range(draw(st.integers(1, 3))):
            writer.note((top,))
            writer.note((top, index))
            write_header(writer, (top,), array=True)
            if draw(st.booleans()):
                writer.note((top, index, "below"))
                write_header(writer, (top, "below"), array=False)
                write_pairs(writer, (top, index, "below"))
            else:
                write_pairs(writer, (top, index))
    return writer
