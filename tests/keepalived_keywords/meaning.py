"""Text to what it means, and short views of that."""

from __future__ import annotations

from tests.keepalived_conf.memory_files import read
from vrrp_compat.keepalived_conf.statements import Severity
from vrrp_compat.keepalived_conf.understanding import understand
from vrrp_compat.keepalived_conf.understood import Block, Understood, Value

# What an instance needs so that nobody has anything to say about it.
NEEDED = "interface eth0\nvirtual_router_id 51\nvirtual_ipaddress {\n192.0.2.1\n}\n"
GUARDED = "global_defs {\nenable_script_security\nscript_user root\n}\n"
SCRIPT = "vrrp_script chk {\nscript /bin/true\n}\n"


def meant(text: str) -> Understood:
    """What a file means."""
    return understand(read(text))


def instance(lines: str, name: str = "VI", needed: str = NEEDED) -> str:
    """An instance with these lines besides what it needs."""
    return f"vrrp_instance {name} {{\n{needed}{lines}\n}}\n"


def setting(text: str, keyword: str, block: str = "vrrp_instance") -> tuple[Value, ...] | None:
    """The values of a keyword in the first block of a kind."""
    found = first(meant(text), block).find(keyword)
    return found.values if found is not None else None


def first(understood: Understood, keyword: str) -> Block:
    """The first block of a kind."""
    return next(block for block in understood.blocks if block.keyword == keyword)


def lines(block: Block, keyword: str) -> list[tuple[Value, ...]]:
    """The entries of the lists of a kind."""
    return [(entry.keyword, *entry.values) for inner in block.inner(keyword) for entry in inner.settings]


def said(text: str, *severities: Severity) -> list[str]:
    """Remarks of some severities: line, keyword, what is wrong, and what to do."""
    wanted = severities or (Severity.MISTAKE, Severity.FATAL)
    return [
        f"{remark.place.line}: {remark.keyword}: {remark.wrong}; {remark.fix}"
        for remark in meant(text).remarks
        if remark.severity in wanted
    ]
