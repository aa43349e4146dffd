"""What an operator should know about virtual servers, which are read and not programmed yet.

Rules of this file: remarks only, on what is commonly wrong and does something else than it seems to.
"""

from __future__ import annotations

from collections.abc import Iterable

from vipkeeper.config.keepalived.drafts import Draft
from vrrp_compat.keepalived_conf.statements import Severity, Statement
from vrrp_compat.keepalived_conf.understood import Block

_METHODS = ("NAT", "DR", "TUN")
_METHOD_WORDS = ("lb_kind", "lvs_method")


def advise_on_services(draft: Draft, blocks: Iterable[Block]) -> None:
    """One remark for each thing, at its line or at that of the service."""
    for block in blocks:
        if block.keyword == "virtual_server":
            _advise(draft, block.statement)


def _advise(draft: Draft, service: Statement) -> None:
    lines = service.block or ()
    written = {line.keyword.text for line in lines}
    by_address = bool(service.words) and service.words[0].text not in {"fwmark", "group"}
    if by_address and "protocol" not in written:
        wrong = "it has no `protocol`, so keepalived takes UDP"
        draft.remark(service, Severity.WARNING, wrong, "add `protocol TCP`, if that is meant")
    if "real_server" not in written:
        wrong = "it has no real_server, so keepalived leaves it out"
        draft.remark(service, Severity.WARNING, wrong, "add one, or delete it")
    for line in lines:
        method = line.words[0].text if line.words else ""
        if line.keyword.text in _METHOD_WORDS and method not in _METHODS and method.upper() in _METHODS:
            wrong = (
                f"keepalived knows `{method.upper()}` in capital letters alone, and takes NAT for `{method}`"
            )
            draft.remark(line, Severity.WARNING, wrong, f"write {method.upper()}")
