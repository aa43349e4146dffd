"""Settings, units and records that tests of the election begin with, with everything usual left out."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from backends.memory import MemoryMap
from backends.store import Committed, Transaction
from vipkeeper.config.timing_rules import derive_timing
from vipkeeper.election.settings import ElectionSettings
from vipkeeper.model.fences import FenceKind
from vipkeeper.model.messages import GivenPromise
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import Candidacy, InfoRecord, Keys, LeaseRecord, VipRecord
from vipkeeper.model.vips import Unit, VipAddress

KEYS = Keys("test")
TTL_S = 4.0
LEASE_MAX_S = 10.0
HEARTBEAT_S = 30.0
OUTSIDERS_S = 600.0  # with failsafe
ALONE_S = 60.0

_Kind = TypeVar("_Kind")


def unit(
    name: str,
    *addresses: str,
    priority: int = 100,
    preempt: bool = False,
    preempt_delay_s: float = 0.0,
    interface: str = "eth0",
) -> Unit:
    """A unit; without addresses it gets one made of its name."""
    texts = addresses or (f"192.0.2.{1 + sum(name.encode()) % 254}",)
    parsed = tuple(VipAddress.parse(text, interface) for text in texts)
    return Unit(name, parsed, priority, preempt, preempt_delay_s)


def settings_of(
    node: str,
    *units: Unit,
    ttl_s: float = TTL_S,
    lease_max_s: float = LEASE_MAX_S,
    heartbeat_s: float = HEARTBEAT_S,
    fence: FenceKind = FenceKind.BPF,
    host: str | None = None,
    boot: str = "boot1",
    process: str = "p1",
    pinned_cluster: str | None = None,
    failsafe: bool = False,
    earlier_promises: tuple[GivenPromise, ...] = (),
) -> ElectionSettings:
    """Settings of one agent: incarnation and process follow from host, boot and process."""
    host = host or f"host-{node}"
    outsiders_s = OUTSIDERS_S if failsafe else 0.0
    return ElectionSettings(
        node=node,
        host=host,
        incarnation=f"{host}/{boot}",
        process=f"{host}/{boot}/{process}",
        keys=KEYS,
        timing=derive_timing(ttl_s, lease_max_s, heartbeat_s, outsiders_s=outsiders_s, alone_s=ALONE_S),
        fence=fence,
        units=units,
        address=f"{host}:1" if failsafe else "",
        secret=f"secret of {host}" if failsafe else "",
        earlier_promises=earlier_promises,
        pinned_cluster=pinned_cluster,
    )


def write(store: MemoryMap, key: str, record: msgspec.Struct | bytes) -> Committed:
    """Put one record, whatever is there."""
    value = record if isinstance(record, bytes) else msgspec.json.encode(record)
    outcome = store.commit(Transaction(puts={key: value}))
    assert isinstance(outcome, Committed)
    return outcome


def delete(store: MemoryMap, *keys: str) -> None:
    store.commit(Transaction(deletes=frozenset(keys)))


def decoded(store: MemoryMap, key: str, kind: type[_Kind]) -> _Kind | None:
    """One record of the store, or None."""
    for record in store.snapshot(key).records:
        if record.key == key:
            return msgspec.json.decode(record.value, type=kind)
    return None


def vip_record(
    owner: str | None,
    *,
    incarnation: str = "i1",
    epoch: int = 7,
    released_to: str | None = None,
    previous: str | None = None,
    addresses: tuple[str, ...] = (),
) -> VipRecord:
    return VipRecord(
        owner=owner,
        incarnation=incarnation,
        epoch=epoch,
        since="",
        reason=Reason.FIRST_CLAIM.value,
        addresses=addresses,
        released_to=released_to,
        previous=previous,
    )


def lease_record(
    incarnation: str = "i1", *, seq: str = "s1", ttl_s: float = TTL_S, fence: str = "bpf"
) -> LeaseRecord:
    return LeaseRecord(incarnation=incarnation, seq=seq, ttl_ms=round(ttl_s * 1000), fence=fence)


def info_record(
    *vips: str,
    priority: int = 100,
    eligible: bool = True,
    state: str = "running",
    incarnation: str = "i1",
    host: str = "elsewhere",
    seq: str = "s1",
    heartbeat_s: float = HEARTBEAT_S,
) -> InfoRecord:
    return InfoRecord(
        incarnation=incarnation,
        host=host,
        seq=seq,
        state=state,
        candidacies=(Candidacy(priority, eligible, "" if eligible else "interface-down", vips),),
        heartbeat_ms=round(heartbeat_s * 1000),
    )
