"""`vipkeeper demo`: real agents and a real store, or VRRP, in namespaces of this machine, and an observer.

Rules of this file: it takes everything down again, also after Ctrl-C, and ends with an error when two nodes
answered at once or nobody took over.
"""

from __future__ import annotations

import argparse

from vipkeeper.cli.demo_judge import DemoFailed, Judge
from vipkeeper.cli.demo_scenes import SCRIPTS, Stage
from vipkeeper.cli.demo_screen import Screen
from vipkeeper.cli.demo_vrrp import play_vrrp
from vipkeeper.lab.agents import AgentOptions
from vipkeeper.lab.interruption import stop_signals_unwind
from vipkeeper.lab.lab import make_lab, run_agents
from vipkeeper.lab.network import vip_ipv4, vip_ipv6
from vipkeeper.lab.observer import run_observer
from vipkeeper.lab.verdicts import double_answers
from vipkeeper.model.errors import ConfigError, VipkeeperError

_MOST_NODES = 9


def add_demo_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--nodes", type=int, default=3, metavar="N", help="how many nodes (default: 3)")
    parser.add_argument(
        "--script",
        choices=sorted(SCRIPTS),
        default="failover",
        help="what to show (default: failover, everything; quick: the shortest)",
    )
    parser.add_argument(
        "--lease", type=float, default=1.0, metavar="SECONDS", help="lease of every agent (default: 1)"
    )
    parser.add_argument(
        "--store-members",
        type=int,
        default=None,
        metavar="N",
        help="members of the store (default: 3; 1 for the script quick)",
    )
    parser.add_argument(
        "--backend",
        choices=("etcd", "zookeeper", "vrrp"),
        default="etcd",
        help="which store (default: etcd), or vrrp: no store, three nodes, and a keepalived among them if it "
        "is installed; the other options have no meaning then",
    )


def run_demo(arguments: argparse.Namespace) -> int:
    """0 when everything went as promised. Raises VipkeeperError otherwise."""
    if arguments.backend == "vrrp":
        with stop_signals_unwind():
            play_vrrp(Screen())
        return 0
    nodes, members = arguments.nodes, arguments.store_members
    if members is None:
        members = 1 if arguments.script == "quick" else 3
    mistakes = [
        f"{option} {number}: choose {lowest} to {_MOST_NODES}"
        for option, number, lowest in (("--nodes", nodes, 2), ("--store-members", members, 1))
        if not lowest <= number <= _MOST_NODES
    ]
    if mistakes:
        raise ConfigError(tuple(mistakes))
    screen = Screen()
    vips = (vip_ipv4(0), vip_ipv6(0))
    store = "an etcd" if arguments.backend == "etcd" else "a ZooKeeper"
    screen.title(f"{nodes} nodes and {store} of {members}, each in a network namespace of this machine")
    zookeeper_members = members if arguments.backend == "zookeeper" else 0
    with (
        stop_signals_unwind(),
        make_lab(hosts=nodes, etcd_members=members, zookeeper_members=zookeeper_members) as lab,
    ):
        options = AgentOptions(
            vips={"web": vips},
            endpoints=lab.store.endpoints,
            backend=lab.store.backend,
            ttl_s=arguments.lease,
            lease_max_s=arguments.lease,
        )
        screen.say(f"the store runs; the VIP is {vips[0]} and {vips[1]}, the lease {arguments.lease:g} s")
        with run_observer(lab.network, vips, lab.directory) as observer, run_agents(lab, options) as agents:
            judge = Judge(observer, screen, tuple(agent.node for agent in agents))
            stage = Stage(lab, agents, judge, arguments.lease)
            screen.say("an observer asks every node for the VIP every 4 ms; the agents start")
            screen.say("nobody knows who held it before, so the longest possible lease passes first")
            try:
                _play(stage, arguments.script)
            except (VipkeeperError, TimeoutError):
                _show_logs(stage)
                raise
    screen.say("everything is taken down again")
    return 0


def _play(stage: Stage, script: str) -> None:
    stage.wait_until_ready()
    stage.screen.say(f"{stage.owner().node} answers first")
    stage.show_owner()
    for scene in SCRIPTS[script]:
        stage.wait_until_ready()
        scene(stage)
    stage.wait_until_ready()
    stage.show_owner()
    verdict = double_answers(stage.judge.observer.recording())
    stage.judge.show_table()
    stage.screen.say(f"{verdict.rounds} rounds of probes, double answers in all: {verdict.count}")
    if verdict.count:
        raise DemoFailed(f"{verdict.count} double answers: two nodes had the VIP at once")


def _show_logs(stage: Stage) -> None:
    """The logs go with the lab, so their ends are shown when something went wrong."""
    for agent in stage.agents:
        stage.screen.say(f"log of {agent.node} ends with")
        stage.screen.block(agent.process.log_end(lines=8))
