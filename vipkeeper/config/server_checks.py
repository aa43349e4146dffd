"""The checks of one real server, with everything inherited and defaulted.

Rules of this file: pure; it takes a Config that was accepted. A setting is looked for in the check, the real
server, the virtual server, and then in keepalived's default for that kind of check.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from vipkeeper.config.balancing_schema import RealServer, VirtualServer
from vipkeeper.config.checker_schema import (
    Check,
    Connecting,
    DnsCheck,
    FileCheck,
    HttpGet,
    MiscCheck,
    SmtpCheck,
    SslGet,
    TcpCheck,
    UdpCheck,
    Url,
)
from vipkeeper.config.ipvs_schema import Ssl
from vipkeeper.config.resolved_services import ResolvedRealServer, WrittenCheck
from vipkeeper.config.schema import Config
from vipkeeper.config.server_addresses import canonical
from vipkeeper.config.status_ranges import read_status_ranges
from vipkeeper.model import balancing as plan
from vipkeeper.model.balancing import CheckKind

_Value = TypeVar("_Value")

ANY_SUCCESS = ((200, 299),)
_USUAL = plan.Pacing()


class KindDefaults(msgspec.Struct, frozen=True):
    """Pacing that depends on the kind of check. None: `delay_loop`."""

    retry: int = 1
    delay_before_retry_s: float | None = 1.0


_PLAIN = KindDefaults()
_KIND_DEFAULTS: Mapping[CheckKind, KindDefaults] = {
    CheckKind.HTTP: KindDefaults(delay_before_retry_s=3.0),
    CheckKind.SSL: KindDefaults(delay_before_retry_s=3.0),
    CheckKind.DNS: KindDefaults(retry=3, delay_before_retry_s=None),
    CheckKind.MISC: KindDefaults(retry=0),
}


class Owners(msgspec.Struct, frozen=True):
    """Who lends a check what it does not say itself."""

    config: Config
    virtual: VirtualServer
    real: RealServer


def check_plans(
    config: Config, virtual: VirtualServer, server: ResolvedRealServer
) -> tuple[plan.CheckPlan, ...]:
    """What is asked of a real server: where a check says no other, at its own address."""
    if not server.checks:
        return ()
    owners = Owners(config, virtual, server.written)
    return tuple(_check_plan(owners, written, server) for written in server.checks)


def _check_plan(owners: Owners, written: WrittenCheck, server: ResolvedRealServer) -> plan.CheckPlan:
    kind, name, check = written
    pacing = pacing_in_force(owners, kind, check)
    reach = None
    if isinstance(check, Connecting):
        port = 0 if kind is CheckKind.PING else server.check_port
        reach = _reach(check, server.address.text, port)
    return plan.CheckPlan(kind, name, pacing, _ask(owners, check, pacing), reach)


def pacing_in_force(owners: Owners, kind: CheckKind, check: Check) -> plan.Pacing:
    """When it runs, and how many failures count."""
    real, virtual = owners.real, owners.virtual
    usual = _KIND_DEFAULTS.get(kind, _PLAIN)
    delay_s = _first_set(_USUAL.delay_loop_s, check.delay_loop_s, real.delay_loop_s, virtual.delay_loop_s)
    again_s = delay_s if usual.delay_before_retry_s is None else usual.delay_before_retry_s
    return plan.Pacing(
        delay_loop_s=delay_s,
        connect_timeout_s=_first_set(
            _USUAL.connect_timeout_s,
            check.connect_timeout_s,
            real.connect_timeout_s,
            virtual.connect_timeout_s,
        ),
        retry=_first_set(usual.retry, check.retry, real.retry, virtual.retry),
        delay_before_retry_s=_first_set(
            again_s, check.delay_before_retry_s, real.delay_before_retry_s, virtual.delay_before_retry_s
        ),
        warmup_s=_first_set(delay_s, check.warmup_s, real.warmup_s, virtual.warmup_s),
        alpha=_first_set(_USUAL.alpha, check.alpha, real.alpha, virtual.alpha),
        log_all_failures=_first_set(owners.config.ipvs.log_all_failures, check.log_all_failures),
    )


def _first_set(otherwise: _Value, *written: _Value | None) -> _Value:
    for value in written:
        if value is not None:
            return value
    return otherwise


def _reach(check: Connecting, address: str, port: int) -> plan.Reach:
    return plan.Reach(
        address=address if check.connect_ip is None else canonical(check.connect_ip),
        port=_first_set(port, check.connect_port),
        bindto="" if check.bindto is None else canonical(check.bindto),
        bind_port=check.bind_port or 0,
        bind_if=check.bind_if or "",
        fwmark=check.fwmark or 0,
    )


def _ask(owners: Owners, check: Check, pacing: plan.Pacing) -> plan.Ask:
    match check:
        case HttpGet():
            return _http(owners, check)
        case TcpCheck():
            return plan.TcpAsk()
        case SmtpCheck():
            return plan.SmtpAsk(check.helo_name)
        case DnsCheck():
            return plan.DnsAsk(check.type, check.name)
        case UdpCheck():
            return _udp(check)
        case MiscCheck():
            timeout_s = _first_set(pacing.delay_loop_s, check.misc_timeout_s)
            return plan.MiscAsk(check.misc_path, timeout_s, check.misc_dynamic, check.user, check.group)
        case FileCheck():
            return plan.FileAsk(check.track_file, check.weight, check.reverse)
        case _:
            return plan.PingAsk()


def _http(owners: Owners, check: HttpGet) -> plan.HttpAsk:
    pages = tuple(_page(owners, check, url) for url in check.url.values())
    tls = _tls(owners.config.ssl, check) if isinstance(check, SslGet) else None
    return plan.HttpAsk(pages, check.http_protocol, check.fast_recovery, tls)


def _page(owners: Owners, check: HttpGet, url: Url) -> plan.Page:
    if url.status_code is not None:
        status = read_status_ranges(url.status_code)
    else:
        status = () if url.digest is not None or url.regex is not None else ANY_SUCCESS
    hosts = (url.virtualhost, check.virtualhost, owners.real.virtualhost, owners.virtual.virtualhost)
    return plan.Page(
        path=url.path,
        host=_first_set("", *hosts),
        status=status,
        digest=(url.digest or "").lower(),
        regex=url.regex or "",
        regex_no_match=url.regex_no_match,
        regex_options=url.regex_options or (),
        regex_min_offset=url.regex_min_offset,
        regex_max_offset=url.regex_max_offset,
        tls_compliant=url.tls_compliant or (isinstance(check, SslGet) and check.tls_compliant),
    )


def _tls(ssl: Ssl, check: SslGet) -> plan.Tls:
    return plan.Tls(
        enable_sni=check.enable_sni,
        sni=check.sni_name or "",
        ca=ssl.ca or "",
        certificate=ssl.certificate or "",
        key=ssl.key or "",
        password_file=ssl.password_file or "",
        password=ssl.password or "",
    )


def _udp(check: UdpCheck) -> plan.UdpAsk:
    return plan.UdpAsk(
        payload=(check.payload or "").lower(),
        require_reply=check.require_reply or check.reply is not None,
        reply=(check.reply or "").lower(),
        min_reply_length=check.min_reply_length,
        max_reply_length=check.max_reply_length,
    )
