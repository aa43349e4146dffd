"""What a keepalived.conf means: from statements to known blocks, typed values and remarks.

Rules of this file: the order of the steps. Nothing that is odd raises; it is a remark.
"""

from __future__ import annotations

from vrrp_compat.keepalived_conf.assembling import Assembler
from vrrp_compat.keepalived_conf.cut_remarks import cut_remarks
from vrrp_compat.keepalived_conf.settling import settle
from vrrp_compat.keepalived_conf.statements import Written
from vrrp_compat.keepalived_conf.understood import Understood


def understand(written: Written) -> Understood:
    """The whole configuration by keepalived's own rules."""
    assembler = Assembler(written.statements)
    assembler.assemble(written.statements)
    settled = settle(assembler.blocks)
    remarks = (*written.remarks, *assembler.remarks, *settled.remarks, *cut_remarks(written))
    return Understood(
        blocks=settled.blocks,
        settings=tuple(assembler.settings),
        remarks=tuple(sorted(remarks, key=lambda remark: remark.place)),
        trailing_comments=written.trailing_comments,
    )
