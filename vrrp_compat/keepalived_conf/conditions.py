"""Lines for some hosts alone: `@ID line` and `@^ID line`.

Rules of this file: the configuration id comes in as a value.
"""

from __future__ import annotations

from vrrp_compat.keepalived_conf.text_lines import BLANKS, Line


def kept_line(line: Line, config_id: str) -> Line | None:
    """What is left of a line for the host with this id; None when it is for others."""
    if not line.text.startswith("@"):
        return line
    word, *_ = line.text.split(maxsplit=1)
    wanted, other = (word[2:], True) if word.startswith("@^") else (word[1:], False)
    if (wanted == config_id) is other or not (wanted or other):
        return None
    rest = line.part(len(word)).stripped()
    return rest if rest.text.strip(BLANKS) else None
