"""What is said of a keepalived.conf: the remarks on its lines, and keepalived's own verdict.

Rules of this file: what keeps an agent from running is not said here; it becomes an error.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from vipkeeper.config.keepalived_reader import read_keepalived_conf
from vrrp_compat.keepalived_conf.statements import Remark, Severity
from vrrp_compat.keepalived_conf.understanding import like_keepalived

_LABELS = {
    Severity.NOTE: "note",
    Severity.WARNING: "warning",
    Severity.MISTAKE: "warning; keepalived reports it too",
    Severity.FATAL: "keepalived does not start",
}


def print_remarks(remarks: Iterable[Remark]) -> None:
    """All but what keeps an agent from running, on standard error."""
    for remark in remarks:
        if remark.severity is not Severity.FATAL:
            _print(remark)


def report_like_keepalived(file: str) -> int:
    """What keepalived would say of its file, and the code that `keepalived -t` ends with."""
    understood = read_keepalived_conf(file).understood
    for remark in understood.remarks:
        if remark.severity is not Severity.NOTE:
            _print(remark)
    return like_keepalived(understood)


def _print(remark: Remark) -> None:
    print(f"{remark} ({_LABELS[remark.severity]})", file=sys.stderr)
