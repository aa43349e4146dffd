"""Scripts of a keepalived.conf as the text that our settings have for them.

Rules of this file: the result is split by shlex, and no shell reads it, as with keepalived. What was measured
with keepalived 2.2.7 is said where it counts.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from vipkeeper.config.keepalived.drafts import Draft
from vipkeeper.config.toml_positions import Path
from vrrp_compat.keepalived_conf.statements import Severity
from vrrp_compat.keepalived_conf.understood import Setting

_OPERATOR = re.compile(r"&&?|\|\|?|;|[0-9]?(>>?|<)(&[0-9])?")


def script_text(words: Sequence[str]) -> str:
    """The script as our settings have it; `words` are what keepalived would run."""
    if words[0].startswith("<"):  # keepalived's own: the script is well while the file can be opened
        return shlex.join(["test", "-r", " ".join(words).removeprefix("<").strip()])
    if shell_operator(words):
        line = " ".join(word if _OPERATOR.fullmatch(word) else shlex.quote(word) for word in words)
        return shlex.join(["sh", "-c", line])
    return shlex.join(words)


def shell_operator(words: Sequence[str]) -> str:
    """The first word that only a shell understands; empty if there is none."""
    return next((word for word in words[1:] if _OPERATOR.fullmatch(word)), "")


def put_program(draft: Draft, path: Path, setting: Setting, *, said: str = "", key: str = "script") -> bool:
    """Sets `script` (or `key`), `user` and `group` below `path`; False where the line names no program."""
    words, *runs_as = setting.values or ((),)
    line = setting.statement
    if not isinstance(words, tuple) or not words or not words[0]:
        draft.leave_out(line, "it names no program")
        return False
    draft.put((*path, key), script_text(words), line, said)
    for below, name in zip(("user", "group"), runs_as, strict=False):
        draft.put((*path, below), str(name), line, said)
    operator = shell_operator(words)
    if operator:
        # Measured: `/bin/bash -c '[[ -e /x ]]' && exit 1 || exit 0` runs bash with the words `&&`, `exit`,
        # `1` ... as arguments, so the check said the opposite of what its author meant.
        draft.remark(
            line,
            Severity.WARNING,
            f"keepalived runs no shell and gives `{operator}` to the program as an argument; here a shell "
            "reads the line, so that it does what it says",
            "put the command into a file of its own and name that, if keepalived is to do the same",
        )
    return True
