"""Programs that run without script security.

Rules of this file: keepalived's: any program at all, and `enable_script_security` nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vrrp_compat.keepalived_conf.statements import Remark, Severity
from vrrp_compat.keepalived_conf.understood import Block, Setting

# `keepalived -t` ends with this, also when it reports something else (2.2.7).
EXIT_UNGUARDED = 6


def unguarded_scripts(blocks: Iterable[Block]) -> Iterator[Remark]:
    """One remark, at the first program."""
    blocks = tuple(blocks)
    if any(block.find("enable_script_security") for block in blocks if block.keyword == "global_defs"):
        return
    speaks = any(block.keyword == "vrrp_instance" for block in blocks)
    found = (
        setting for block in blocks for setting in _programs(block) if speaks or _runs_alone(block, setting)
    )
    first = next(found, None)
    if first is not None:
        yield Remark(
            first.place,
            Severity.WARNING,
            first.keyword,
            "programs run without a look at who may change them",
            "add enable_script_security and script_user to global_defs",
            EXIT_UNGUARDED,
        )


def _runs_alone(block: Block, setting: Setting) -> bool:
    """Whether a program runs although there is no instance."""
    return block.keyword == "virtual_server" or setting.keyword in {"startup_script", "shutdown_script"}


def programs(block: Block) -> Iterator[str]:
    """The programs that a block runs, without their arguments."""
    for setting in _programs(block):
        words = setting.values[0]
        if isinstance(words, tuple):
            yield words[0]


def _programs(block: Block) -> Iterator[Setting]:
    for setting in block.settings:
        if setting.values and isinstance(setting.values[0], tuple):
            yield setting
    for inner in block.blocks:
        yield from _programs(inner)
