"""When checks run: the words that virtual servers, real servers and checks have alike.

Rules of this file: see `drafts.py`; a number beyond our bounds is lowered to them, and told.
"""

from __future__ import annotations

from vipkeeper.config.checker_schema import LONGEST_CONNECT_S, LONGEST_DELAY_S
from vipkeeper.config.keepalived.drafts import Draft
from vipkeeper.config.keepalived.views import View
from vipkeeper.config.toml_positions import Path
from vrrp_compat.keepalived_conf.statements import Severity

_MOST_RETRIES = 1_000_000
_BOUNDS = {
    "delay_loop": LONGEST_DELAY_S,
    "connect_timeout": LONGEST_CONNECT_S,
    "retry": _MOST_RETRIES,
    "delay_before_retry": LONGEST_DELAY_S,
    "warmup": LONGEST_DELAY_S,
}


def put_pacing_of_checks(draft: Draft, path: Path, view: View) -> None:
    """What is said of it in one block."""
    for keyword, most in _BOUNDS.items():
        put_within(draft, path, view, keyword, most)


def put_within(draft: Draft, table: Path, view: View, keyword: str, most: float) -> None:
    """The number behind `keyword`, and `most` if it is more."""
    if (setting := view.find(keyword)) is None or (number := view.number(keyword)) is None:
        return
    if abs(number) > most:
        number = most if number > 0 else -most
        wrong = f"the most that is possible here is {most:g}, which counts"
        draft.remark(setting.statement, Severity.WARNING, wrong, "write a smaller number")
    draft.put((*table, keyword), number, setting.statement)
