"""The options that commands share, and how they become configuration flags.

Rules of this file: option names are a contract with scripts; values stay text, the configuration judges them.
"""

from __future__ import annotations

import argparse

from vipkeeper.config.flags import VIP_FORM, Flags
from vipkeeper.config.schema import DEFAULT_CONFIG_FILE


def add_store_options(parser: argparse.ArgumentParser) -> None:
    """Which cluster in which store. They override the configuration file."""
    group = parser.add_argument_group("store")
    group.add_argument(
        "--config", metavar="FILE", help=f"configuration file (default: {DEFAULT_CONFIG_FILE}, if it exists)"
    )
    group.add_argument(
        "--backend",
        metavar="NAME",
        help="what decides who owns a VIP: etcd, zookeeper, or vrrp without a store (default: etcd)",
    )
    group.add_argument(
        "--endpoints",
        metavar="ENDPOINT[,...]",
        help="all members of the store: http(s)://HOST:PORT for etcd, HOST:PORT for ZooKeeper",
    )
    group.add_argument("--cluster", metavar="NAME", help="nodes with one cluster name compete for its VIPs")
    group.add_argument("--cacert", metavar="FILE", help="certificates that sign the store's own (PEM)")
    group.add_argument("--cert", metavar="FILE", help="client certificate (PEM)")
    group.add_argument("--key", metavar="FILE", help="private key of the client certificate (PEM)")
    group.add_argument(
        "--user",
        metavar="NAME[:PASSWORD]",
        help="user of the store; a password given here shows in the process list, so prefer --password-file",
    )
    group.add_argument("--password-file", metavar="FILE", help="file whose first line is the password")


def add_agent_options(parser: argparse.ArgumentParser) -> None:
    """What one node keeps, beside the store options."""
    group = parser.add_argument_group("node")
    group.add_argument("--node", metavar="NAME", help="name of this node (default: the host name)")
    group.add_argument(
        "--vip",
        metavar=VIP_FORM,
        action="append",
        default=[],
        help="a VIP to keep, for example web=192.0.2.10@eth0; may be repeated",
    )
    group.add_argument("--priority", metavar="NUMBER", help="the highest one claims first (default: 100)")
    group.add_argument(
        "--lease",
        metavar="SECONDS",
        help="how long this node serves without the store confirming it; fractions are fine (default: 2)",
    )
    group.add_argument(
        "--lease-max",
        metavar="SECONDS",
        help="longest lease of any node of the cluster, the same on all nodes (default: 10)",
    )
    _add_vrrp_options(parser)
    group.add_argument("--run-dir", metavar="DIR", help="lock, pid file, memory (default: /run/vipkeeper)")
    group.add_argument("--log-format", metavar="FORMAT", help="text or json (default: text)")


def _add_vrrp_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "VRRP", "for the only VIP; the file has a table [vip.NAME.vrrp] for each"
    )
    group.add_argument("--vrid", metavar="NUMBER", help="virtual router, 1 to 255, the same on all routers")
    group.add_argument("--vrrp-version", metavar="NUMBER", help="2 or 3 (default: 3)")
    group.add_argument(
        "--advert-interval", metavar="SECONDS", help="how often the master speaks (default: 1)"
    )
    group.add_argument(
        "--unicast-peer",
        metavar="ADDR",
        action="extend",
        nargs="+",
        default=[],
        help="the other routers, where there is no multicast; may be repeated",
    )


def flags_from(arguments: argparse.Namespace) -> Flags:
    """The configuration flags among parsed arguments; a command without agent options leaves those unset."""
    given = vars(arguments)
    return Flags(
        backend=given["backend"],
        endpoints=given["endpoints"],
        cluster=given["cluster"],
        ca_file=given["cacert"],
        cert_file=given["cert"],
        key_file=given["key"],
        user=given["user"],
        password_file=given["password_file"],
        node=given.get("node"),
        vips=tuple(given.get("vip", ())),
        vrid=given.get("vrid"),
        vrrp_version=given.get("vrrp_version"),
        advert_interval=given.get("advert_interval"),
        unicast_peers=tuple(given.get("unicast_peer", ())),
        priority=given.get("priority"),
        lease=given.get("lease"),
        lease_max=given.get("lease_max"),
        run_dir=given.get("run_dir"),
        log_format=given.get("log_format"),
    )
