"""Scripts of a keepalived.conf as the text that our settings have for them.

Rules of this file: the result is split by shlex, and no shell reads it, as with keepalived. What was measured
with keepalived 2.2.7 is said where it counts.
"""

from __future__ import annotations

import re
import shlex

import msgspec

from vipkeeper.config.keepalived.drafts import Draft
from vipkeeper.config.toml_positions import Path
from vrrp_compat.keepalived_conf.script_words import script_words
from vrrp_compat.keepalived_conf.statements import Severity, Statement

_OPERATOR = re.compile(r"&&?|\|\|?|;|[0-9]?(>>?|<)(&[0-9])?")


class Program(msgspec.Struct, frozen=True):
    """What a line with a script says."""

    script: str
    user: str | None = None
    group: str | None = None
    operator: str = ""  # of a shell: the line was written for one


def read_program(line: Statement) -> Program | None:
    """The program, and perhaps the user and the group behind it; None where nothing is written.

    keepalived splits the line into words, and the first of them once more: so only what is within the
    quotes is the program with its arguments, and `script /bin/check a b` runs `/bin/check` alone.
    """
    words = script_words(line.raw)
    if not words or not words[0].strip():
        return None
    user, group = (*words[1:], None, None)[:2]
    operator = shell_operator(words[0])
    return Program(script_text(words[0]), user, group, operator)


def script_text(written: str) -> str:
    """The script as our settings have it."""
    if written.startswith("<"):  # keepalived's own: the script is well while the file can be opened
        return shlex.join(["test", "-r", written[1:].strip()])
    if shell_operator(written):
        return shlex.join(["sh", "-c", written])
    return shlex.join(script_words(written))


def shell_operator(written: str) -> str:
    """The first word that only a shell understands, outside of quotes; empty if there is none."""
    if written.startswith("<"):
        return ""
    lexer = shlex.shlex(written, posix=False, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return next((word for word in lexer if _OPERATOR.fullmatch(word)), "")
    except ValueError:  # an odd quote: no shell would take it either
        return ""


def put_program(draft: Draft, path: Path, line: Statement, *, said: str = "") -> bool:
    """Sets `script`, `user` and `group` below `path`; False where the line names no program."""
    program = read_program(line)
    if program is None:
        draft.leave_out(line, "it names no program")
        return False
    draft.put((*path, "script"), program.script, line, said)
    if program.user is not None:
        draft.put((*path, "user"), program.user, line, said)
    if program.group is not None:
        draft.put((*path, "group"), program.group, line, said)
    if program.operator:
        # Measured: `/bin/bash -c '[[ -e /x ]]' && exit 1 || exit 0` runs bash with the words `&&`, `exit`,
        # `1` ... as arguments, so the check said the opposite of what its author meant.
        draft.remark(
            line,
            Severity.WARNING,
            f"keepalived runs no shell and gives `{program.operator}` to the program as an argument; here a "
            "shell reads the line, so that it does what it says",
            "put the command into a file of its own and name that, if keepalived is to do the same",
        )
    return True
