"""What `keepalived -t` would end with.

Rules of this file: one remark decides, in the order that 2.2.7 was seen to have: it stops reading, it cannot
run, programs run without script security, it reports something.
"""

from __future__ import annotations

from collections.abc import Iterator

from vrrp_compat.keepalived_conf.keyword_reading import EXIT_MISSING_WORD
from vrrp_compat.keepalived_conf.script_rules import EXIT_UNGUARDED, programs
from vrrp_compat.keepalived_conf.statements import Remark, Severity
from vrrp_compat.keepalived_conf.understood import Understood

_EXIT_FINE = 0
_EXIT_CANNOT_RUN = 4
_EXIT_MISTAKE = 5
_IN_ORDER = (EXIT_MISSING_WORD, _EXIT_CANNOT_RUN, EXIT_UNGUARDED, _EXIT_MISTAKE)
_BY_SEVERITY = {Severity.FATAL: _EXIT_CANNOT_RUN, Severity.MISTAKE: _EXIT_MISTAKE}


def like_keepalived(understood: Understood, absent: frozenset[str] = frozenset()) -> int:
    """The exit code of `keepalived -t` for the same file, on a host that does not have some programs.

    keepalived does not run those, and reports the ones of vrrp_script.
    """
    codes = {_code(remark) for remark in understood.remarks}
    if any(program in absent for program in _programs(understood, "vrrp_script")):
        codes.add(_EXIT_MISTAKE)
    if all(program in absent for program in _programs(understood)):
        codes.discard(EXIT_UNGUARDED)
    return next((code for code in _IN_ORDER if code in codes), _EXIT_FINE)


def _programs(understood: Understood, keyword: str = "") -> Iterator[str]:
    for block in understood.blocks:
        if keyword in {"", block.keyword}:
            yield from programs(block)


def _code(remark: Remark) -> int:
    if remark.exit_code is not None:
        return remark.exit_code
    return _BY_SEVERITY.get(remark.severity, _EXIT_FINE)
