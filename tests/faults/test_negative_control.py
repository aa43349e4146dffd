"""The judgement of the fault tests has to go red when two nodes do hold one address."""

from __future__ import annotations

import time

import pytest

from tests.faults.arena import VIPS, require_one_owner
from vipkeeper.lab.lab import make_lab
from vipkeeper.lab.observer import run_observer

pytestmark = [pytest.mark.root, pytest.mark.etcd]


def test_two_holders_are_not_one_owner() -> None:
    with make_lab(hosts=2) as lab, run_observer(lab.network, VIPS, lab.directory) as observer:
        for host in lab.network.hosts:
            require_one_owner(observer.recording(), since_ns=0)
            host.namespace.configure(*(f"addr add {vip} dev eth0 nodad" for vip in VIPS))
            observer.wait_until_answered(VIPS[0])
            time.sleep(0.3)
        with pytest.raises(AssertionError, match="two nodes answered at once"):
            require_one_owner(observer.recording(), since_ns=0)
