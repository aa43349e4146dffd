"""What checks of real servers must mean beyond their shape: where they go, what they send and expect.

Rules of this file: as in `service_rules.py`. A check that many real servers inherit is judged once, where it
is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from vipkeeper.config.checker_schema import (
    Check,
    Connecting,
    DnsCheck,
    FileCheck,
    HttpGet,
    PingCheck,
    SmtpCheck,
    SslGet,
    UdpCheck,
    Url,
)
from vipkeeper.config.mistakes import Finding, nearest
from vipkeeper.config.regex_words import KNOWN_OPTIONS, judge_regex
from vipkeeper.config.resolved_services import ResolvedRealServer, ResolvedService, written_checks
from vipkeeper.config.schema import Config
from vipkeeper.config.server_addresses import read_address, read_server
from vipkeeper.config.status_ranges import read_status_ranges
from vipkeeper.config.toml_positions import Path
from vipkeeper.config.words import LONGEST_INTERFACE_NAME, WordError
from vipkeeper.model.dns_names import encoded_name
from vipkeeper.model.ipvs import ip_version

_HEXADECIMAL = re.compile(r"([0-9a-fA-F]{2})+")
_PATTERN = re.compile(r"([0-9a-fA-FxX]{2})+")
_DIGEST = re.compile(r"[0-9a-fA-F]{32}")
# What would end a line, or a word of it, in the middle.
_BREAKS = re.compile(r"[\x00-\x20\x7f]")


def broken_check_rules(config: Config, services: tuple[ResolvedService, ...]) -> Iterator[Finding]:
    """Everything that makes a check unusable."""
    for path, check in written_checks(services):
        yield from _bad_check(config, path, check)
    for service in services:
        yield from _bad_host(service.path, service.written.virtualhost)
        for server in service.real_servers:
            yield from _bad_host(server.path, server.written.virtualhost)
            yield from _nowhere_to_go(server)


def _bad_check(config: Config, path: Path, check: Check) -> Iterator[Finding]:
    if isinstance(check, Connecting):
        yield from _bad_way(path, check)
    match check:
        case HttpGet():
            yield from _bad_pages(path, check)
            if isinstance(check, SslGet) and check.sni_name is not None:
                yield from _bad_sni((*path, "sni_name"), check.sni_name)
        case UdpCheck():
            yield from _bad_datagrams(path, check)
        case SmtpCheck():
            if _BREAKS.search(check.helo_name):
                yield Finding((*path, "helo_name"), "it has a blank in it", "write the name of a host")
        case DnsCheck():
            yield from _bad_question(path, check)
        case FileCheck():
            if check.track_file not in config.track_file:
                near = nearest(check.track_file, config.track_file)
                fix = f"did you mean {near}?" if near else f"add the table [track_file.{check.track_file}]"
                yield Finding((*path, "track_file"), f"there is no [track_file.{check.track_file}]", fix)


def _bad_way(path: Path, check: Connecting) -> Iterator[Finding]:
    if check.connect_ip is not None:
        why = _why_no_target(check.connect_ip)
        if why:
            yield Finding((*path, "connect_ip"), why, "write the address of one host")
    if check.bindto is not None and read_address(check.bindto) is None:
        yield Finding((*path, "bindto"), f'"{check.bindto}" is no address', "write an address of this host")
    name = check.bind_if
    if name is not None and (len(name) > LONGEST_INTERFACE_NAME or re.search(r"[/\s]", name)):
        wrong = f'"{name}" cannot be the name of an interface'
        fix = f"at most {LONGEST_INTERFACE_NAME} characters without slashes and spaces; see `ip link`"
        yield Finding((*path, "bind_if"), wrong, fix)


def _why_no_target(text: str) -> str:
    """A check may well go to a link-local address: `fe80::1%eth0`."""
    address, interface, _ = text.partition("%")
    if interface and read_address(text) is None:
        return f'"{text}" is no address'
    return read_server(address).why_not


def _bad_pages(path: Path, check: HttpGet) -> Iterator[Finding]:
    if not check.url:
        yield Finding(path, "asks for no page", 'add for example url.health.path = "/health"')
    yield from _bad_host(path, check.virtualhost)
    for name, url in check.url.items():
        yield from _bad_page((*path, "url", name), url)


def _bad_page(path: Path, url: Url) -> Iterator[Finding]:
    yield from _bad_host(path, url.virtualhost)
    if not url.path.startswith("/") or _BREAKS.search(url.path) or not url.path.isascii():
        wrong = f'"{url.path}" cannot be asked for'
        yield Finding((*path, "path"), wrong, "begin it with a slash, and write %20 for a blank")
    if url.status_code is not None:
        try:
            read_status_ranges(url.status_code)
        except WordError as error:
            yield Finding((*path, "status_code"), error.wrong, error.fix)
    if url.digest is not None and not _DIGEST.fullmatch(url.digest):
        wrong = "it is no MD5, which has 32 hexadecimal digits"
        yield Finding((*path, "digest"), wrong, "take what `vipkeeper genhash` tells")
    yield from _bad_regex(path, url)


def _bad_regex(path: Path, url: Url) -> Iterator[Finding]:
    options = url.regex_options or ()
    if url.regex is None:
        for key in ("regex_no_match", "regex_options", "regex_min_offset", "regex_max_offset"):
            if getattr(url, key):
                yield Finding((*path, key), "there is no regex", "add regex, or leave it out")
        return
    try:
        judge_regex(url.regex, options)
    except WordError as error:
        key = "regex" if KNOWN_OPTIONS.issuperset(options) else "regex_options"
        yield Finding((*path, key), error.wrong, error.fix)
    if url.regex_max_offset is not None and url.regex_max_offset <= url.regex_min_offset:
        wrong = f"{url.regex_max_offset} is not above regex_min_offset, so that nothing can match"
        yield Finding((*path, "regex_max_offset"), wrong, "write a greater number")


def _bad_host(path: Path, host: str | None) -> Iterator[Finding]:
    if host is not None and (_BREAKS.search(host) or not host.isascii()):
        yield Finding(
            (*path, "virtualhost"), f'"{host}" cannot be the name of a host', "write it without blanks"
        )


def _bad_sni(path: Path, name: str) -> Iterator[Finding]:
    try:
        encoded_name(name)
    except ValueError as error:
        yield Finding(path, str(error), "write the name that the server's certificate has")
        return
    if _BREAKS.search(name):
        yield Finding(path, f'"{name}" cannot be the name of a host', "write it without blanks")


def _bad_datagrams(path: Path, check: UdpCheck) -> Iterator[Finding]:
    if check.payload is not None and not _HEXADECIMAL.fullmatch(check.payload):
        wrong = f'"{check.payload}" is not hexadecimal'
        yield Finding((*path, "payload"), wrong, "write two digits for each byte, for example 0a0b0c")
    if check.reply is not None and not _PATTERN.fullmatch(check.reply):
        wrong = f'"{check.reply}" is no pattern of bytes'
        fix = "write two hexadecimal digits for each byte, and x for a digit that may be any"
        yield Finding((*path, "reply"), wrong, fix)
    if check.min_reply_length > check.max_reply_length:
        wrong = f"{check.min_reply_length} is above max_reply_length, which is {check.max_reply_length}"
        yield Finding((*path, "min_reply_length"), wrong, "write a smaller number, or raise max_reply_length")


def _bad_question(path: Path, check: DnsCheck) -> Iterator[Finding]:
    try:
        encoded_name(check.name)
    except ValueError as error:
        yield Finding((*path, "name"), str(error), "write for example example.com, or a dot for the root")


def _nowhere_to_go(server: ResolvedRealServer) -> Iterator[Finding]:
    """Checks that need a port where none is known, or a source of another IP version than the target."""
    for kind, name, check in server.checks:
        if not isinstance(check, Connecting):
            continue
        if not (check.connect_port or server.check_port or isinstance(check, PingCheck)):
            wrong = f"{kind.value} {name} has no port to go to"
            yield Finding((*server.path, "port"), wrong, "add it, or connect_port in the check")
        if check.bindto is None:
            continue
        source, target = read_address(check.bindto), read_address(check.connect_ip or server.address.text)
        if source is not None and target is not None and ip_version(source) != ip_version(target):
            wrong = f"{kind.value} {name} cannot go from {source} to {target}"
            yield Finding((*server.path, "address"), wrong, "write addresses of one IP version")
