"""That a keyword is not carried out is said where it stands.

Rules of this file: once for a block; what is in it goes the same way without a word.
"""

from __future__ import annotations

from vrrp_compat.keepalived_conf.keywords.rows import Row
from vrrp_compat.keepalived_conf.statements import Remark, Severity, Statement
from vrrp_compat.keepalived_conf.understood import Fate

_WRONG = {
    Fate.NO_MEANING: (Severity.NOTE, "it has no meaning here"),
    Fate.REFUSED: (Severity.WARNING, "it is not done here"),
}


def fate_remark(around: Row, row: Row, statement: Statement) -> Remark | None:
    """What to say of a line, in the block that is around it."""
    if row.reported:  # that is said already, with the same sentence
        return None
    if row.fate is Fate.CARRIED_OUT or around.fate is not Fate.CARRIED_OUT:
        return None
    severity, wrong = _WRONG[row.fate]
    return Remark(statement.keyword.place, severity, row.keyword, f"{wrong}: {row.says.rstrip('.')}")
