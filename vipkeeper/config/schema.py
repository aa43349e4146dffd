"""Every setting of vipkeeper: its name, type, default, unit and consequence, written once.

Rules of this file: the description of a field is what `docs/configuration.md` and the messages show, so it
says what follows from the value; TOML keys carry no unit suffix, Python names of times do; what a message
must not repeat is marked secret; what a running agent cannot change is marked `needs_restart`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from vipkeeper.config.balancing_schema import VirtualServer, VirtualServerGroup
from vipkeeper.config.described import about as _about
from vipkeeper.config.etcd_schema import Etcd
from vipkeeper.config.garp_schema import Garp
from vipkeeper.config.ipvs_schema import Ipvs, Ssl
from vipkeeper.config.notify_schema import Mail, Scripts
from vipkeeper.config.timing_rules import LONGEST_TTL_S
from vipkeeper.config.track_schema import TrackFile, TrackProcess, TrackScript
from vipkeeper.config.vip_schema import SyncGroup, Vip
from vipkeeper.config.zookeeper_schema import Zookeeper
from vipkeeper.model.fences import FenceKind

DEFAULT_CONFIG_FILE = "/etc/vipkeeper/vipkeeper.toml"


_LEASE_KEYS = {"ttl_s": "ttl", "max_s": "max", "heartbeat_s": "heartbeat", "forget_after_s": "forget_after"}


class Lease(msgspec.Struct, frozen=True, rename=_LEASE_KEYS):
    """How long a node may serve without the store confirming it: the failover time follows from this."""

    ttl_s: Annotated[
        float,
        _about(
            "How long this node serves after its last confirmed renewal. It is also how long clients wait "
            "when the owner dies without a word. It is renewed four times in its length. Without failsafe, "
            "a leader change of the store takes the VIPs down if this is below 3.3 s.",
            2.0,
            unit="seconds",
            gt=0,
            le=LONGEST_TTL_S,
        ),
    ] = 2.0
    max_s: Annotated[
        float,
        _about(
            "The longest lease that any node of the cluster uses; it must be the same on all of them. Where "
            "nothing is known of a former owner (a fresh or restored store), a node waits this long before "
            "it claims.",
            10.0,
            unit="seconds",
            gt=0,
            le=LONGEST_TTL_S,
        ),
    ] = 10.0
    heartbeat_s: Annotated[
        float,
        _about(
            "How often a node that owns nothing writes to the store that it is alive. After three silent "
            "heartbeats `ls` shows it as silent.",
            10.0,
            unit="seconds",
            ge=1,
            le=LONGEST_TTL_S,
        ),
    ] = 10.0
    forget_after_s: Annotated[
        float,
        _about(
            "A node that showed no life for so long is forgotten: `ls` lists it and the VIPs that only it "
            "had no more (`ls --all` does). It is back as soon as its agent writes again. At least 2 hours, "
            "which no lease outlives; `vipkeeper forget NODE` does it at once.",
            604800.0,
            unit="seconds",
            ge=7200,
            le=315_360_000,
        ),
    ] = 604_800.0


class Log(msgspec.Struct, frozen=True):
    """What the agent writes on standard error: one line for each decision."""

    format: Annotated[
        Literal["text", "json"],
        _about("`text` for people and the journal, `json` for log collectors (one object a line).", "json"),
    ] = "text"
    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        _about("The least important line that is still written. Decisions are `info`.", "debug"),
    ] = "info"


class Metrics(msgspec.Struct, frozen=True):
    """What the agent tells Prometheus. Off unless `listen` is set."""

    listen: (
        Annotated[
            str,
            _about(
                "Where `/metrics` is served over HTTP: `ADDRESS:PORT` or `[IPV6]:PORT`. Whoever reaches it "
                "can read it, so bind it to an address that only the monitoring reaches.",
                "127.0.0.1:9480",
                needs_restart=True,
                min_length=1,
            ),
        ]
        | None
    ) = None


class Fence(msgspec.Struct, frozen=True):
    """What makes the kernel stop answering when a lease ends while no process of ours runs."""

    allow: Annotated[
        tuple[FenceKind, ...],
        _about(
            "The fences that may be used; the strongest that the kernel supports is taken. `bpf` is exact to "
            "about 2 ms; `nftables` to about 20 ms; with `lifetime` alone a failover takes up to 3 s longer. "
            "When none of those allowed works, the agent does not start.",
            ["bpf", "nftables"],
            needs_restart=True,
            min_length=1,
        ),
    ] = (FenceKind.BPF, FenceKind.NFTABLES, FenceKind.LIFETIME)


class Config(
    msgspec.Struct,
    frozen=True,
    rename={
        "failsafe_max_s": "failsafe_max",
        "failsafe_alone_s": "failsafe_alone",
        "startup_delay_s": "startup_delay",
    },
):
    """Settings of the whole agent. They stand at the top of the file, before the first table."""

    cluster: Annotated[
        str,
        _about(
            "Nodes with the same cluster name and the same store compete for the same VIPs.",
            "web",
            needs_restart=True,
            min_length=1,
        ),
    ] = "default"
    node: Annotated[
        str,
        _about(
            "This node's name in the store; no two agents may share one. The default is the host name.",
            "node-a",
            needs_restart=True,
            min_length=1,
        ),
    ] = ""
    priority: Annotated[
        int,
        _about(
            "Among the nodes that can serve a VIP, the one with the highest priority claims it first.",
            100,
            ge=1,
            le=65535,
        ),
    ] = 100
    backend: Annotated[
        Literal["etcd", "zookeeper", "vrrp"],
        _about(
            "What decides who owns a VIP: a store, whose table says how it is reached, or `vrrp` on a LAN "
            "without one. Tables of stores that are not chosen have no effect. VRRP cannot rule out two "
            "masters where the routers do not hear each other; a store can.",
            "zookeeper",
            needs_restart=True,
        ),
    ] = "etcd"
    failsafe: Annotated[
        Literal["on", "off"],
        _about(
            "Whether an owner keeps its VIPs while the store is down, as long as every other node of the "
            "cluster promises it not to claim them. The nodes must reach each other by UDP. With `off` a "
            "store outage takes every VIP down when its lease ends. The same on all nodes.",
            "on",
            needs_restart=True,
        ),
    ] = "on"
    failsafe_max_s: Annotated[
        float,
        _about(
            "How long an owner may live on promises alone. A node that the owner did not know as living "
            "waits as long after the owner's last renewal before it claims, because nobody asks it for a "
            "promise. The same on all nodes.",
            3600.0,
            unit="seconds",
            gt=0,
            le=7 * 24 * 3600,
        ),
    ] = 3600.0
    failsafe_alone_s: Annotated[
        float,
        _about(
            "The same for an owner that knows no other living node: it keeps its VIPs in a store outage for "
            "so long, and a node that comes after its death waits so long. 0: it keeps them to the end of "
            "its lease, and the other node waits for that alone.",
            60.0,
            unit="seconds",
            ge=0,
            le=7 * 24 * 3600,
        ),
    ] = 60.0
    failsafe_address: (
        Annotated[
            str,
            _about(
                "Where the other nodes reach this one by UDP: `ADDRESS`, `ADDRESS:PORT` or `[IPV6]:PORT`. "
                "Without it, the address that this host uses towards the store, and port 7480. Never a "
                "managed VIP.",
                "10.0.0.21:7480",
                needs_restart=True,
                min_length=1,
            ),
        ]
        | None
    ) = None
    run_dir: Annotated[
        str,
        _about(
            "Directory for the agent's lock, pid file and memory of the cluster. Each agent on one machine "
            "needs its own. It must be an absolute path on a file system that a reboot empties.",
            "/run/vipkeeper",
            needs_restart=True,
            min_length=1,
        ),
    ] = "/run/vipkeeper"
    startup_delay_s: Annotated[
        float,
        _about(
            "How long after its start this node takes no VIP that it did not have before (keepalived: "
            "`vrrp_startup_delay`): for links and services that come up late.",
            10.0,
            unit="seconds",
            ge=0,
            le=3600,
        ),
    ] = 0.0
    static_ipaddress: (
        Annotated[
            tuple[str, ...],
            _about(
                "Addresses that this host has while the agent runs, whoever owns a VIP: "
                "`ADDR/LEN dev IFACE`.",
                ["198.51.100.7/24 dev eth0"],
                min_length=1,
            ),
        ]
        | None
    ) = None
    static_routes: (
        Annotated[
            tuple[str, ...],
            _about(
                "Routes that this host has while the agent runs, as `ip route` writes them.",
                ["203.0.113.0/24 via 192.0.2.1 dev eth0"],
                min_length=1,
            ),
        ]
        | None
    ) = None
    static_rules: (
        Annotated[
            tuple[str, ...],
            _about(
                "Routing rules that this host has while the agent runs, as `ip rule` writes them.",
                ["from 198.51.100.0/24 table 100"],
                min_length=1,
            ),
        ]
        | None
    ) = None
    lease: Lease = Lease()
    etcd: Etcd = Etcd()
    zookeeper: Zookeeper = Zookeeper()
    log: Log = Log()
    metrics: Metrics = Metrics()
    fence: Fence = Fence()
    scripts: Scripts = Scripts()
    mail: Mail = Mail()
    garp: Garp = Garp()
    track_script: dict[str, TrackScript] = {}
    track_file: dict[str, TrackFile] = {}
    track_process: dict[str, TrackProcess] = {}
    vip: dict[str, Vip] = {}
    sync_group: dict[str, SyncGroup] = {}
    ipvs: Ipvs = Ipvs()
    ssl: Ssl = Ssl()
    virtual_server: dict[str, VirtualServer] = {}
    virtual_server_group: dict[str, VirtualServerGroup] = {}
