"""What follows from a checked Config: units, timing, a digest, and what a reload cannot change.

Rules of this file: pure; it takes a Config that `parse_config` has accepted and never fails.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence

import msgspec

from vipkeeper.config.etcd_schema import Etcd
from vipkeeper.config.mistakes import dotted
from vipkeeper.config.schema import Config
from vipkeeper.config.timing_rules import Timing, derive_timing
from vipkeeper.config.tracking import unit_members
from vipkeeper.config.typed_document import named_tables_type, setting_type, table_type
from vipkeeper.config.vip_addresses import written_addresses
from vipkeeper.config.vip_schema import Vip
from vipkeeper.config.zookeeper_schema import Zookeeper
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.vips import Unit, VipAddress


def configured_addresses(vip: Vip) -> tuple[VipAddress, ...]:
    """All addresses of one VIP, where its settings have them."""
    return tuple(written.vip for written in written_addresses(vip))


Place = Callable[[Vip], tuple[VipAddress, ...]]


def build_units(config: Config, place: Place = configured_addresses) -> tuple[Unit, ...]:
    """The units of ownership, sorted by name: each VIP, or with a store a sync group as one.

    `place` says where the addresses of a VIP are.
    """
    return tuple(_unit(config, name, members, place) for name, members in unit_members(config).items())


def build_members(config: Config, place: Place = configured_addresses) -> tuple[Unit, ...]:
    """Each VIP by itself, in a sync group or not, sorted by name: what speaks VRRP as one router."""
    return tuple(_unit(config, name, (name,), place) for name in sorted(config.vip))


def priority_of(config: Config, vip: Vip) -> int:
    """This node's priority for it."""
    return config.priority if vip.priority is None else vip.priority


def preempts(config: Config, vip: Vip) -> bool:
    """Whether a better node gets it back."""
    return config.backend == "vrrp" if vip.preempt is None else vip.preempt


def _unit(config: Config, name: str, members: Sequence[str], place: Place) -> Unit:
    """As careful as its most careful member."""
    vips = [config.vip[member] for member in members]
    return Unit(
        name=name,
        addresses=tuple(address for vip in vips for address in place(vip)),
        priority=min(priority_of(config, vip) for vip in vips),
        preempt=all(preempts(config, vip) for vip in vips),
        preempt_delay_s=max(vip.preempt_delay_s for vip in vips),
        interfaces_needed=_interfaces_needed(vips, place),
        members=() if name in config.vip else tuple(members),
    )


def _interfaces_needed(vips: Iterable[Vip], place: Place) -> frozenset[str] | None:
    """None unless one of them may be served while its interface is down."""
    vips = tuple(vips)
    if not any(vip.dont_track_primary for vip in vips):
        return None
    return frozenset(each.interface for vip in vips if not vip.dont_track_primary for each in place(vip))


def store_access(config: Config) -> Etcd | Zookeeper:
    """How the chosen store is reached. There has to be one: `backend` is not "vrrp"."""
    return config.zookeeper if config.backend == "zookeeper" else config.etcd


def build_timing(config: Config) -> Timing:
    """All times of the agent."""
    return derive_timing(
        config.lease.ttl_s,
        config.lease.max_s,
        config.lease.heartbeat_s,
        outsiders_s=config.failsafe_max_s if config.failsafe == "on" else 0.0,
        alone_s=config.failsafe_alone_s,
    )


def allowed_fences(config: Config) -> tuple[FenceKind, ...]:
    """The fences that may be used, strongest first, each once."""
    return tuple(kind for kind in FenceKind if kind in config.fence.allow)


def config_digest(config: Config) -> str:
    """Short text that is equal on all nodes that agree on the cluster.

    It covers what must be the same everywhere (cluster, lease, failsafe, names and addresses of VIPs) and
    leaves out what may differ (node, priority, interface, log, access to the store). No secret is in it.
    """
    agreed = {
        "cluster": config.cluster,
        "lease": msgspec.to_builtins(config.lease),
        "failsafe": [config.failsafe, config.failsafe_max_s, config.failsafe_alone_s],
        "vips": {
            unit.name: sorted(f"{address.address}/{address.prefix_length}" for address in unit.addresses)
            for unit in build_units(config)
        },
    }
    return hashlib.sha256(json.dumps(agreed, sort_keys=True).encode()).hexdigest()[:12]


def reload_obstacles(old: Config, new: Config) -> tuple[str, ...]:
    """Why a running agent cannot go from `old` to `new`: one sentence for each setting; () if it can."""
    return tuple(
        f"{setting} cannot change while the agent runs; restart the agent for it"
        for setting in _changed_fixed_settings(old, new, "")
    )


def _changed_fixed_settings(old: msgspec.Struct, new: msgspec.Struct, above: str) -> list[str]:
    changed = []
    for field in msgspec.structs.fields(type(old)):
        before, after = getattr(old, field.name), getattr(new, field.name)
        name = f"{above}.{field.encode_name}" if above else dotted((field.encode_name,))
        if table_type(field) is not None:
            changed.extend(_changed_fixed_settings(before, after, name))
            continue
        if named_tables_type(field) is not None:
            continue
        extra = setting_type(field).about.extra or {}
        if extra.get("needs_restart") and before != after:
            changed.append(name)
    return changed
