"""What works with virtual servers, but may surprise; and what each of them amounts to, for people.

Rules of this file: pure; see `rules.py`. It takes a Config without a broken rule. What a thousand real
servers have alike is said once.
"""

from __future__ import annotations

from collections.abc import Iterator

from vipkeeper.config.balancing_schema import VirtualServer
from vipkeeper.config.check_rules import written_checks
from vipkeeper.config.checker_schema import Check, Connecting, HttpGet, SslGet, UdpCheck
from vipkeeper.config.ipvs_schema import Ssl
from vipkeeper.config.mistakes import Finding, dotted
from vipkeeper.config.schema import Config
from vipkeeper.config.server_addresses import canonical
from vipkeeper.config.server_checks import Owners, checks_in_force, owners_of_checks, pacing_in_force
from vipkeeper.config.service_rules import has_a_vip, vip_addresses
from vipkeeper.config.toml_positions import Path
from vipkeeper.config.virtual_servers import (
    holders_of,
    method_of,
    quorum_in_force,
    service_keys,
    table_port,
    vips_by_address,
    weight_of,
)
from vipkeeper.model.balancing import CheckKind
from vipkeeper.model.ipvs import Forwarding

_KNOWS_FLAGS = ("sh", "mh")
_MOST_KEYS_TOLD = 3


def balancing_notices(config: Config) -> Iterator[Finding]:
    """What is understood otherwise than it is written, or hardly does what was meant."""
    holders = vip_addresses(config)
    for name, virtual in config.virtual_server.items():
        at: Path = ("virtual_server", name)
        if virtual.vip is None and _by_address(config, virtual) and not has_a_vip(config, virtual, holders):
            wrong = "no VIP has its address, so it does not move with one"
            yield Finding(at, wrong, "fine if something else brings the packets here; else add it to a VIP")
        yield from _idle_words(config, at, virtual)
        yield from _lowered(at, virtual)
        yield from _other_ports(at, virtual)
        yield from _long_checks(config, at, virtual)
        if virtual.sorry_server.address is not None:
            yield from _sorry_is_real(at, virtual)
    for path, check in written_checks(config):
        yield from _idle_words_of_check(path, check)
    yield from _unused(config)


def interface_notices(config: Config, there: frozenset[str]) -> Iterator[Finding]:
    """Interfaces that this host has not."""
    named: list[tuple[Path, str | None]] = [
        (("ipvs", "sync_daemon", "interface"), config.ipvs.sync_daemon.interface)
    ]
    named += [
        ((*path, "bind_if"), check.bind_if)
        for path, check in written_checks(config)
        if isinstance(check, Connecting)
    ]
    for path, interface in named:
        if interface is not None and interface not in there:
            fix = f"it is tried again until there is; there are: {', '.join(sorted(there))}"
            yield Finding(path, f'this host has no interface "{interface}"', fix)


def _idle_words(config: Config, at: Path, virtual: VirtualServer) -> Iterator[Finding]:
    group = config.virtual_server_group.get(virtual.group or "")
    marked = virtual.fwmark is not None or (group is not None and group.fwmarks is not None)
    by_address = _by_address(config, virtual)
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
    if isinstance(check, UdpCheck) and not check.require_reply and check.reply is None:
        for key in ("min_reply_length", "max_reply_length"):
            if getattr(check, key) != getattr(UdpCheck(), key):
                wrong = "has no effect: no answer is waited for"
                yield Finding((*path, key), wrong, "add require_reply, or leave it out")


def _by_address(config: Config, virtual: VirtualServer) -> bool:
    group = config.virtual_server_group.get(virtual.group or "")
    return virtual.address is not None or (group is not None and group.addresses is not None)


def _lowered(at: Path, virtual: VirtualServer) -> Iterator[Finding]:
    total = sum(weight_of(virtual, real) for real in virtual.real_server.values())
    if total == 0:
        wrong = "every real server has weight 0, so none gets a connection"
        yield Finding((*at, "real_server"), wrong, "give one of them a weight")
        return
    quorum, hysteresis = quorum_in_force(virtual)
    if quorum != virtual.quorum:
        wrong = f"all real servers together weigh {total}, so the quorum is lowered to that"
        yield Finding((*at, "quorum"), wrong, f"write at most {total}")
    if hysteresis != virtual.hysteresis:
        wrong = f"with all real servers well the weight is {total}, so it is lowered to {hysteresis}"
        yield Finding((*at, "hysteresis"), wrong, "else a quorum that was lost would never be regained")


