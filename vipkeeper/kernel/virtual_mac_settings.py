"""The kernel settings with which a virtual MAC interface answers for its addresses, and nothing else does.

Rules of this file: what is set and why, one line each; a setting of the virtual interface goes with it, all
others are put back. Linux combines most of them with `all`: the greater one counts.
"""

from __future__ import annotations

import contextlib

from vipkeeper.kernel.kernel_settings import NET, KernelSettings, read_setting, write_setting
from vipkeeper.model.errors import KernelRefused

_IPV4 = "ipv4/conf"
_IPV6 = "ipv6/conf"
_HOLDER_ALL = "any virtual MAC"

# Levels of `all.arp_ignore` at which a /32 on an interface of its own is answered for.
_ANSWERING = frozenset({"0", "1"})


def prepare_virtual(name: str, base: str, ip_version: int, *, is_known: bool) -> None:
    """Settings of the virtual interface itself, before it is set up. Raises KernelRefused.

    `is_known`: they were set by this process; only what somebody changed is set again.
    """
    wanted = {
        # It has no address while it is a backup, and then even the loose check (2) drops what it hears.
        f"{_IPV4}/{name}/rp_filter": "0",
        # The base's addresses are not at the virtual MAC.
        f"{_IPV4}/{name}/arp_ignore": "1",
        # The way back to a client is by the base; a filter by route would answer nobody.
        f"{_IPV4}/{name}/arp_filter": "0",
        # A router forwards what comes to the virtual MAC as it does for the base.
        f"{_IPV4}/{name}/forwarding": read_setting(f"{_IPV4}/{base}/forwarding"),
    }
    if ip_version == 4:
        if (NET / _IPV6 / name).exists():
            wanted[f"{_IPV6}/{name}/disable_ipv6"] = "1"
    else:
        wanted |= {
            f"{_IPV6}/{name}/disable_ipv6": "0",
            # A backup that had a link-local address would answer for it, under the master's MAC.
            f"{_IPV6}/{name}/addr_gen_mode": "1",
            f"{_IPV6}/{name}/accept_ra": "0",
            f"{_IPV6}/{name}/autoconf": "0",
            f"{_IPV6}/{name}/forwarding": read_setting(f"{_IPV6}/{base}/forwarding"),
        }
    for setting, value in wanted.items():
        # Written once even where it reads so: until then the interface follows each change of `default`.
        if not is_known or read_setting(setting) != value:
            write_setting(setting, value)


def silence_base(settings: KernelSettings, holder: str, base: str) -> None:
    """For IPv4: the base keeps silent about virtual addresses. Raises KernelRefused."""
    answering = read_setting(f"{_IPV4}/all/arp_ignore")
    if answering not in _ANSWERING:
        raise KernelRefused(
            f"net.ipv4.conf.all.arp_ignore is {answering}: Linux would not answer ARP for an address "
            "that stands alone on a virtual MAC interface; set it to 1"
        )
    settings.hold(
        holder,
        {
            # Without it the base answers as well, with its own MAC.
            f"{_IPV4}/{base}/arp_ignore": max("1", settings.before(f"{_IPV4}/{base}/arp_ignore")),
            # Without it the base asks for a client's MAC in the name of the virtual address, and the client
            # notes the base's MAC for it.
            f"{_IPV4}/{base}/arp_announce": "2",
        },
    )


def free_from_all(settings: KernelSettings, virtual: frozenset[str]) -> None:
    """For IPv4: what is set for all interfaces at once does not hold for `virtual`. Raises KernelRefused."""
    for setting in ("rp_filter", "arp_filter"):
        _give_to_each_interface(settings, setting, virtual)


def _give_to_each_interface(settings: KernelSettings, setting: str, virtual: frozenset[str]) -> None:
    """What `all` says is said by every other interface, and by later ones; `all` itself becomes 0.

    For them nothing changes, and an interface of ours can be without it. There is no other way to do that.
    """
    from_all = settings.before(f"{_IPV4}/all/{setting}")
    if from_all == "0":
        return
    wanted: dict[str, str] = {}
    for directory in sorted((NET / _IPV4).iterdir()):
        if directory.name != "all" and directory.name not in virtual:
            each = f"{_IPV4}/{directory.name}/{setting}"
            with contextlib.suppress(KernelRefused):  # it has just gone
                wanted[each] = max(from_all, settings.before(each))
    settings.hold(_HOLDER_ALL, {**wanted, f"{_IPV4}/all/{setting}": "0"})


def let_all_go(settings: KernelSettings) -> None:
    """The last virtual MAC interface has gone."""
    settings.let_go(_HOLDER_ALL)
