"""Virtual servers as a director keeps them, from a Config: groups spread out, everything inherited.

Rules of this file: pure; it takes a Config that was accepted and never fails. What a group, a check or a
status range looks like is known to modules of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vipkeeper.config.balancing_schema import RealServer, SorryServer, VirtualServer
from vipkeeper.config.group_addresses import read_group_entry
from vipkeeper.config.schema import Config
from vipkeeper.config.server_addresses import canonical
from vipkeeper.config.server_checks import Owners, check_plans
from vipkeeper.config.vip_addresses import written_addresses
from vipkeeper.model import balancing as plan
from vipkeeper.model.balancing import BalancingPlan, ServicePlan
from vipkeeper.model.ipvs import (
    NAMED_FLAGS,
    AddressKey,
    Destination,
    DestinationKey,
    Forwarding,
    MarkKey,
    Persistence,
    SchedulerFlag,
    Service,
    ServiceKey,
    SyncDaemon,
    Transport,
    Tunnel,
    TunnelChecksum,
    TunnelKind,
    ip_version,
    whole_netmask,
)

USUAL_WEIGHT = 1
_VERSIONS = {"inet": 4, "inet6": 6}


def balancing_plan(config: Config) -> BalancingPlan:
    """All that a director does."""
    ipvs, scripts = config.ipvs, config.scripts
    holders = vips_by_address(config) if config.virtual_server else {}
    services = tuple(_service(config, name, holders) for name in config.virtual_server)
    return BalancingPlan(
        services=services,
        timeouts=plan.TimeoutsPlan(ipvs.timeouts.tcp_s, ipvs.timeouts.tcpfin_s, ipvs.timeouts.udp_s),
        sync=_sync(config),
        flush=ipvs.flush,
        keep_on_stop=ipvs.keep_on_stop,
        scripts=plan.ScriptRules(
            scripts.user, scripts.group, scripts.enable_script_security, scripts.set_supplementary_groups
        ),
        track_files={name: plan.WatchedFile(config.track_file[name].file) for name in _files_named(services)},
    )


def vips_by_address(config: Config) -> Mapping[str, str]:
    """By canonical address: the VIP that has it."""
    return {
        written.vip.address: name for name, vip in config.vip.items() for written in written_addresses(vip)
    }


def service_keys(config: Config, virtual: VirtualServer) -> tuple[ServiceKey, ...]:
    """Where it is in IPVS's table: one place, or as many as its group has."""
    transport = Transport(virtual.protocol) if virtual.protocol is not None else None
    if virtual.address is not None and transport is not None:
        return (AddressKey(transport, canonical(virtual.address), virtual.port),)
    if virtual.fwmark is not None:
        return (MarkKey(virtual.fwmark, mark_version(virtual)),)
    group = config.virtual_server_group[virtual.group or ""]
    keys: list[ServiceKey] = []
    if transport is not None:
        for text in group.addresses or ():
            entry = read_group_entry(text)
            keys += [AddressKey(transport, address, entry.port) for address in entry.addresses()]
    keys += [MarkKey(mark, mark_version(virtual)) for mark in group.fwmarks or ()]
    return tuple(dict.fromkeys(keys))


def mark_version(virtual: VirtualServer) -> int:
    """The IP version of its firewall marks."""
    if virtual.ip_family is not None:
        return _VERSIONS[virtual.ip_family]
    return next((ip_version(real.address) for real in virtual.real_server.values()), 4)


def weight_of(virtual: VirtualServer, real: RealServer) -> int:
    """As configured."""
    if real.weight is not None:
        return real.weight
    return USUAL_WEIGHT if virtual.weight is None else virtual.weight


def method_of(virtual: VirtualServer, server: RealServer | SorryServer) -> Forwarding:
    """How packets get there."""
    return Forwarding((server.lvs_method or virtual.lvs_method or "NAT").lower())


def tunnel_of(virtual: VirtualServer, server: RealServer | SorryServer) -> Tunnel | None:
    """What packets are wrapped in; what a virtual server says of another kind of tunnel is not for it."""
    if method_of(virtual, server) is not Forwarding.TUN:
        return None
    kind = TunnelKind(server.tunnel or virtual.tunnel or "ipip")
    port = server.tunnel_port or virtual.tunnel_port or 0
    checksum = TunnelChecksum(server.tunnel_checksum or virtual.tunnel_checksum or "nocsum")
    return Tunnel(
        kind,
        port if kind is TunnelKind.GUE else 0,
        TunnelChecksum.NONE if kind is TunnelKind.IPIP else checksum,
    )


def quorum_in_force(virtual: VirtualServer) -> tuple[int, int]:
    """Quorum and hysteresis, lowered to what all real servers together can reach."""
    total = max(1, sum(weight_of(virtual, real) for real in virtual.real_server.values()))
    quorum = min(virtual.quorum, total)
    return quorum, min(virtual.hysteresis, total - quorum)


