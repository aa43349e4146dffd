"""Two VIPs, two nodes, each serves one; a check starts nginx again, and where that fails ends the daemon."""

from __future__ import annotations

import time

import pytest

from tests.articles.stage import BACKENDS, VIPS, Node, Stage, write_script
from vipkeeper.lab.observer import now_ns

pytestmark = [pytest.mark.root, pytest.mark.timeout(240)]

FIRST, SECOND = VIPS


def conf(router_id: str, source: str, first: tuple[str, int], second: tuple[str, int]) -> str:
    """`first` and `second`: state and priority of each instance."""
    return f"""
global_defs {{
    router_id {router_id}
}}

vrrp_script check-web
{{
    script "{{home}}/check.sh"
    interval 2
    weight -20
}}

vrrp_instance FIRST {{
    state {first[0]}         # the other node has the other word
    interface eth0
    virtual_router_id 100
    master_src_ip {source}
    nopreempt
    priority {first[1]}
    advert_int 1

    track_script {{
       check-web
    }}

    virtual_ipaddress {{
       {FIRST}
    }}
}}


vrrp_instance SECOND {{
    state {second[0]}
    interface eth0
    virtual_router_id 200
    master_src_ip {source}
    nopreempt
    priority {second[1]}
    advert_int 1

    track_script {{
       check-web
    }}

    virtual_ipaddress {{
       {SECOND}
    }}
}}
"""


ONE = conf("one", "10.77.1.1", ("MASTER", 100), ("BACKUP", 90))
OTHER = conf("other", "10.77.1.2", ("BACKUP", 90), ("MASTER", 100))

# What is watched here is a file instead of nginx; the script of the article does the same with `systemctl`.
CHECK = """\
cd {home}
[ -e web ] && exit 0
[ -e can-start ] && {{ touch web; exit 0; }}
kill -TERM "$(cat {run}/agent.pid)"
exit 1
"""


def prepare(node: Node) -> None:
    (node.directory / "web").touch()
    (node.directory / "can-start").touch()
    write_script(node.directory / "check.sh", CHECK.format(home=node.directory, run=node.agent.run_directory))


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_serves_one_and_the_other_helps_out(stage: Stage, backend: str) -> None:
    with stage.running(backend, (ONE, OTHER), prepare=prepare) as (one, other):
        stage.served_by(FIRST, one)
        stage.served_by(SECOND, other)
        assert "mcast_src_ip" in one.agent.said()  # what master_src_ip was to be
        assert "nopreempt" in one.agent.said()
        stage.forget()
        since_ns = now_ns()
        # The web server dies, and can be started again: nobody notices.
        (one.directory / "web").unlink()
        deadline = time.monotonic() + 20
        while not (one.directory / "web").exists():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert stage.lost(FIRST, since_ns) == 0
        # It cannot be: the daemon ends, and its VIP moves.
        (one.directory / "can-start").unlink()
        (one.directory / "web").unlink()
        stage.served_by(FIRST, other)
        one.agent.process.wait(10)
        stage.stays_with(SECOND, other, 1.0)
        # The node returns, and takes its VIP back.
        (one.directory / "web").touch()
        one.agent.start()
        stage.served_by(FIRST, one)
        stage.stays_with(SECOND, other, 1.0)
        stage.one_owner(backend, since_ns)
