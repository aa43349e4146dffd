"""What keepalived says to an instance when it has read all of it, and what it takes away from it.

Rules of this file: its rules in its words' meaning, each measured against 2.2.7; no advice of our own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from vrrp_compat.keepalived_conf.instance_settings import OWNER, Defaults, Instance
from vrrp_compat.keepalived_conf.keyword_reading import mistake
from vrrp_compat.keepalived_conf.statements import Remark, Severity
from vrrp_compat.keepalived_conf.strict_rules import strict_findings
from vrrp_compat.keepalived_conf.understood import Block

# `keepalived -t` goes on, and so ends with this; keepalived itself does not start.
_EXIT_MISTAKE = 5
_MOST_ADDRESSES = 255
_LONGEST_V3_S = 40.95
_V3_STEP_S = 0.01
_UNICAST_WORDS = ("unicast_src_ip", "check_unicast_src", "old_unicast_checksum")


class Finding(msgspec.Struct, frozen=True):
    """One thing that keepalived reports: the words it is about, and whether they count for nothing."""

    about: str  # a keyword of the instance; without it, the instance as a whole
    wrong: str
    fix: str
    left_out: bool = False
    fatal: bool = False


class Judged(msgspec.Struct, frozen=True):
    """An instance without what keepalived takes away from it."""

    block: Block
    remarks: tuple[Remark, ...]


def judge_instance(block: Block, defaults: Defaults) -> Judged:
    """All rules, one after the other; a word that one of them takes away is gone for the next."""
    remarks: list[Remark] = []
    for rule in _RULES:
        for finding in rule(Instance(block, defaults)):
            remarks.append(_remark(block, finding))
            if finding.left_out:
                block = _without(block, finding.about)
    return Judged(*_own_interface(block, remarks))


def _necessary(instance: Instance) -> Iterator[Finding]:
    if not instance.has("virtual_router_id"):
        yield Finding(
            "", "virtual_router_id is missing", "add a number that no other router uses", fatal=True
        )
    interface = instance.value("interface")
    if interface is None:
        yield Finding("", "interface is missing", "add the interface that VRRP is spoken on", fatal=True)
    elif interface == "lo":
        yield Finding("interface", "VRRP can't be spoken on a loopback interface", "name another", fatal=True)
    if not instance.lines("virtual_ipaddress"):
        yield Finding("", "it has no virtual_ipaddress", "add one: without, it keeps nothing", fatal=False)
    elif len(instance.lines("virtual_ipaddress")) > _MOST_ADDRESSES:
        fix = "move the rest to virtual_ipaddress_excluded"
        yield Finding("", f"an advertisement has room for {_MOST_ADDRESSES} addresses", fix)


def _preempting(instance: Instance) -> Iterator[Finding]:
    if _refuses_to_preempt(instance):
        if instance.priority == OWNER:
            wrong = "a router with priority 255 always takes its addresses"
            yield Finding("nopreempt", wrong, "write another priority, or remove nopreempt", left_out=True)
        elif instance.begins_as_master:
            wrong = "it has no effect with state MASTER"
            yield Finding("nopreempt", wrong, "write state BACKUP on all routers", left_out=True)


def _preempting_later(instance: Instance) -> Iterator[Finding]:
    if not instance.value("preempt_delay"):
        return
    if instance.begins_as_master:
        wrong = "it has no effect with state MASTER"
        yield Finding("preempt_delay", wrong, "write state BACKUP on all routers", left_out=True)
    elif instance.strict:
        yield Finding("preempt_delay", "strict mode has no delay", "remove it, or strict mode", left_out=True)
    elif _refuses_to_preempt(instance):
        yield Finding("preempt_delay", "nothing is delayed with nopreempt", "remove one", left_out=True)


def _authenticating(instance: Instance) -> Iterator[Finding]:
    for block in instance.block.inner("authentication"):
        if block.find("auth_type") is None:
            continue
        if instance.strict:
            yield Finding(
                "authentication", "strict mode has none", "remove it, or strict mode", left_out=True
            )
        elif instance.version == 3:
            yield Finding(
                "authentication", "version 3 has none", "remove it, or write version 2", left_out=True
            )
        elif block.find("auth_pass") is None:
            yield Finding("authentication", "auth_pass is missing, so there is none", "add it", left_out=True)


def _unicast(instance: Instance) -> Iterator[Finding]:
    if instance.unicast:
        if instance.has("mcast_dst_ip"):
            yield Finding("mcast_dst_ip", "it has no effect with unicast_peer", "remove it", left_out=True)
        return
    word = next((word for word in _UNICAST_WORDS if instance.has(word)), None)
    if word is None and instance.block.inner("unicast_peer"):
        word = "unicast_peer"
    if word is not None and not instance.has("unicast_fault_no_peer"):
        wrong = "unicast is meant, but without unicast_peer everything is multicast"
        yield Finding(word, wrong, "list the other routers in unicast_peer { ... }")
    if instance.has("unicast_ttl"):
        yield Finding("unicast_ttl", "it has no effect without unicast_peer", "remove it", left_out=True)


def _announcing_interval(instance: Instance) -> Iterator[Finding]:
    interval_s = instance.value("advert_int")
    if not isinstance(interval_s, int | float):
        return
    if instance.version == 2:
        if interval_s != int(interval_s):
            yield Finding(
                "advert_int", "version 2 knows whole seconds alone; it is rounded", "write version 3"
            )
    elif interval_s > _LONGEST_V3_S:
        yield Finding("advert_int", f"version 3 has at most {_LONGEST_V3_S} s", "that counts")
    elif abs(interval_s / _V3_STEP_S - round(interval_s / _V3_STEP_S)) > 1e-6:
        yield Finding(
            "advert_int", f"version 3 has steps of {_V3_STEP_S} s; it is rounded", "write it rounded"
        )


def _virtual_mac(instance: Instance) -> Iterator[Finding]:
    if not instance.has("use_vmac"):
        if instance.has("vmac_xmit_base"):
            yield Finding("vmac_xmit_base", "it has no effect without use_vmac", "remove it", left_out=True)
        return
    if instance.has("promote_secondaries"):
        wrong = "with use_vmac it is always so"
        yield Finding("promote_secondaries", wrong, "remove it", left_out=True)
    if instance.unicast and not instance.has("vmac_xmit_base"):
        yield Finding("use_vmac", "with unicast_peer, vmac_xmit_base is on", "add vmac_xmit_base")


def _strictly(instance: Instance) -> Iterator[Finding]:
    if instance.strict:
        for keyword, wrong in strict_findings(instance):
            yield Finding(
                keyword, wrong, "remove it, or strict mode", left_out=bool(keyword) and keyword != "state"
            )


_RULES: tuple[Callable[[Instance], Iterator[Finding]], ...] = (
    _necessary,
    _authenticating,
    _unicast,
    _strictly,
    _preempting,
    _preempting_later,
    _announcing_interval,
    _virtual_mac,
)


def _refuses_to_preempt(instance: Instance) -> bool:
    """Of `preempt` and `nopreempt`, the last one counts."""
    words = [setting.keyword for setting in instance.block.settings]
    last = next((word for word in reversed(words) if word in {"preempt", "nopreempt"}), "preempt")
    return last == "nopreempt"


def _remark(block: Block, finding: Finding) -> Remark:
    found = block.find(finding.about) or next(iter(block.inner(finding.about)), block)
    if finding.fatal:
        return Remark(
            found.place,
            Severity.FATAL,
            found.keyword,
            f"{finding.wrong}: keepalived does not start",
            finding.fix,
            _EXIT_MISTAKE,
        )
    return mistake(found.statement, finding.wrong, finding.fix)


def _without(block: Block, keyword: str) -> Block:
    return msgspec.structs.replace(
        block,
        settings=tuple(setting for setting in block.settings if setting.keyword != keyword),
        blocks=tuple(inner for inner in block.blocks if inner.keyword != keyword),
    )


def _own_interface(block: Block, remarks: list[Remark]) -> tuple[Block, tuple[Remark, ...]]:
    """An instance watches its own interface anyway; a line that says so counts for nothing."""
    own = block.find("interface")
    lines = [
        line
        for tracked in block.inner("track_interface")
        for line in tracked.settings
        if own is not None and line.keyword == own.values[0]
    ]
    wrong = "the instance watches its own interface anyway, and the line counts for nothing"
    remarks += [mistake(line.statement, wrong, "remove it") for line in lines]
    blocks = tuple(
        msgspec.structs.replace(inner, settings=tuple(line for line in inner.settings if line not in lines))
        for inner in block.blocks
    )
    return msgspec.structs.replace(block, blocks=blocks), tuple(remarks)
