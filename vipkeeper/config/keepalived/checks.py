"""The checks of a real server: TCP_CHECK and so on.

Rules of this file: see `drafts.py`. Checks and pages have no names in keepalived.conf, and get
numbers here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vipkeeper.config.balancing_schema import LARGEST_WEIGHT
from vipkeeper.config.keepalived.drafts import Draft
from vipkeeper.config.keepalived.pacing import put_pacing_of_checks, put_within
from vipkeeper.config.keepalived.programs import put_program
from vipkeeper.config.keepalived.settings_alike import put_flag, put_number, put_text
from vipkeeper.config.keepalived.tracks import Definitions
from vipkeeper.config.keepalived.views import View
from vipkeeper.config.toml_positions import Path
from vrrp_compat.keepalived_conf.statements import Severity
from vrrp_compat.keepalived_conf.understood import Setting, Value

FileWeights = Mapping[str, tuple[Value, ...]]

# A server may do so in HTTP/1.1 alone.
_CHUNKED = "if the server answers in chunks, it is another one here: keepalived hashes their framing too"

# What is said of a page, of which nothing counts without `regex`.
_OF_REGEX = ("regex_no_match", "regex_options", "regex_min_offset", "regex_max_offset")


def put_checks(draft: Draft, path: Path, server: View, known: Definitions, weights: FileWeights) -> None:
    """All checks of one real server."""
    if not server.block.blocks:
        return
    for keyword, put in _KINDS.items():
        number = 0
        for view in server.inner(keyword):
            for one in _hosts(view):
                number += 1
                place: Path = (*path, keyword.lower(), str(number))
                draft.open_table(place, one.statement, f"{keyword} of {server.name}")
                for said in dict.fromkeys((view, one)):  # a host has what is said around it
                    put_pacing_of_checks(draft, place, said)
                    put_flag(draft, place, said, "alpha")
                    put_flag(draft, place, said, "log_all_failures")
                put(draft, place, one)
                put_text(draft, place, view, "helo_name")
    for number, view in enumerate(server.inner("FILE_CHECK"), 1):
        _put_file(draft, (*path, "file_check", str(number)), view, known, weights)


def _hosts(view: View) -> list[View]:
    """SMTP_CHECK may name several hosts, each with settings of its own: a check for each."""
    return [view, *view.inner("host")] if _checks_itself(view) else list(view.inner("host"))


def _checks_itself(view: View) -> bool:
    """With hosts in it, a check is one of its own only if it says where it goes."""
    says = ("connect_ip", "connect_port", "bindto", "bind_if", "bind_port", "fwmark", "connect_timeout")
    return not any(True for _ in view.inner("host")) or any(view.has(word) for word in says)


def _put_connection(draft: Draft, path: Path, view: View) -> None:
    for keyword in ("connect_ip", "bindto", "bind_if"):
        put_text(draft, path, view, keyword)
    for keyword in ("connect_port", "bind_port"):
        put_number(draft, path, view, keyword)
    if view.number("fwmark"):
        put_number(draft, path, view, "fwmark")


def _put_http(draft: Draft, path: Path, view: View) -> None:
    _put_connection(draft, path, view)
    put_text(draft, path, view, "virtualhost")
    protocol = view.find("http_protocol")
    if protocol is not None:
        draft.put((*path, "http_protocol"), str(protocol.values[0]).upper(), protocol.statement)
    put_flag(draft, path, view, "fast_recovery")
    for number, page in enumerate(view.inner("url"), 1):
        place: Path = (*path, "url", str(number))
        draft.open_table(place, page.statement, "url")
        _put_page(draft, place, page)
        digest = page.find("digest")
        if digest is not None and protocol is not None and protocol.values[0] == "1.1":
            draft.remark(digest.statement, Severity.NOTE, _CHUNKED, "make it anew by `vipkeeper genhash`")


def _put_ssl(draft: Draft, path: Path, view: View) -> None:
    _put_http(draft, path, view)
    put_flag(draft, path, view, "enable_sni")
    put_text(draft, path, view, "sni_name")
    put_flag(draft, path, view, "tls_compliant")


def _put_page(draft: Draft, path: Path, view: View) -> None:
    for keyword in ("path", "digest", "virtualhost"):
        put_text(draft, path, view, keyword)
    put_flag(draft, path, view, "tls_compliant")
    codes = [setting for setting in view.all("status_code") if setting.values]
    if codes:
        text = " ".join(str(value) for setting in codes for value in setting.values)
        draft.put((*path, "status_code"), text, codes[-1].statement)
    elif view.has("digest") or view.has("regex"):  # to keepalived the status matters beside these too
        draft.default((*path, "status_code"), "200-299")
    regex = view.find("regex")
    if regex is not None and len(regex.values) == 1 and regex.values[0]:
        draft.put((*path, "regex"), str(regex.values[0]), regex.statement)
        _put_regex_options(draft, path, view)
        return
    for keyword in ("regex", *_OF_REGEX):
        setting = view.find(keyword)
        if setting is not None:
            fix = "write regex and one expression, in quotes"
            draft.remark(setting.statement, Severity.WARNING, "it is left out: there is no expression", fix)
            draft.leave_out(setting.statement, "there is no expression")


def _put_regex_options(draft: Draft, path: Path, view: View) -> None:
    put_flag(draft, path, view, "regex_no_match")
    options = view.find("regex_options")
    if options is not None and options.values:
        draft.put((*path, "regex_options"), [str(value) for value in options.values], options.statement)
    least, most = view.find("regex_min_offset"), view.find("regex_max_offset")
    if least is not None and most is not None and _offset(least) > _offset(most):
        wrong = "it is left out, and regex_max_offset too: nothing lies between them"
        draft.remark(least.statement, Severity.WARNING, wrong, "exchange the two")
        draft.leave_out(least.statement, "it is above regex_max_offset")
        draft.leave_out(most.statement, "it is below regex_min_offset")
        return
    if least is not None and _offset(least):
        draft.put((*path, "regex_min_offset"), _offset(least), least.statement)
    if most is not None:
        # keepalived names the last byte that a match may begin at; ours is the first at which it may not.
        draft.put((*path, "regex_max_offset"), _offset(most) + 1, most.statement)


def _offset(setting: Setting) -> int:
    """Anything but one number is 0 to keepalived."""
    text = str(setting.values[0]) if len(setting.values) == 1 else ""
    return int(text) if text.isascii() and text.isdigit() else 0


def _put_dns(draft: Draft, path: Path, view: View) -> None:
    _put_connection(draft, path, view)
    for keyword in ("type", "name"):
        put_text(draft, path, view, keyword)


def _put_misc(draft: Draft, path: Path, view: View) -> None:
    program = view.find("misc_path")
    if program is not None:
        put_program(draft, path, program, key="misc_path")
    if view.number("misc_timeout"):
        put_number(draft, path, view, "misc_timeout")
    put_flag(draft, path, view, "misc_dynamic")
    user = view.find("user")
    if user is not None:
        for key, value in zip(("user", "group"), user.values, strict=False):
            draft.put((*path, key), str(value), user.statement)


def _put_udp(draft: Draft, path: Path, view: View) -> None:
    _put_connection(draft, path, view)
    payload = view.find("payload")
    if payload is not None:
        draft.put((*path, "payload"), "".join(map(str, payload.values)), payload.statement)
    reply = view.find("require_reply")
    if reply is not None:
        draft.put((*path, "require_reply"), True, reply.statement)
        if reply.values and all(reply.values):
            draft.put((*path, "reply"), "".join(map(str, reply.values)), reply.statement)
    for keyword in ("min_reply_length", "max_reply_length"):
        put_number(draft, path, view, keyword)


def _put_file(draft: Draft, path: Path, view: View, known: Definitions, weights: FileWeights) -> None:
    """Its own weight, or that of the file's definition."""
    file = view.text("track_file")
    if file is None or ("track_file", file) not in known.names:
        draft.leave_out(view.statement, "its track_file is left out too")
        return
    draft.open_table(path, view.statement, f"FILE_CHECK {file}")
    put_text(draft, path, view, "track_file")
    put_within(draft, path, view, "weight", LARGEST_WEIGHT)
    own = view.find("weight")
    number, *reverse = own.values if own is not None else weights.get(file, (1,))
    if own is None:
        draft.default((*path, "weight"), number)
    if reverse == ["reverse"]:
        draft.default((*path, "reverse"), True)


_KINDS: dict[str, Callable[[Draft, Path, View], None]] = {
    "TCP_CHECK": _put_connection,
    "HTTP_GET": _put_http,
    "SSL_GET": _put_ssl,
    "SMTP_CHECK": _put_connection,
    "DNS_CHECK": _put_dns,
    "UDP_CHECK": _put_udp,
    "PING_CHECK": _put_connection,
    "MISC_CHECK": _put_misc,
}
