"""Imports go one way: config, election, desired, changes, kernel; the agent wires them; cli is on top.

A folder may import what its line in ALLOWED names, and itself. A new folder or a new direction is a line
here first, so that it is decided and not slipped in.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.import_graph import Graph, Module, reachable, read_graph, within

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("vipkeeper", "backends", "vrrp_compat")

# Folder -> what it may import of ours besides itself. The longest matching name counts.
ALLOWED = {
    "vipkeeper.model": (),
    "vipkeeper.config": ("vipkeeper.model", "vrrp_compat.keepalived_conf"),
    "vipkeeper.election": ("vipkeeper.model", "vipkeeper.config", "backends.store"),
    "vipkeeper.desired": ("vipkeeper.model", "vipkeeper.config", "vipkeeper.election"),
    "vipkeeper.changes": ("vipkeeper.model", "vipkeeper.desired"),
    "vipkeeper.kernel": ("vipkeeper.model", "vipkeeper.desired", "vipkeeper.changes"),
    "vipkeeper.scripts": ("vipkeeper.model", "vipkeeper.config"),
    "vipkeeper.health": ("vipkeeper.model", "vipkeeper.config", "vipkeeper.scripts"),
    "vipkeeper.notify": ("vipkeeper.model", "vipkeeper.config", "vipkeeper.scripts"),
    "vipkeeper.balancing": ("vipkeeper.model",),
    "vipkeeper.director": (
        "vipkeeper.model",
        "vipkeeper.balancing",
        "vipkeeper.changes",
        "vipkeeper.kernel",
        "vipkeeper.scripts",
        "vipkeeper.health",
        # What any process of ours needs that serves: it is not a part of the agent.
        "vipkeeper.agent.clocks",
        "vipkeeper.agent.local_socket",
        "vipkeeper.agent.logs",
        "vipkeeper.agent.short_conversations",
        "vipkeeper.agent.tasks",
    ),
    "vipkeeper.agent": (
        "vipkeeper.model",
        "vipkeeper.config",
        "vipkeeper.election",
        "vipkeeper.desired",
        "vipkeeper.changes",
        "vipkeeper.kernel",
        "vipkeeper.scripts",
        "vipkeeper.health",
        "vipkeeper.notify",
        "backends",
        "vrrp_compat",
    ),
    "vipkeeper.cli": ("vipkeeper", "backends", "vrrp_compat"),
    "vipkeeper.lab": ("vipkeeper.model",),
    "vipkeeper.__main__": ("vipkeeper.cli",),
    "backends": ("vipkeeper.model",),
    "vrrp_compat.keepalived_conf": ("vipkeeper.model",),
    "vrrp_compat.wire": ("vipkeeper.model",),
    "vrrp_compat.router": ("vipkeeper.model", "vrrp_compat.wire"),
    "vrrp_compat.sockets": ("vipkeeper.model", "vrrp_compat.wire"),
}

# The lab makes namespaces and starts programs: for the demonstration and for tests, never for the agent.
LAB = "vipkeeper.lab"
LAB_USERS = ("vipkeeper.cli.demo", "vipkeeper.lab")

PURE = (
    "vipkeeper.model",
    "vipkeeper.config",
    "vipkeeper.election",
    "vipkeeper.desired",
    "vipkeeper.changes",
    "vipkeeper.balancing",
    "backends.store",
    "vrrp_compat.keepalived_conf",
    "vrrp_compat.wire",
    "vrrp_compat.router",
)
# The files of config that open files.
READERS = (
    "vipkeeper.config.host_facts",
    "vipkeeper.config.reader",
    "vipkeeper.config.keepalived_files",
    "vipkeeper.config.keepalived_reader",
)
IMPURE = frozenset({"asyncio", "logging", "os", "random", "socket", "subprocess", "time"})

# scapy is GPL and takes 72 MB: it judges our packets in tests and is never shipped.
TESTS_ONLY = ("scapy", "tests", "pytest", "hypothesis")


def directions_broken(graph: Graph) -> list[str]:
    """Imports of our own modules that no line of ALLOWED permits."""
    return [
        f"{module.name} (line {found.line}) imports {found.target}"
        for module in graph.values()
        for found in module.imports
        if within_any(found.target, PACKAGES) and not _may_import(module, found.target)
    ]


def impurities(graph: Graph) -> list[str]:
    """Ways from a pure module to IO, clocks or chance."""
    return [
        "imports " + " -> ".join(way)
        for module in graph.values()
        if within_any(module.name, PURE) and module.name not in READERS
        for target, way in reachable(graph, module.name).items()
        if target.partition(".")[0] in IMPURE
    ]


def shipped_test_tools(graph: Graph) -> list[str]:
    """Imports of what only tests may use."""
    return [
        f"{module.name} (line {found.line}) imports {found.target}"
        for module in graph.values()
        for found in module.imports
        if within_any(found.target, TESTS_ONLY)
    ]


def cycles(graph: Graph) -> list[str]:
    """Modules that reach themselves."""
    return [
        " -> ".join(ways[module.name])
        for module in graph.values()
        if module.name in (ways := reachable(graph, module.name))
    ]


def within_any(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(within(name, prefix) for prefix in prefixes)


def _may_import(module: Module, target: str) -> bool:
    if within(target, LAB) and not module.name.startswith(LAB_USERS):
        return False
    folders = [name for name in ALLOWED if within(module.name, name)]
    return any(within(target, folder) or within_any(target, ALLOWED[folder]) for folder in folders)


@pytest.fixture(scope="module")
def ours() -> Graph:
    return read_graph(ROOT, PACKAGES)


def test_the_graph_is_not_empty(ours: Graph) -> None:
    assert "vipkeeper.model.vips" in ours
    assert any(found.target == "backends.store" for found in ours["vipkeeper.election.effects"].imports)


def test_imports_go_one_way(ours: Graph) -> None:
    assert directions_broken(ours) == []


def test_decisions_reach_no_io_no_clock_no_chance(ours: Graph) -> None:
    assert impurities(ours) == []


def test_test_tools_are_not_shipped(ours: Graph) -> None:
    assert shipped_test_tools(ours) == []


def test_no_module_reaches_itself(ours: Graph) -> None:
    assert cycles(ours) == []


def tree(root: Path, **sources: str) -> Graph:
    """A tree of modules; `vipkeeper__election__x` stands for vipkeeper/election/x.py."""
    for name, source in sources.items():
        path = root.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return read_graph(root, PACKAGES)


HIDDEN = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from vipkeeper.agent import wiring
"""


