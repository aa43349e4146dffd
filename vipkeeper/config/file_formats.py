"""Which of the two formats a configuration file has.

Rules of this file: what is in the file decides, because keepalived.conf may be called anything; the name
decides for a file that says nothing, and `.toml` is always taken at its word.
"""

from __future__ import annotations

import re

# `[table]`, or `key =`; no line of a keepalived.conf looks so: its definitions begin with `$`.
_TOML = re.compile(r"""\[|("[^"]*"|'[^']*'|[A-Za-z0-9_-]+)([ \t]*\.[ \t]*[^= \t]+)*[ \t]*=""")


def is_keepalived_conf(name: str, text: str) -> bool:
    """Whether a file of this name with this text is written as keepalived.conf is."""
    if name.endswith(".toml"):
        return False
    for line in text.lstrip("\ufeff").splitlines():
        said = line.strip()
        if said and not said.startswith("#"):
            return _TOML.match(said) is None
    return name.endswith(".conf")
