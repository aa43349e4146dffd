"""Every script that a configuration names, with the key that names it.

Rules of this file: pure; it takes any Config, also one with mistakes.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from vipkeeper.config.notify_schema import Notify, NotifyScript
from vipkeeper.config.schema import Config
from vipkeeper.config.toml_positions import Path

SERVER_KEYS = ("notify_up", "notify_down")
QUORUM_KEYS = ("quorum_up", "quorum_down")
NOTIFY_KEYS = ("master", "backup", "fault", "stop", "deleted", "any", "master_rx_lower_pri")
_NOTHING = NotifyScript()


def all_scripts(config: Config) -> Iterator[tuple[Path, str]]:
    """The path of each `script`, and its text."""
    for name, track in config.track_script.items():
        yield ("track_script", name, "script"), track.script
    for name, virtual in config.virtual_server.items():
        for check, misc in virtual.misc_check.items():
            yield ("virtual_server", name, "misc_check", check, "misc_path"), misc.misc_path
        for real_name, real in virtual.real_server.items():
            for check, misc in real.misc_check.items():
                path: Path = ("virtual_server", name, "real_server", real_name, "misc_check", check)
                yield (*path, "misc_path"), misc.misc_path
    for path, program in notify_scripts(config):
        if program.script is not None:
            yield (*path, "script"), program.script


def notify_scripts(config: Config) -> Iterator[tuple[Path, NotifyScript]]:
    """The tables that hold a program; some are empty."""
    settings = config.scripts
    for key, program in (
        ("fifo_script", settings.fifo_script),
        ("startup", settings.startup),
        ("shutdown", settings.shutdown),
    ):
        yield ("scripts", key), program
    yield ("ipvs", "fifo_script"), config.ipvs.fifo_script
    for path, notify in all_notify(config):
        for key in NOTIFY_KEYS:
            yield (*path, key), getattr(notify, key)
    yield from server_scripts(config)


def server_scripts(config: Config) -> Iterator[tuple[Path, NotifyScript]]:
    """Those of virtual and real servers of which anything is set."""
    for name, virtual in config.virtual_server.items():
        path: Path = ("virtual_server", name)
        for key in QUORUM_KEYS:
            if (program := getattr(virtual, key)) != _NOTHING:
                yield (*path, key), program
        for real_name, real in virtual.real_server.items():
            for key in SERVER_KEYS:
                if (program := getattr(real, key)) != _NOTHING:
                    yield (*path, "real_server", real_name, key), program


def all_notify(config: Config) -> Iterator[tuple[Path, Notify]]:
    """The table `notify` of each VIP and sync group."""
    for name, vip in config.vip.items():
        yield ("vip", name, "notify"), vip.notify
    for name, group in config.sync_group.items():
        yield ("sync_group", name, "notify"), group.notify


def program_of(script: str) -> str | None:
    """The program of a script text; None where it cannot be split, or has no words."""
    try:
        words = shlex.split(script)
    except ValueError:
        return None
    return words[0] if words and words[0] else None
