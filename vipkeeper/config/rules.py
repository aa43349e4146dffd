"""What settings must mean beyond their shape: names, addresses, timings, access to the store.

Rules of this file: pure; a broken rule is refused, a notice is only told; each says what to do. Facts about
this host come in as a value, because a file is also checked on machines that will not run it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

import msgspec

from vipkeeper.config.address_rules import (
    address_notices,
    broken_address_rules,
    good_addresses,
    named_interfaces,
)
from vipkeeper.config.consequences import allowed_fences, build_timing
from vipkeeper.config.group_rules import broken_group_rules, group_notices
from vipkeeper.config.host_rules import (
    foreign_sources,
    own_address_as_peer,
    servers_on_directors,
    unusable_programs,
)
from vipkeeper.config.ipvs_schema import Ipvs, Ssl
from vipkeeper.config.mistakes import Finding, dotted
from vipkeeper.config.name_rules import bad_name
from vipkeeper.config.notify_rules import notify_notices
from vipkeeper.config.peer_address import PeerAddress, parse_listen
from vipkeeper.config.schema import Config
from vipkeeper.config.store_rules import broken_store_rules, store_files, store_notices
from vipkeeper.config.timing_rules import TimingFinding, judge_timing, longest_takeover_s, takeover_after_s
from vipkeeper.config.toml_positions import Path
from vipkeeper.config.track_rules import broken_track_rules, track_notices
from vipkeeper.config.vrrp_rules import broken_vrrp_rules, vrrp_notices, vrrp_summary
from vipkeeper.config.words import LONGEST_INTERFACE_NAME
from vipkeeper.model.fences import FenceKind


class HostFacts(msgspec.Struct, frozen=True):
    """What was found on this host."""

    interfaces: frozenset[str]
    missing_files: frozenset[str]  # of those that the configuration names
    foreign_addresses: frozenset[str] = frozenset()  # of the source addresses named: those that others have
    unusable_programs: Mapping[str, str] = {}  # of the programs named: why each cannot be run
    own_addresses: frozenset[str] = frozenset()  # of the real servers named: those that this host has


def broken_rules(config: Config) -> tuple[Finding, ...]:
    """Everything that makes this configuration unusable."""
    return (
        *_bad_names(config),
        *_bad_run_dir(config),
        *_bad_failsafe(config),
        *_bad_metrics(config),
        *broken_address_rules(config),
        *broken_group_rules(config),
        *broken_store_rules(config),
        *broken_vrrp_rules(config),
        *broken_track_rules(config),
        *_broken_balancing(config),
        *_timing_rules(config, fatal=True),
    )


def notices(config: Config) -> tuple[Finding, ...]:
    """What the operator should know although it works. `config` has no broken rule."""
    return (
        *_timing_rules(config, fatal=False),
        *address_notices(config),
        *store_notices(config, {address: path for path, address in good_addresses(config)}),
        *group_notices(config),
        *vrrp_notices(config),
        *track_notices(config),
        *notify_notices(config),
        *_balancing_notices(config),
    )


def host_notices(config: Config, host: HostFacts) -> tuple[Finding, ...]:
    """What is not there on this host. An agent waits for an interface; for a file it does not."""
    found = []
    for place, interface in named_interfaces(config):
        if interface not in host.interfaces:
            wrong = f'this host has no interface "{interface}"'
            fix = f"the agent will wait for it; there are: {', '.join(sorted(host.interfaces))}"
            found.append(Finding(place, wrong, fix))
    for path, file in named_files(config):
        if file in host.missing_files:
            fix = "no SSL check is made without it" if path[0] == "ssl" else "the agent will not start"
            found.append(Finding(path, f"this host has no readable file {file}", fix))
    found += foreign_sources(config, host.foreign_addresses)
    found += own_address_as_peer(config, host.foreign_addresses)
    found += unusable_programs(config, host.unusable_programs)
    found += servers_on_directors(config, host.own_addresses)
    if balances(config):
        from vipkeeper.config.balancing_rules import interface_notices

        found += interface_notices(config, host.interfaces)
    return tuple(found)


def named_files(config: Config) -> tuple[tuple[Path, str], ...]:
    """Files that the configuration names, with the key that names each."""
    if config.virtual_server:
        from vipkeeper.config.balancing_rules import ssl_files

        return (*store_files(config), *ssl_files(config))
    return store_files(config)


# An agent without virtual servers does not load their rules: 12 modules less at its start.
def _broken_balancing(config: Config) -> tuple[Finding, ...]:
    if not balances(config):
        return ()
    from vipkeeper.config.balancing_rules import broken_balancing_rules

    return tuple(broken_balancing_rules(config))


def _balancing_notices(config: Config) -> tuple[Finding, ...]:
    if not balances(config):
        return ()
    from vipkeeper.config.balancing_rules import balancing_notices

    return tuple(balancing_notices(config))


def balances(config: Config) -> bool:
    """Whether anything about IPVS is configured."""
    return (
        bool(config.virtual_server or config.virtual_server_group)
        or config.ipvs != Ipvs()
        or config.ssl != Ssl()
    )


def _timing_rules(config: Config, *, fatal: bool) -> Iterator[Finding]:
    if config.backend != "vrrp":
        for finding in _timing_findings(config):
            if finding.fatal == fatal:
                yield Finding(("lease", "ttl"), finding.message)


def _timing_findings(config: Config) -> tuple[TimingFinding, ...]:
    """Judged for each fence that may come into force; what several of them say alike is said once.

    The notice for `lifetime` is for those who allow nothing else: as a fallback it is reported when it
    comes into force.
    """
    timing = build_timing(config)
    fences = allowed_fences(config)
    found = dict.fromkeys(judge_timing(timing, fences[0]))
    for fence in fences[1:]:
        found.update(dict.fromkeys(finding for finding in judge_timing(timing, fence) if finding.fatal))
    return tuple(found)


def _bad_names(config: Config) -> Iterator[Finding]:
    named: list[tuple[Path, str]] = [(("cluster",), config.cluster), (("node",), config.node)]
    named += [(("vip", name), name) for name in config.vip]
    named += [(("sync_group", name), name) for name in config.sync_group]
    for path, name in named:
        yield from bad_name(path, name)
    for name, vip in config.vip.items():
        bad = len(vip.interface) > LONGEST_INTERFACE_NAME or re.search(r"[/\s]", vip.interface)
        if bad or vip.interface in {".", ".."}:
            yield Finding(
                ("vip", name, "interface"),
                f'"{vip.interface}" cannot be the name of an interface',
                f"at most {LONGEST_INTERFACE_NAME} characters without slashes and spaces; see `ip link`",
            )


def _bad_run_dir(config: Config) -> Iterator[Finding]:
    if not PurePosixPath(config.run_dir).is_absolute():
        yield Finding(
            ("run_dir",), f'"{config.run_dir}" is not an absolute path', "write for example /run/vipkeeper"
        )


def _bad_failsafe(config: Config) -> Iterator[Finding]:
    for key, length_s in (
        ("failsafe_max", config.failsafe_max_s),
        ("failsafe_alone", config.failsafe_alone_s),
    ):
        if length_s and length_s < config.lease.max_s:
            yield Finding(
                (key,),
                f"{length_s:g} s is shorter than the longest lease of {config.lease.max_s:g} s (lease.max)",
                "an owner could not keep a VIP by promises for even one lease; raise it",
            )
    if config.failsafe_address is None:
        return
    path: Path = ("failsafe_address",)
    try:
        own = PeerAddress.parse(config.failsafe_address)
    except ValueError:
        wrong = f'"{config.failsafe_address}" is not an address with a port'
        yield Finding(path, wrong, "write for example 10.0.0.21:7480 or [2001:db8::21]:7480")
        return
    address = ipaddress.ip_address(own.address)
    vips = {vip: place for place, vip in good_addresses(config)}
    if str(address) in vips:
        wrong = f"{address} is {dotted(vips[str(address)])}, which moves from node to node"
        yield Finding(path, wrong, "use the node's own address")
    elif address.is_unspecified or address.is_multicast:
        yield Finding(path, f"{address} is no address that others can send to", "use the node's own address")


def _bad_metrics(config: Config) -> Iterator[Finding]:
    text = config.metrics.listen
    if text is None:
        return
    path: Path = ("metrics", "listen")
    own = parse_listen(text)
    if own is None:
        yield Finding(path, f'"{text}" is not an address with a port', "write for example 127.0.0.1:9480")
        return
    vips = {vip: place for place, vip in good_addresses(config)}
    if own.address in vips:
        wrong = f"{own.address} is {dotted(vips[own.address])}, which moves from node to node"
        yield Finding(path, wrong, "use an address of the node's own")


def failover_summary(config: Config) -> tuple[str, ...]:
    """For people: what these timings mean, one line for each fence that may be used."""
    if config.backend == "vrrp":
        return tuple(vrrp_summary(config))
    timing = build_timing(config)
    lines = [
        f"lease {timing.ttl_s:g} s, renewed every {timing.renew_every_s:g} s; one attempt takes at most "
        f"{timing.attempt_s:g} s"
    ]
    meanings = {
        FenceKind.BPF: "the kernel stops answering exactly at the end of the lease",
        FenceKind.NFTABLES: "the kernel stops answering within 25 ms of the end of the lease",
        FenceKind.LIFETIME: "the address expires in whole seconds, up to 1.5 s late",
    }
    for fence in allowed_fences(config):
        takeover = takeover_after_s(timing.ttl_s, fence)
        lines.append(
            f"fence {fence.value}: an owner that dies is replaced within {takeover:.2f} s; {meanings[fence]}"
        )
    fresh = longest_takeover_s(timing.lease_max_s)
    lines.append(f"a fresh or restored store: nobody claims for the first {fresh:.1f} s")
    return tuple(lines)
