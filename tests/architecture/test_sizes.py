"""A folder listing explains the design: files are small and named for what they hold.

What separates code people like to read from code they fear is the longest file and the longest function,
not the average; so there are ceilings.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("vipkeeper", "backends", "vrrp_compat", "tests", "docs", "deploy")

MODULE_LINES = 400
CLASS_LINES = 300
FUNCTION_LINES = 60

# Names that say nothing of what is inside.
EMPTY_NAMES = frozenset({"base", "common", "core", "helper", "helpers", "manager", "misc", "util", "utils"})


def written_files(root: Path) -> Iterator[Path]:
    """All Python files but the generated ones."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.py")):
            if not (path.parent.name == "etcd_rpc" and "_pb2" in path.stem):
                yield path


def oversized(root: Path) -> list[str]:
    """Modules, classes and functions above their ceiling."""
    found = []
    for path in written_files(root):
        text = path.read_text()
        name = path.relative_to(root)
        lines = len(text.splitlines())
        if lines > MODULE_LINES:
            found.append(f"{name} has {lines} lines, more than {MODULE_LINES}")
        for node in statements(ast.parse(text)):
            ceiling = _ceiling(node)
            if ceiling and (length := _length(node)) > ceiling:
                found.append(f"{name}: {getattr(node, 'name', '')} has {length} lines, more than {ceiling}")
    return found


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """All of them, at any depth. Most nodes are expressions, and have no class or function in them."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield child
            yield from statements(child)


def _ceiling(node: ast.AST) -> int | None:
    if isinstance(node, ast.ClassDef):
        return CLASS_LINES
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return FUNCTION_LINES
    return None


def _length(node: ast.AST) -> int:
    if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return 0
    return (node.end_lineno or node.lineno) - node.lineno + 1


def inits_with_code(root: Path) -> list[str]:
    """`__init__.py` files that do more than re-export."""
    return [
        str(path.relative_to(root))
        for path in written_files(root)
        if path.name == "__init__.py"
        for node in ast.parse(path.read_text()).body
        if not _is_re_export(node)
    ]


def _is_re_export(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"


def empty_names(root: Path) -> list[str]:
    """Files and folders whose name says nothing."""
    parts = {path.relative_to(root).with_suffix("") for path in written_files(root)}
    return sorted(str(path) for path in parts if EMPTY_NAMES & {part.strip("_") for part in path.parts})


def test_sizes() -> None:
    assert oversized(ROOT) == []


def test_inits_only_re_export() -> None:
    assert inits_with_code(ROOT) == []


def test_names_say_what_is_inside() -> None:
    assert empty_names(ROOT) == []


def place(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x = 1\n" * 401, "has 401 lines, more than 400"),
        ("class Big:\n" + "    x = 1\n" * 300, "Big has 301 lines, more than 300"),
        ("def long():\n" + "    x = 1\n" * 60, "long has 61 lines, more than 60"),
        ("class Small:\n    async def long(self):\n" + "        x = 1\n" * 60, "long has 61 lines"),
    ],
    ids=["module", "class", "function", "method"],
)
def test_what_is_too_long_is_reported(tmp_path: Path, text: str, complaint: str) -> None:
    place(tmp_path, "vipkeeper/model/x.py", text)
    (report,) = oversized(tmp_path)
    assert report.startswith("vipkeeper/model/x.py")
    assert complaint in report


def test_what_is_just_short_enough_is_not_reported(tmp_path: Path) -> None:
    place(tmp_path, "vipkeeper/x.py", "def short():\n" + "    x = 1\n" * 59 + "x = 1\n" * 340)
    assert oversized(tmp_path) == []


def test_generated_files_may_be_long(tmp_path: Path) -> None:
    place(tmp_path, "backends/etcd_rpc/rpc_pb2.py", "x = 1\n" * 1000)
    assert oversized(tmp_path) == []
    place(tmp_path, "backends/rpc_pb2.py", "x = 1\n" * 1000)
    assert len(oversized(tmp_path)) == 1


def test_an_init_with_code_is_reported(tmp_path: Path) -> None:
    place(tmp_path, "vipkeeper/a/__init__.py", '"""Doc."""\nfrom vipkeeper.a.b import c\n__all__ = ["c"]\n')
    assert inits_with_code(tmp_path) == []
    place(tmp_path, "vipkeeper/b/__init__.py", "def f():\n    pass\n")
    assert inits_with_code(tmp_path) == ["vipkeeper/b/__init__.py"]


def test_an_empty_name_is_reported(tmp_path: Path) -> None:
    place(tmp_path, "vipkeeper/kernel/utils.py", "")
    place(tmp_path, "vipkeeper/common/links.py", "")
    place(tmp_path, "vipkeeper/kernel/baseline.py", "")
    assert empty_names(tmp_path) == ["vipkeeper/common/links", "vipkeeper/kernel/utils"]
