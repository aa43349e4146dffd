"""What one VIP needs to speak VRRP, from its settings and from what this host has.

Rules of this file: no IO; what is missing is a reason, and the router waits for it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

import msgspec

from vipkeeper.agent.virtual_mac_places import virtual_mac
from vipkeeper.config.schema import Config
from vipkeeper.config.strict_rules import preempt_delay_in_force_s, vrrp_in_force
from vipkeeper.config.tracking import groups_of
from vipkeeper.config.vip_addresses import advertised_addresses
from vipkeeper.config.vip_schema import Vip
from vipkeeper.config.vrrp_rules import advertised_version
from vipkeeper.config.vrrp_schema import VipVrrp
from vipkeeper.model.address_options import REPEAT_INTERVAL_S
from vipkeeper.model.vips import Unit
from vrrp_compat.router.reasons import RouterReason
from vrrp_compat.router.settings import RouterSettings
from vrrp_compat.sockets.segment_port import PortSettings
from vrrp_compat.wire.advertisement import (
    FULL_TTL,
    GROUP_IPV4,
    GROUP_IPV6,
    PRIORITY_OWNER,
    PROTOCOL_AH,
    PROTOCOL_VRRP,
)
from vrrp_compat.wire.authentication import (
    NO_AUTHENTICATION,
    Authentication,
    AuthKind,
    with_key,
    with_password,
)
from vrrp_compat.wire.checksum import ChecksumRule
from vrrp_compat.wire.expectation import AddressPolicy, Expectation

_GROUPS = {4: GROUP_IPV4, 6: GROUP_IPV6}
_POLICIES = {"log": AddressPolicy.LOG, "discard": AddressPolicy.DROP}
_NO_ADDRESS = {4: bytes(4), 6: bytes(16)}


class RouterPlan(msgspec.Struct, frozen=True):
    """One virtual router: what it decides by, what it expects, where it speaks; `lacks`: what is missing."""

    unit: Unit  # its VIP alone
    group: str | None  # the sync group that it moves with
    base: str  # the interface of the configuration
    router: RouterSettings
    expected: Expectation
    port: PortSettings
    destinations: tuple[bytes, ...]
    authentication: Authentication
    rule: ChecksumRule | None
    ttl: int  # of what is sent
    silent: bool  # as master it takes no packets for its addresses but ARP and neighbour discovery
    lacks: tuple[RouterReason, str] | None

    @property
    def owned_as(self) -> str:
        """With a store: the name of the unit that its VIP is owned in."""
        return self.unit.name if self.group is None else self.group

    @property
    def interfaces(self) -> frozenset[str]:
        """Where its addresses are."""
        return frozenset(vip.interface for vip in self.unit.addresses)

    @property
    def fixed(self) -> tuple[object, ...]:
        """What a running router cannot change: with another value it is another router."""
        router = self.router
        return (router.version, router.vrid, len(router.address), self.base, self.port.interface)


def heard_on(vip: Vip) -> str:
    """Where advertisements are heard and sent.

    The frames of a master with our virtual MAC reach that interface alone; unicast frames have the MAC of the
    host itself (keepalived: vmac_xmit_base).
    """
    virtual = virtual_mac(vip)
    return vip.interface if virtual is None or vip.vrrp.unicast_peers is not None else virtual.interface


def announce_every_s(config: Config) -> float:
    """About as often as a master speaks.

    Where a partition heals and our advertisement is the first to get through, keepalived yields without a
    word: nothing tells us that clients have learnt its address. Some stayed with it for 5 s.
    """
    intervals = (vip.vrrp.advert_interval_s for vip in config.vip.values())
    return max(REPEAT_INTERVAL_S, min(intervals, default=REPEAT_INTERVAL_S))  # none: virtual servers alone


def plan_router(
    config: Config,
    unit: Unit,
    speaks_from: bytes | None,
    names: Mapping[tuple[str, int], bytes],
) -> RouterPlan:
    """The plan of one VIP.

    `speaks_from`: the address that this host has on the interface; `names`: what host names resolved to.
    """
    vip = config.vip[unit.name]
    vrrp, version = vrrp_in_force(vip), advertised_version(vip)
    source = speaks_from if vrrp.source_address is None else ipaddress.ip_address(vrrp.source_address).packed
    peers = None if vrrp.unicast_peers is None else _peers(vrrp.unicast_peers, version, names)
    group = None if peers is not None else _group(vrrp, version)
    authentication = _authentication(vrrp)
    advertised = tuple(ipaddress.ip_address(each.address).packed for each in advertised_addresses(vip))
    interval_cs = round(vrrp.advert_interval_s * 100)
    assert vrrp.vrid is not None  # noqa: S101 - vrrp_rules asks for it
    router = RouterSettings(
        name=unit.name,
        version=vrrp.version,
        vrid=vrrp.vrid,
        address=source or _NO_ADDRESS[version],
        addresses=advertised,
        priority=unit.priority,
        interval_cs=interval_cs,
        preempt=unit.preempt,
        preempt_delay_s=preempt_delay_in_force_s(vip),
        down_timer_adverts=vrrp.down_timer_adverts,
        answers_lower=not vrrp.lower_prio_no_advert,
        owner_ignores=vrrp.owner_ignore_adverts,
    )
    return RouterPlan(
        unit=unit,
        group=groups_of(config).get(unit.name),
        base=vip.interface,
        router=router,
        expected=_expected(vrrp, router, authentication, group, peers),
        port=PortSettings(
            ip_version=version,
            interface=heard_on(vip),
            groups=frozenset() if group is None else frozenset({group}),
            addresses=frozenset({source}) if source and peers is not None else frozenset(),
            protocols=frozenset({PROTOCOL_AH if authentication.kind is AuthKind.AH else PROTOCOL_VRRP}),
        ),
        destinations=tuple(peers) if peers is not None else (group or _GROUPS[version],),
        authentication=authentication,
        rule=_rule(vrrp, version),
        ttl=FULL_TTL if peers is None else vrrp.unicast_ttl,
        silent=not vrrp.accept and unit.priority != PRIORITY_OWNER,
        lacks=_lacks(vip, version, source, peers),
    )


def _expected(
    vrrp: VipVrrp,
    router: RouterSettings,
    authentication: Authentication,
    group: bytes | None,
    peers: list[bytes] | None,
) -> Expectation:
    return Expectation(
        version=router.version,
        vrid=router.vrid,
        addresses=router.addresses,
        group=group,
        address_bytes=len(router.address),
        interval_cs=router.interval_cs,
        authentication=authentication,
        address_policy=_POLICIES[vrrp.address_mismatch],
        sources=_believed(vrrp, peers),
    )


def _lacks(
    vip: Vip, version: int, source: bytes | None, peers: list[bytes] | None
) -> tuple[RouterReason, str] | None:
    if source is None:
        kind = "IPv4 address" if version == 4 else "link-local IPv6 address"
        return (
            RouterReason.NO_SOURCE_ADDRESS,
            f"{vip.interface} has no {kind}; add one, or set source_address",
        )
    if peers is not None and not peers:
        names = ", ".join(vip.vrrp.unicast_peers or ())
        return RouterReason.NO_PEER_KNOWN, f"none of {names} can be resolved"
    return None


def _peers(listed: Iterable[str], version: int, names: Mapping[tuple[str, int], bytes]) -> list[bytes]:
    """Those that are known, each once. A name that cannot be resolved now is tried again."""
    found = []
    for text in listed:
        try:
            found.append(ipaddress.ip_address(text).packed)
        except ValueError:
            if (text, version) in names:
                found.append(names[text, version])
    return list(dict.fromkeys(found))


def _believed(vrrp: VipVrrp, peers: list[bytes] | None) -> frozenset[bytes]:
    if vrrp.allowed_sources is not None:
        return frozenset(ipaddress.ip_address(text).packed for text in vrrp.allowed_sources)
    return frozenset(peers or ())


def _rule(vrrp: VipVrrp, version: int) -> ChecksumRule | None:
    """None: the usual one."""
    usual = version == 6 or vrrp.version == 2 or vrrp.checksum == "pseudo-header"
    return None if usual else ChecksumRule.MESSAGE_ONLY


def _group(vrrp: VipVrrp, version: int) -> bytes:
    if vrrp.multicast_group is not None:
        return ipaddress.ip_address(vrrp.multicast_group).packed
    return _GROUPS[version]


def _authentication(vrrp: VipVrrp) -> Authentication:
    secret = (vrrp.auth_pass or "").encode()
    if vrrp.auth_type == "pass":
        return with_password(secret)
    return with_key(secret) if vrrp.auth_type == "ah" else NO_AUTHENTICATION
