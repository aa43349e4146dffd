"""What works with virtual servers, but may surprise; and what each of them amounts to, for people.

Rules of this file: pure; see `rules.py`. It takes a Config without a broken rule. What a thousand real
servers have alike is said once.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator

from vipkeeper.config.checker_schema import Check, Connecting, HttpGet, SslGet, UdpCheck
from vipkeeper.config.ipvs_rules import speaks_tls
from vipkeeper.config.ipvs_schema import Ssl
from vipkeeper.config.mistakes import Finding, dotted
from vipkeeper.config.resolved_services import ResolvedService, resolve_services, written_checks
from vipkeeper.config.schema import Config
from vipkeeper.config.server_checks import Owners, pacing_in_force
from vipkeeper.config.toml_positions import Path
from vipkeeper.config.vip_holders import VipHolders
from vipkeeper.config.virtual_servers import service_keys
from vipkeeper.model.balancing import CheckKind
from vipkeeper.model.ipvs import Forwarding

_KNOWS_FLAGS = ("sh", "mh")
_MOST_KEYS_TOLD = 3


def balancing_notices(config: Config) -> Iterator[Finding]:
    """What is understood otherwise than it is written, or hardly does what was meant."""
    services, holders = resolve_services(config), VipHolders(config)
    for service in services:
        if service.written.vip is None and _by_address(service) and not holders.by_address(service):
            wrong = "no VIP has its address, so it does not move with one"
            fix = "fine if something else brings the packets here; else add it to a VIP"
            yield Finding(service.path, wrong, fix)
        yield from _idle_words(service)
        yield from _lowered(service)
        yield from _other_ports(service)
        yield from _long_checks(config, service)
        yield from _sorry_is_real(service)
    for path, check in written_checks(services):
        yield from _idle_words_of_check(path, check)
    yield from _unused(config)


def interface_notices(config: Config, there: frozenset[str]) -> Iterator[Finding]:
    """Interfaces that this host has not."""
    named: list[tuple[Path, str | None]] = [
        (("ipvs", "sync_daemon", "interface"), config.ipvs.sync_daemon.interface)
    ]
    named += [
        ((*path, "bind_if"), check.bind_if)
        for path, check in written_checks(resolve_services(config))
        if isinstance(check, Connecting)
    ]
    for path, interface in named:
        if interface is not None and interface not in there:
            fix = f"it is tried again until there is; there are: {', '.join(sorted(there))}"
            yield Finding(path, f'this host has no interface "{interface}"', fix)


def _idle_words(service: ResolvedService) -> Iterator[Finding]:
    at, virtual = service.path, service.written
    marked, by_address = bool(service.marks), _by_address(service)
    if virtual.protocol is not None and not by_address:
        wrong = "a firewall mark is one whatever is spoken"
        yield Finding((*at, "protocol"), f"has no effect: {wrong}", "leave it out")
    if virtual.ip_family is not None and not marked:
        wrong = "has no effect: it is for firewall marks, and an address says it itself"
        yield Finding((*at, "ip_family"), wrong, "leave it out")
    if virtual.address is None and virtual.port:
        fix = "write ports beside the addresses of the group" if by_address else "leave it out"
        yield Finding((*at, "port"), "has no effect: it is for an address", fix)
    if virtual.persistence_timeout_s is None:
        for key in ("persistence_granularity", "persistence_engine"):
            if getattr(virtual, key) is not None:
                wrong = "has no effect: clients are not kept at one real server"
                yield Finding((*at, key), wrong, "add persistence_timeout, or leave it out")
    elif virtual.persistence_engine == "sip" and virtual.protocol != "udp" and not marked:
        yield Finding((*at, "persistence_engine"), "IPVS knows calls in UDP alone", 'write protocol = "udp"')
    for index, flag in enumerate(virtual.sched_flags or ()):
        if flag == "flag-3" or (flag.startswith("flag-") and virtual.lvs_sched not in _KNOWS_FLAGS):
            wrong = f"{flag} means nothing to {virtual.lvs_sched} in any kernel known so far"
            yield Finding((*at, "sched_flags", index), wrong, "leave it out")


def _idle_words_of_check(path: Path, check: Check) -> Iterator[Finding]:
    if isinstance(check, HttpGet) and not isinstance(check, SslGet):
        for name, url in check.url.items():
            if url.tls_compliant:
                wrong = "has no effect: this check speaks no TLS"
                yield Finding((*path, "url", name, "tls_compliant"), wrong, "write ssl_get, or leave it out")
    if isinstance(check, UdpCheck) and check.reply is not None:
        length = len(check.reply) // 2
        if length > check.max_reply_length:
            wrong = (
                f"no answer of at most {check.max_reply_length} bytes (max_reply_length) begins with {length}"
            )
            yield Finding((*path, "reply"), wrong, "raise max_reply_length, else every check fails")
    elif isinstance(check, UdpCheck) and not check.require_reply:
        for key in ("min_reply_length", "max_reply_length"):
            if getattr(check, key) != getattr(UdpCheck(), key):
                wrong = "has no effect: no answer is waited for"
                yield Finding((*path, key), wrong, "add require_reply, or leave it out")


def _by_address(service: ResolvedService) -> bool:
    return service.address is not None or bool(service.entries)


def _lowered(service: ResolvedService) -> Iterator[Finding]:
    at, virtual, total = service.path, service.written, service.total_weight
    if total == 0:
        wrong = "every real server has weight 0, so none gets a connection"
        yield Finding((*at, "real_server"), wrong, "give one of them a weight")
        return
    quorum, hysteresis = service.quorum_in_force
    if quorum != virtual.quorum:
        wrong = f"all real servers together weigh {total}, so the quorum is lowered to that"
        yield Finding((*at, "quorum"), wrong, f"write at most {total}")
    if hysteresis != virtual.hysteresis:
        wrong = f"with all real servers well the weight is {total}, so it is lowered to {hysteresis}"
        yield Finding((*at, "hysteresis"), wrong, "else a quorum that was lost would never be regained")


def _other_ports(service: ResolvedService) -> Iterator[Finding]:
    if service.address is None:
        return
    for server in service.real_servers:
        if server.written.port not in (None, server.port):
            by = server.method.value.upper()
            wrong = f"packets come to port {server.port} there: {by} does not change the port"
            fix = 'it counts for the checks alone; write lvs_method = "NAT", or connect_port in the checks'
            yield Finding((*server.path, "port"), wrong, fix)


def _long_checks(config: Config, service: ResolvedService) -> Iterator[Finding]:
    """Once for each virtual server: usually all of its checks are alike."""
    for server in service.real_servers:
        for kind, name, check in server.checks:
            pacing = pacing_in_force(Owners(config, service.written, server.written), kind, check)
            if _goes_somewhere(kind) and pacing.connect_timeout_s > pacing.delay_loop_s:
                wrong = (
                    f"{kind.value} {name} of {server.name} waits up to {pacing.connect_timeout_s:g} s for an "
                    f"answer (connect_timeout), longer than its delay_loop of {pacing.delay_loop_s:g} s"
                )
                fix = "a dead server is found later than delay_loop says; lower connect_timeout"
                yield Finding(server.path, wrong, fix)
                return


def _goes_somewhere(kind: CheckKind) -> bool:
    return kind not in (CheckKind.MISC, CheckKind.FILE)


def _sorry_is_real(service: ResolvedService) -> Iterator[Finding]:
    sorry = service.sorry
    if sorry is None:
        return
    for server in service.real_servers:
        if (server.address, server.port) == (sorry.address, sorry.port):
            wrong = f"it is also {dotted(server.path)}, so it serves although its checks fail"
            yield Finding(sorry.path, wrong, "write another one, unless that is meant")


def _unused(config: Config) -> Iterator[Finding]:
    used = {virtual.group for virtual in config.virtual_server.values()}
    if config.ssl != Ssl() and not speaks_tls(config):
        yield Finding(("ssl",), "no check speaks TLS", "add an ssl_get, or delete it")
    for name in config.virtual_server_group:
        if name not in used:
            fix = "name it in the group of a virtual server, or delete it"
            yield Finding(("virtual_server_group", name), "no virtual server uses it", fix)


def balancing_summary(config: Config) -> Iterator[str]:
    """For people: what each virtual server amounts to."""
    holders = VipHolders(config)
    for service in resolve_services(config):
        keys = service_keys(service)
        where = ", ".join(map(str, keys[:_MOST_KEYS_TOLD]))
        if len(keys) > _MOST_KEYS_TOLD:
            where += f" and {len(keys) - _MOST_KEYS_TOLD} more"
        methods = {server.method for server in service.real_servers}
        how = "/".join(method.value.upper() for method in Forwarding if method in methods)
        count = len(service.real_servers)
        servers = f"{count} real server{'s' if count != 1 else ''}"
        told = f"{service.written.lvs_sched} over {servers} by {how}, {_checks_told(service)}"
        vips = holders.of(service)
        whose = f", on the node with {' or '.join(vips)}" if service.written.present == "owner" else ""
        yield f"virtual server {service.name}: {where}, {told}{whose}"


def _checks_told(service: ResolvedService) -> str:
    counts = collections.Counter(kind.value for server in service.real_servers for kind, *_ in server.checks)
    return ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "never checked"
