"""Which module imports which, read from the source alone.

Every import counts: those at the head, inside functions, and below TYPE_CHECKING. Nothing is executed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Import:
    """One imported module, by its full name, and the line that imports it."""

    target: str
    line: int


@dataclass(frozen=True)
class Module:
    name: str
    path: Path
    imports: tuple[Import, ...]


Graph = Mapping[str, Module]


def read_graph(root: Path, packages: tuple[str, ...]) -> Graph:
    """All modules of the top-level packages below `root`, with what they import."""
    paths = {
        _module_name(root, path): path
        for package in packages
        for path in sorted((root / package).rglob("*.py"))
    }
    return {name: Module(name, path, tuple(_imports(path, name, paths))) for name, path in paths.items()}


def within(name: str, prefix: str) -> bool:
    """Whether a module is `prefix` or lies below it."""
    return name == prefix or name.startswith(prefix + ".")


def reachable(graph: Graph, start: str) -> dict[str, tuple[str, ...]]:
    """Every import that `start` reaches through our own modules, with the way there."""
    ways: dict[str, tuple[str, ...]] = {}
    waiting: list[tuple[str, tuple[str, ...]]] = [(start, (start,))]
    while waiting:
        name, way = waiting.pop()
        for found in graph[name].imports:
            if found.target in ways:
                continue
            ways[found.target] = (*way, found.target)
            if found.target in graph:
                waiting.append((found.target, ways[found.target]))
    return ways


def _module_name(root: Path, path: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path, name: str, known: Mapping[str, Path]) -> Iterator[Import]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            source = _resolve(node, package)
            for alias in node.names:
                # `from a.b import c` imports the module a.b.c where there is one, else a.b.
                inner = f"{source}.{alias.name}"
                yield Import(inner if inner in known else source, node.lineno)


def _resolve(node: ast.ImportFrom, package: str) -> str:
    if node.level == 0:
        return node.module or ""
    parents = package.split(".")
    start = parents[: len(parents) - node.level + 1]
    return ".".join([*start, node.module] if node.module else start)
