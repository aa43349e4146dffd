"""Lines for some hosts alone: `@ID line` and `@^ID line`.

Rules of this file: the configuration id comes in as a value.
"""

from __future__ import annotations

import re

from vrrp_compat.keepalived_conf.text_lines import Line

_CONDITION = re.compile(r"@(\^?)(\S*)", re.ASCII)


def kept_line(line: Line, config_id: str) -> Line | None:
    """What is left of a line for the host with this id; None when it is for others."""
    found = _CONDITION.match(line.text)
    if found is None:
        return line
    negated, wanted = found.groups()
    if (wanted == config_id) is bool(negated) or not (wanted or negated):
        return None
    rest = line.part(found.end()).stripped()
    return rest if rest.text else None
