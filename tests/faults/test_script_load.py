"""Many checks on one node, and a lease so short that an agent which is kept from its loop would lose it.

Rules of this file: what is counted are runs and lapses. A machine that stalls for a lease by itself says
nothing about the agent, so the time that the observer was kept waiting is taken out.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.faults.arena import PATIENCE_S, VIPS
from vipkeeper.lab.agents import AgentOptions
from vipkeeper.lab.lab import make_lab, run_agents
from vipkeeper.lab.observer import now_ns, run_observer
from vipkeeper.lab.verdicts import longest_outage

pytestmark = [pytest.mark.root, pytest.mark.etcd, pytest.mark.slow, pytest.mark.timeout(240)]

LEASE_S = 0.5
SCRIPTS = 200
LENGTH_S = 15.0


def tables(runs: Path) -> str:
    """All of them once a second; one of them counts its runs."""
    counted = f"[track_script.counted]\nscript = \"sh -c 'echo run >> {runs}'\"\ninterval = 1\nweight = 1\n"
    others = [f'[track_script.t{n}]\nscript = "true"\ninterval = 1\nweight = 1\n' for n in range(SCRIPTS - 1)]
    tracked = [
        f"[vip.web.track_script.{name}]\n" for name in ("counted", *(f"t{n}" for n in range(SCRIPTS - 1)))
    ]
    return "".join((counted, *others, *tracked))


def counted(runs: Path) -> int:
    return len(runs.read_text().splitlines()) if runs.exists() else 0


def test_two_hundred_scripts_a_second_and_a_lease_of_half_a_second(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    with make_lab(hosts=1) as lab:
        options = AgentOptions(
            vips={"web": VIPS},
            endpoints=lab.store.endpoints,
            ttl_s=LEASE_S,
            lease_max_s=LEASE_S,
            tables=tables(runs),
        )
        with run_observer(lab.network, VIPS, lab.directory) as observer, run_agents(lab, options) as agents:
            observer.wait_until_answered(VIPS[0], kinds=("client",), timeout_s=PATIENCE_S)
            since_ns, before = now_ns(), counted(runs)
            time.sleep(LENGTH_S)
            outage = longest_outage(observer.recording(), VIPS[0], from_ns=since_ns)
            done = counted(runs) - before
            log = agents[0].process.log.read_text()
            lapses = log.count("reason=lease-lapsed")
            print(
                f"{done * SCRIPTS} runs, {lapses} lapses, {outage.lost} probes lost, "
                f"stalled {outage.stalled_ns / 1e9:.2f} s"
            )
        assert done  # on a busy machine they come round more slowly: what must not wait is the lease
        assert lapses == 0 or outage.stalled_ns > LEASE_S * 1e9 / 2, log[-3000:]
