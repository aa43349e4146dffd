"""Every kind of check has its module, and none is loaded before it is wanted."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from vipkeeper.health.checkers.kinds import asking
from vipkeeper.model.balancing import CheckKind

ELSEWHERE = (CheckKind.MISC, CheckKind.FILE)  # they go nowhere: the runner has them itself
LOADED = """
import sys
from vipkeeper.health.checkers import runner
from vipkeeper.health.checkers.kinds import asking
from vipkeeper.model.balancing import CheckKind
asking(CheckKind.TCP)
print(*(name for name in sys.modules if name.startswith("vipkeeper.health.checkers.")))
"""


@pytest.mark.parametrize("kind", [kind for kind in CheckKind if kind not in ELSEWHERE])
def test_every_kind_is_asked_in_the_same_way(kind: CheckKind) -> None:
    parameters = list(inspect.signature(asking(kind)).parameters.values())
    assert len(parameters) == 4
    assert [(one.name, one.kind) for one in parameters[2:]] == [
        ("timeout_s", inspect.Parameter.KEYWORD_ONLY),
        ("turn", inspect.Parameter.KEYWORD_ONLY),
    ]


def test_a_director_of_tcp_checks_loads_no_other_protocol() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], check=True, capture_output=True, text=True)
    loaded = {name.rpartition(".")[2] for name in done.stdout.split()}
    assert "tcp_check" in loaded
    assert not loaded & {"http_get", "smtp_check", "dns_check", "udp_check", "ping_check"}
