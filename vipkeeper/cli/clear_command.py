"""`vipkeeper clear`: takes out of this host's kernel what an agent left there that was killed.

Rules of this file: only while no agent runs; the fence goes last, so that nothing answers meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
from contextlib import closing

from vipkeeper.config.flags import Flags
from vipkeeper.config.reader import load_config
from vipkeeper.config.schema import Config
from vipkeeper.model.errors import ConfigError, Refused


def fill(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    parser.add_argument("--config", metavar="FILE", help="the configuration file of the agent that ran here")
    parser.add_argument("--run-dir", metavar="DIR", help="the agent's run directory")
    parser.description = (
        "Take out of this host's kernel what a killed agent left: its VIPs, the fence that\n"
        "keeps the kernel from answering for them, its routes, routing rules and static\n"
        "addresses, the rules of accept = false, and the virtual MAC interfaces and settings\n"
        "that the configuration file names. An agent does so itself\n"
        "when it starts; this is for a host on which none will, for example when keepalived\n"
        "is to have these addresses again. Refused while an agent runs."
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Raises Refused while an agent runs, ConfigError, MissingPrivilege, or KernelRefused."""
    flags = Flags(run_dir=arguments.run_dir)
    config = None if arguments.config is None else load_config(arguments.config, flags)
    asyncio.run(_clear(config))
    print("nothing of vipkeeper is left in this host's kernel")
    return 0


async def _clear(config: Config | None) -> None:
    from vipkeeper.agent.clocks import boot_s
    from vipkeeper.agent.host_shell import HostShell
    from vipkeeper.kernel.input_rules import remove_input_rules
    from vipkeeper.kernel.namespace_lock import NamespaceLock
    from vipkeeper.kernel.netlink_host import NetlinkHost
    from vipkeeper.model.fences import FenceKind

    try:
        lock = NamespaceLock()
    except ConfigError as other:
        raise Refused("an agent runs here; stop it, which leaves nothing of it either") from other
    with closing(lock):
        host = HostShell(NetlinkHost(boot_s), (), lambda _event: None, allowed=tuple(FenceKind), clock=boot_s)
        try:
            host.start()  # it is to keep no VIP, so whatever is ours goes
        finally:
            host.close(keep=False)
        _remove_routing()
        remove_input_rules()
        if config is not None:
            _remove_virtual_macs(config)
            _put_settings_back(config)


def _remove_routing() -> None:
    from vipkeeper.agent.clocks import boot_s
    from vipkeeper.agent.routing_shell import RoutingShell
    from vipkeeper.config.routing_entries import RoutingEntries
    from vipkeeper.kernel.netlink_routing import NetlinkRouting
    from vipkeeper.model.routing import Routing

    RoutingShell(NetlinkRouting(), RoutingEntries(Routing(), {}), boot_s).close(keep=False)


def _put_settings_back(config: Config) -> None:
    from vipkeeper.agent.promoted_secondaries import PromotedSecondaries
    from vipkeeper.agent.run_directory import RunDirectory

    with closing(RunDirectory(config.run_dir)) as directory:
        PromotedSecondaries(directory.promote_settings).close(keep=False)


def _remove_virtual_macs(config: Config) -> None:
    from vipkeeper.agent.run_directory import RunDirectory
    from vipkeeper.agent.virtual_mac_places import virtual_mac
    from vipkeeper.kernel.virtual_mac import VirtualMacs

    wanted = [virtual for vip in config.vip.values() if (virtual := virtual_mac(vip)) is not None]
    if not wanted:
        return
    with closing(RunDirectory(config.run_dir)) as directory:
        macs = VirtualMacs(directory.vrrp_settings)
        macs.ensure(wanted)  # those that are not as they should be are somebody else's
        macs.close(keep=False)