def _other_ports(at: Path, virtual: VirtualServer) -> Iterator[Finding]:
    if virtual.address is None:
        return
    for name, real in virtual.real_server.items():
        method = method_of(virtual, real)
        port = table_port(virtual, method, real.port)
        if real.port not in (None, port):
            wrong = f"packets come to port {port} there: {method.value.upper()} does not change the port"
            fix = 'it counts for the checks alone; write lvs_method = "NAT", or connect_port in the checks'
            yield Finding((*at, "real_server", name, "port"), wrong, fix)


def _long_checks(config: Config, at: Path, virtual: VirtualServer) -> Iterator[Finding]:
    """Once for each virtual server: usually all of its checks are alike."""
    for name, real in virtual.real_server.items():
        for kind, check_name, check in checks_in_force(virtual, real):
            pacing = pacing_in_force(Owners(config, virtual, real), kind, check)
            if _goes_somewhere(kind) and pacing.connect_timeout_s > pacing.delay_loop_s:
                wrong = (
                    f"{kind.value} {check_name} of {name} waits up to {pacing.connect_timeout_s:g} s for an "
                    f"answer (connect_timeout), longer than its delay_loop of {pacing.delay_loop_s:g} s"
                )
                fix = "a dead server is found later than delay_loop says; lower connect_timeout"
                yield Finding((*at, "real_server", name), wrong, fix)
                return


def _goes_somewhere(kind: CheckKind) -> bool:
    return kind not in (CheckKind.MISC, CheckKind.FILE)


def _sorry_is_real(at: Path, virtual: VirtualServer) -> Iterator[Finding]:
    sorry = virtual.sorry_server
    place = (canonical(sorry.address or ""), table_port(virtual, method_of(virtual, sorry), sorry.port))
    for name, real in virtual.real_server.items():
        port = table_port(virtual, method_of(virtual, real), real.port)
        if (canonical(real.address), port) == place:
            wrong = f"it is also {dotted((*at, 'real_server', name))}, so it serves although its checks fail"
            yield Finding((*at, "sorry_server"), wrong, "write another one, unless that is meant")


def _unused(config: Config) -> Iterator[Finding]:
    used = {virtual.group for virtual in config.virtual_server.values()}
    if config.ssl != Ssl() and not any(owner.ssl_get for _, owner in owners_of_checks(config)):
        yield Finding(("ssl",), "no check speaks TLS", "add an ssl_get, or delete it")
    for name in config.virtual_server_group:
        if name not in used:
            fix = "name it in the group of a virtual server, or delete it"
            yield Finding(("virtual_server_group", name), "no virtual server uses it", fix)


def balancing_summary(config: Config) -> Iterator[str]:
    """For people: what each virtual server amounts to."""
    holders = vips_by_address(config)
    for name, virtual in config.virtual_server.items():
        keys = service_keys(config, virtual)
        where = ", ".join(map(str, keys[:_MOST_KEYS_TOLD]))
        if len(keys) > _MOST_KEYS_TOLD:
            where += f" and {len(keys) - _MOST_KEYS_TOLD} more"
        methods = {method_of(virtual, real) for real in virtual.real_server.values()}
        how = "/".join(method.value.upper() for method in Forwarding if method in methods)
        count = len(virtual.real_server)
        servers = f"{count} real server{'s' if count != 1 else ''}"
        told = f"{virtual.lvs_sched} over {servers} by {how}, {_checks_told(virtual)}"
        vips = holders_of(virtual, keys, holders)
        whose = f", on the node with {' or '.join(vips)}" if virtual.present == "owner" else ""
        yield f"virtual server {name}: {where}, {told}{whose}"


def _checks_told(virtual: VirtualServer) -> str:
    counts: dict[str, int] = {}
    for real in virtual.real_server.values():
        for kind, _, _ in checks_in_force(virtual, real):
            counts[kind.value] = counts.get(kind.value, 0) + 1
    return ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "never checked"
