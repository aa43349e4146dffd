"""Virtual servers as a director keeps them, from a Config: groups spread out, everything inherited.

Rules of this file: pure; it takes a Config that was accepted and never fails. What a group, a check or a
status range looks like is known to modules of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

from vipkeeper.config.balancing_schema import VirtualServer
from vipkeeper.config.resolved_services import (
    ResolvedRealServer,
    ResolvedService,
    resolve_services,
    tunnel_of,
)
from vipkeeper.config.schema import Config
from vipkeeper.config.server_checks import check_plans
from vipkeeper.config.vip_holders import VipHolders
from vipkeeper.model import balancing as plan
from vipkeeper.model.balancing import BalancingPlan, ServicePlan
from vipkeeper.model.ipvs import (
    NAMED_FLAGS,
    AddressKey,
    Destination,
    DestinationKey,
    MarkKey,
    Persistence,
    SchedulerFlag,
    Service,
    ServiceKey,
    SyncDaemon,
    Transport,
    whole_netmask,
)


def balancing_plan(config: Config) -> BalancingPlan:
    """All that a director does."""
    ipvs, scripts = config.ipvs, config.scripts
    holders = VipHolders(config)
    services = tuple(_service(config, service, holders) for service in resolve_services(config))
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


def service_keys(service: ResolvedService) -> tuple[ServiceKey, ...]:
    """Where it is in IPVS's table: one place, or as many as its group has."""
    written = service.written
    keys: list[ServiceKey] = []
    if written.protocol is not None:
        transport = Transport(written.protocol)
        if service.address is not None:
            return (AddressKey(transport, service.address.text, written.port),)
        for _, entry in service.entries:
            keys += [AddressKey(transport, address, entry.port) for address in entry.addresses()]
    if service.marks:
        version = service.mark_version
        keys += [MarkKey(mark, version) for _, mark in service.marks]
    return tuple(keys)


def _service(config: Config, service: ResolvedService, holders: VipHolders) -> ServicePlan:
    virtual = service.written
    keys = service_keys(service)
    quorum, hysteresis = service.quorum_in_force
    alert = _either(virtual.smtp_alert, config.mail.smtp_alert_checker)
    return ServicePlan(
        name=service.name,
        keys=keys,
        service=_choosing(virtual, keys),
        real_servers=tuple(
            _real_server(config, service, real, usual_alert=alert) for real in service.real_servers
        ),
        sorry=_sorry(service),
        quorum=quorum,
        hysteresis=hysteresis,
        omega=virtual.omega,
        ha_suspend=virtual.ha_suspend,
        only_on_owner=virtual.present == "owner",
        init_notifies=config.ipvs.init_notifies,
        vips=holders.of(service),
        tell=plan.TellPlan(alert),
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


def _real_server(
    config: Config, service: ResolvedService, server: ResolvedRealServer, *, usual_alert: bool
) -> plan.RealServerPlan:
    virtual, real = service.written, server.written
    return plan.RealServerPlan(
        name=server.name,
        key=DestinationKey(server.address.text, server.port),
        destination=Destination(
            forwarding=server.method,
            weight=server.weight,
            upper=real.uthreshold,
            lower=real.lthreshold,
            tunnel=tunnel_of(virtual, server),
        ),
        inhibit_on_failure=_either(real.inhibit_on_failure, bool(virtual.inhibit_on_failure)),
        checks=check_plans(config, virtual, server),
        tell=plan.TellPlan(_either(real.smtp_alert, usual_alert)),
    )


def _either(written: bool | None, otherwise: bool) -> bool:
    return otherwise if written is None else written


def _sorry(service: ResolvedService) -> plan.SorryPlan | None:
    sorry, written = service.sorry, service.written.sorry_server
    if sorry is None:
        return None
    return plan.SorryPlan(
        key=DestinationKey(sorry.address.text, sorry.port),
        destination=Destination(forwarding=sorry.method, tunnel=tunnel_of(service.written, sorry)),
        inhibit=written.inhibit,
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
