"""A real keepalived and our plan come to the same values from the same virtual servers.

VIPKEEPER_KEEPALIVED_DUMPS is how many files are generated. What is meant to differ is left out here, and said
in docs/keepalived-conf.md: the port of a check where the real server has none, and pages' hosts, which the
dump shows where they are written.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Set
from pathlib import Path

import pytest

from tests.config.keepalived.kept_files import config_of, mistakes_of
from tests.config.keepalived.written_files import VIP
from tests.ipvs.keepalived_dump import Facts, ServerFacts, ServiceFacts, dump_of, facts_of_plan
from tests.keepalived_keywords.meaning import meant
from tests.keepalived_keywords.service_corpus import ServiceCorpus
from vipkeeper.config.virtual_servers import balancing_plan
from vipkeeper.lab.namespaces import Namespace, make_namespace, new_lab_name
from vrrp_compat.keepalived_conf.exit_codes import like_keepalived

pytestmark = [
    pytest.mark.root,
    pytest.mark.ipvs,
    pytest.mark.skipif(shutil.which("keepalived") is None, reason="needs keepalived (Debian package)"),
]

FILES = int(os.environ.get("VIPKEEPER_KEEPALIVED_DUMPS", "8"))
SERVICES = 4
_RUNS = {0, 5}


@pytest.fixture(scope="module")
def host() -> Iterator[Namespace]:
    with make_namespace(new_lab_name(), "dump") as made:
        yield made


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Files that both run with, without virtual servers that are skipped: 2.2.7 dumps memory for those."""
    found: list[str] = []
    seed = 0
    while len(found) < FILES:
        text = "".join(ServiceCorpus(seed).blocks(SERVICES))
        seed += 1
        understood = meant(text)
        kept = sum(block.keyword == "virtual_server" for block in understood.blocks)
        if kept == SERVICES and like_keepalived(understood) in _RUNS and not mistakes_of(text + VIP):
            found.append(text)
    return found


@pytest.mark.parametrize("number", range(FILES))
def test_values_agree(number: int, texts: list[str], host: Namespace, tmp_path: Path) -> None:
    text = texts[number]
    assert compared(planned(text), dump_of(text, host, tmp_path / "kept")) == []


def test_a_difference_is_seen(host: Namespace, tmp_path: Path) -> None:
    """The control: keepalived reads another file than we do."""
    lines = "protocol TCP\nlvs_sched rr\nlvs_method NAT\nreal_server 10.0.0.1 80 {\n}\n"
    text = f"global_defs {{\nsmtp_alert_checker off\n}}\nvirtual_server 192.0.2.1 80 {{\n{lines}}}\n"
    theirs = dump_of(text.replace("rr", "lc"), host, tmp_path / "kept")
    assert compared(planned(text), theirs) == ["192.0.2.1 80 tcp scheduler: 'rr' here, 'lc' in keepalived"]


def planned(text: str) -> dict[str, ServiceFacts]:
    return facts_of_plan(balancing_plan(config_of(text + VIP)))


def compared(ours: dict[str, ServiceFacts], theirs: dict[str, ServiceFacts]) -> list[str]:
    """One line for each value that is another one."""
    found = _names("", ours.keys(), theirs.keys())
    for name in ours.keys() & theirs.keys():
        mine, other = ours[name], theirs[name]
        found += _facts(name, mine.facts, other.facts)
        found += _names(name, mine.servers.keys(), other.servers.keys())
        for server in mine.servers.keys() & other.servers.keys():
            found += _server(f"{name} {server}", mine.servers[server], other.servers[server])
    return sorted(found)


def _names(around: str, ours: Set[str], theirs: Set[str]) -> list[str]:
    return [] if ours == theirs else [f"{around}: {sorted(ours)} here, {sorted(theirs)} in keepalived"]


def _server(name: str, ours: ServerFacts, theirs: ServerFacts) -> list[str]:
    found = _facts(name, ours.facts, theirs.facts)
    # keepalived has files behind all other checks; ours are in the order of their kinds.
    mine, other = sorted(ours.checks, key=_kind), sorted(theirs.checks, key=_kind)
    if [_kind(check) for check in mine] != [_kind(check) for check in other]:
        return [*found, f"{name}: {mine} here, {other} in keepalived"]
    for one, another in zip(mine, other, strict=True):
        found += _facts(f"{name} {_kind(one)}", one, another)
    return found


def _kind(check: Facts) -> str:
    return str(check["kind"])


def _facts(name: str, ours: Facts, theirs: Facts) -> list[str]:
    return [
        f"{name} {key}: {value!r} here, {theirs.get(key)!r} in keepalived"
        for key, value in ours.items()
        if value != theirs.get(key) and theirs.get(key) != "any"
    ]
