"""What strict mode does not allow.

Rules of this file: each is a word and why it does not go with strict mode; keepalived's own, measured.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from vrrp_compat.keepalived_conf.instance_settings import OWNER, USUAL_ADVERTS, Instance


def strict_findings(instance: Instance) -> Iterator[tuple[str, str]]:
    """Keywords that strict mode overrules, each with the reason."""
    if instance.value("state") == "MASTER" and instance.priority != OWNER:
        yield "state", "in strict mode only a router with priority 255 begins as MASTER"
    if instance.has("accept") and instance.version == 2:
        yield "accept", "strict mode with version 2 does not accept packets to the addresses"
    if instance.value("garp_lower_prio_repeat"):
        yield "garp_lower_prio_repeat", "strict mode announces nothing to a lower priority"
    if instance.value("garp_lower_prio_delay"):
        yield "garp_lower_prio_delay", "strict mode announces nothing to a lower priority"
    if instance.value("lower_prio_no_advert") is False:
        yield "lower_prio_no_advert", "strict mode leaves lower priorities unanswered"
    if instance.value("higher_prio_send_advert") is True:
        yield "higher_prio_send_advert", "strict mode says nothing more to a higher priority"
    if instance.down_timer_adverts != USUAL_ADVERTS:
        about = "down_timer_adverts" if instance.has("down_timer_adverts") else ""
        yield about, f"strict mode waits for {USUAL_ADVERTS} advertisements"
    if instance.has("vmac_xmit_base"):
        yield "vmac_xmit_base", "strict mode sends from the virtual MAC address"
    if instance.ipv6 and not _first_is_link_local(instance):
        yield "", "in strict mode the first IPv6 address has to be a link-local one"


def _first_is_link_local(instance: Instance) -> bool:
    return ipaddress.ip_interface(instance.lines("virtual_ipaddress")[0].keyword).is_link_local
