"""What keepalived says to the checks of a real server, and which of them count.

Rules of this file: as in `instance_rules.py`.
"""

from __future__ import annotations

import ipaddress

import msgspec

from vrrp_compat.keepalived_conf.service_settings import OpenService, family_of
from vrrp_compat.keepalived_conf.statements import Remark
from vrrp_compat.keepalived_conf.understood import Block

PAGES = ("HTTP_GET", "SSL_GET")
# These send something to the real server; a ping has no port.
WITH_PORT = ("TCP_CHECK", "HTTP_GET", "SSL_GET", "SMTP_CHECK", "DNS_CHECK", "UDP_CHECK")
_CONNECTING = (*WITH_PORT, "PING_CHECK")
_LONGEST_REPLY = 255


def judge_checks(server: Block, files: set[str], remarks: list[Remark]) -> tuple[Block, ...]:
    """The checks of a real server that count. `files` are the tracked files that are defined above it."""
    kept = []
    for block in server.blocks:
        check = OpenService(block, remarks)
        if block.keyword in _CONNECTING:
            _judge_sources(check, server)
            if not _says_its_interface(check, server):
                continue
        if block.keyword in PAGES and not _judge_pages(check):
            continue
        if block.keyword == "UDP_CHECK":
            _judge_lengths(check)
        if block.keyword == "MISC_CHECK" and not check.has("misc_path"):
            check.say("it is left out, because its misc_path is missing", "add misc_path")
            continue
        if block.keyword == "FILE_CHECK" and not _knows_its_file(check, files):
            continue
        kept.append(check.block)
    return tuple(kept)


def _judge_sources(check: OpenService, server: Block) -> None:
    """Line after line: an address of another IP version than the other end counts for nothing."""
    target = family_of(server.values[0]) if check.block.keyword != "SMTP_CHECK" else None
    source: int | None = None
    for setting in check.block.settings:
        if setting.keyword not in {"connect_ip", "bindto"}:
            continue
        family = family_of(setting.values[0])
        other = source if setting.keyword == "connect_ip" else target
        if other is not None and other != family:
            wrong = f"it is left out: the other end of the check is one of IPv{other}"
            check.say(wrong, "write addresses of one IP version", setting.statement)
            check.drop(setting)
        elif setting.keyword == "connect_ip":
            target = family
        else:
            source = family


def _says_its_interface(check: OpenService, server: Block) -> bool:
    target = ipaddress.ip_address(str(check.value("connect_ip") or server.values[0]))
    if target.version == 4 or not target.is_link_local or check.has("bind_if"):
        return True
    check.say(f"it is left out: {target} is an address of one link alone", "say which: bind_if INTERFACE")
    return False


def _judge_pages(check: OpenService) -> bool:
    kept = []
    for block in check.block.blocks:
        if block.keyword == "url" and block.find("path") is None:
            check.say("it is left out, because its path is missing", "add path", block.statement)
        else:
            kept.append(block)
    check.put_blocks(kept)
    if any(block.keyword == "url" for block in kept):
        return True
    check.say("it is left out, because no url is in it", "add url { path / }")
    return False


def _judge_lengths(check: OpenService) -> None:
    least, most = check.number("min_reply_length", 0), check.number("max_reply_length", _LONGEST_REPLY)
    if least > most:
        wrong = f"no answer is {least} bytes long or more and {most} or less, so it always fails"
        check.say(wrong, "exchange min_reply_length and max_reply_length")


def _knows_its_file(check: OpenService, files: set[str]) -> bool:
    for setting in check.block.settings:
        if setting.keyword == "track_file" and setting.values[0] not in files:
            wrong = f"there is no track_file {setting.values[0]} above it"
            check.say(wrong, "define it above: track_file NAME { file ... }", setting.statement)
            check.drop(setting)
    if check.has("track_file"):
        return True
    check.say("it is left out, because its track_file is missing", "add track_file NAME")
    return False


def with_port(checks: tuple[Block, ...], port: int) -> tuple[Block, ...]:
    """The checks of a server whose port in the kernel's table is not the one that is written and checked."""
    return tuple(_aimed(check, port) if check.keyword in WITH_PORT else check for check in checks)


def _aimed(check: Block, port: int) -> Block:
    open_check = OpenService(check, [])
    if not open_check.has("connect_port"):
        open_check.set("connect_port", port)
    hosts = [_aimed(inner, port) if inner.keyword == "host" else inner for inner in check.blocks]
    return msgspec.structs.replace(open_check.block, blocks=tuple(hosts))