def check_port(virtual: VirtualServer, real: RealServer) -> int:
    """The port that checks ask; 0 if nothing says one."""
    return virtual.port if real.port is None else real.port


def holders_of(
    virtual: VirtualServer, keys: tuple[ServiceKey, ...], holders: Mapping[str, str]
) -> tuple[str, ...]:
    """The VIPs that it belongs to, in the order of its addresses."""
    if virtual.vip is not None:
        return (virtual.vip,)
    found = (holders.get(key.address) for key in keys if isinstance(key, AddressKey))
    return tuple(dict.fromkeys(name for name in found if name is not None))


def _service(config: Config, name: str, holders: Mapping[str, str]) -> ServicePlan:
    virtual = config.virtual_server[name]
    keys = service_keys(config, virtual)
    quorum, hysteresis = quorum_in_force(virtual)
    return ServicePlan(
        name=name,
        keys=keys,
        service=_choosing(virtual, keys),
        real_servers=tuple(_real_servers(config, virtual)),
        sorry=_sorry(virtual),
        quorum=quorum,
        hysteresis=hysteresis,
        omega=virtual.omega,
        ha_suspend=virtual.ha_suspend,
        only_on_owner=virtual.present == "owner",
        init_notifies=config.ipvs.init_notifies,
        vips=holders_of(virtual, keys, holders),
        tell=plan.TellPlan(_either(virtual.smtp_alert, config.mail.smtp_alert_checker)),
    )


def _choosing(virtual: VirtualServer, keys: tuple[ServiceKey, ...]) -> Service:
    flags = (NAMED_FLAGS.get(flag) or SchedulerFlag(flag) for flag in virtual.sched_flags or ())
    persistence = None
    if virtual.persistence_timeout_s is not None:
        persistence = Persistence(
            virtual.persistence_timeout_s,
            virtual.persistence_granularity or whole_netmask(keys[0].ip_version if keys else 4),
            virtual.persistence_engine or "",
        )
    return Service(virtual.lvs_sched, frozenset(flags), persistence, virtual.ops)


def _real_servers(config: Config, virtual: VirtualServer) -> Iterator[plan.RealServerPlan]:
    usual_alert = _either(virtual.smtp_alert, config.mail.smtp_alert_checker)
    for name, real in virtual.real_server.items():
        address = canonical(real.address)
        method = method_of(virtual, real)
        yield plan.RealServerPlan(
            name=name,
            key=DestinationKey(address, table_port(virtual, method, real.port)),
            destination=Destination(
                forwarding=method,
                weight=weight_of(virtual, real),
                upper=real.uthreshold,
                lower=real.lthreshold,
                tunnel=tunnel_of(virtual, real),
            ),
            inhibit_on_failure=_either(real.inhibit_on_failure, bool(virtual.inhibit_on_failure)),
            checks=check_plans(Owners(config, virtual, real), address, check_port(virtual, real)),
            tell=plan.TellPlan(_either(real.smtp_alert, usual_alert)),
        )


def _either(written: bool | None, otherwise: bool) -> bool:
    return otherwise if written is None else written


def table_port(virtual: VirtualServer, method: Forwarding, written: int | None) -> int:
    """The port of a destination. 0: that of each service, and of a firewall mark none.

    Only NAT can change the port of a packet; in the table of the others the virtual one has to stand.
    """
    if method is Forwarding.NAT and written is not None:
        return written
    return 0 if virtual.address is None else virtual.port


def _sorry(virtual: VirtualServer) -> plan.SorryPlan | None:
    sorry = virtual.sorry_server
    if sorry.address is None:
        return None
    method = method_of(virtual, sorry)
    return plan.SorryPlan(
        key=DestinationKey(canonical(sorry.address), table_port(virtual, method, sorry.port)),
        destination=Destination(forwarding=method, tunnel=tunnel_of(virtual, sorry)),
        inhibit=sorry.inhibit,
    )


def _sync(config: Config) -> plan.SyncPlan | None:
    told = config.ipvs.sync_daemon
    if told.interface is None:
        return None
    usual_id = 0 if told.vip is None else config.vip[told.vip].vrrp.vrid or 0
    return plan.SyncPlan(
        daemon=SyncDaemon(
            interface=told.interface,
            sync_id=usual_id if told.syncid is None else told.syncid,
            max_bytes=told.maxlen,
            group=told.group or "",
            port=told.port,
            ttl=told.ttl,
        ),
        vip=told.vip,
    )


def _files_named(services: tuple[ServicePlan, ...]) -> Iterator[str]:
    for service in services:
        for real in service.real_servers:
            for check in real.checks:
                if isinstance(check.ask, plan.FileAsk):
                    yield check.ask.track_file