@pytest.mark.parametrize(
    ("importer", "source"),
    [
        pytest.param("vipkeeper__model__x", "import vipkeeper.config.schema", id="model-imports-config"),
        pytest.param("vipkeeper__config__x", "from vipkeeper.election import effects", id="against-the-flow"),
        pytest.param("vipkeeper__kernel__x", "from ..agent import wiring", id="relative"),
        pytest.param("vipkeeper__election__x", "import backends.etcd", id="election-to-backend"),
        pytest.param("vipkeeper__desired__x", "def f():\n    import vipkeeper.kernel.x", id="in-a-function"),
        pytest.param("vipkeeper__changes__x", HIDDEN, id="below-type-checking"),
        pytest.param("backends__x", "from vipkeeper.election import effects", id="backend-to-election"),
        pytest.param("vrrp_compat__wire__x", "import backends.store", id="vrrp-to-backend"),
        pytest.param("vrrp_compat__wire__x", "import vrrp_compat.router.y", id="wire-to-router"),
        pytest.param("vipkeeper__agent__x", "import vipkeeper.lab.hosts", id="agent-uses-the-lab"),
        pytest.param("vipkeeper__cli__ls", "import vipkeeper.lab.hosts", id="command-uses-the-lab"),
        pytest.param("vipkeeper__new__x", "import vipkeeper.model.vips", id="folder-without-a-line"),
    ],
)
def test_a_wrong_direction_is_reported(tmp_path: Path, importer: str, source: str) -> None:
    graph = tree(tmp_path, **{importer: source})
    (report,) = directions_broken(graph)
    assert report.startswith(importer.replace("__", "."))


def test_allowed_directions_are_not_reported(tmp_path: Path) -> None:
    graph = tree(
        tmp_path,
        vipkeeper__agent__x="import vipkeeper.kernel.links, backends.etcd",
        vipkeeper__cli__demo="import vipkeeper.lab.hosts",
        vipkeeper__election__x="from backends.store import Store\nfrom . import effects",
    )
    assert directions_broken(graph) == []


def test_io_reached_through_another_module_is_reported(tmp_path: Path) -> None:
    graph = tree(
        tmp_path,
        vipkeeper__election__x="from vipkeeper.model import y",
        vipkeeper__model__y="def f():\n    from os import path",
    )
    assert sorted(impurities(graph)) == [
        "imports vipkeeper.election.x -> vipkeeper.model.y -> os",
        "imports vipkeeper.model.y -> os",
    ]


def test_only_the_reader_opens_files(tmp_path: Path) -> None:
    graph = tree(tmp_path, vipkeeper__config__reader="import os", vipkeeper__config__schema="import re")
    assert impurities(graph) == []
    graph = tree(tmp_path, vipkeeper__config__schema="import vipkeeper.config.reader")
    assert impurities(graph) == ["imports vipkeeper.config.schema -> vipkeeper.config.reader -> os"]


def test_a_shipped_test_tool_is_reported(tmp_path: Path) -> None:
    graph = tree(tmp_path, vrrp_compat__wire__x="def f():\n    from scapy.layers.vrrp import VRRP")
    assert shipped_test_tools(graph) == ["vrrp_compat.wire.x (line 2) imports scapy.layers.vrrp"]


def test_a_cycle_is_reported(tmp_path: Path) -> None:
    graph = tree(tmp_path, backends__a="import backends.b", backends__b="def f():\n    import backends.a")
    assert sorted(cycles(graph)) == [
        "backends.a -> backends.b -> backends.a",
        "backends.b -> backends.a -> backends.b",
    ]
