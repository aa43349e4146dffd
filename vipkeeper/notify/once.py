"""The programs that run once: before the agent begins, and after it has let go of everything.

Rules of this file: a program that fails, or takes too long, is told of and keeps nothing from going on.
"""

from __future__ import annotations

import logging

from vipkeeper.config.notify_schema import NotifyScript, Scripts
from vipkeeper.notify.saying import Say


async def run_once(name: str, script: NotifyScript, scripts: Scripts, *, timeout_s: float, say: Say) -> None:
    """`name` is that of the setting. Without a program it does nothing."""
    if script.script is None:
        return
    from vipkeeper.scripts.resolving import resolve_program
    from vipkeeper.scripts.running import run_program

    program = resolve_program(script.script, scripts, user=script.user, group=script.group)
    outcome = await run_program(program, timeout_s=timeout_s)
    level = logging.INFO if outcome.succeeded else logging.ERROR
    say(level, f"{name}-script", outcome.explained, script=script.script, output=outcome.output)
