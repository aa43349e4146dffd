"""What is told of virtual and real servers: keepalived's lines, each once, and its rules of first and last.

The lines and their order are what keepalived 2.2.7 wrote in a kernel with IPVS.
"""

from __future__ import annotations

import pytest

from tests.notify.server_configs import DOWN, STOP, UP, quorum, real, servers
from tests.notify.test_told_states import config, vip
from vipkeeper.config.schema import Config
from vipkeeper.config.virtual_servers import balancing_plan
from vipkeeper.model.server_changes import ServerChange, ServerState
from vipkeeper.notify.server_notification import (
    QuorumNotification,
    RealServerNotification,
    ServerName,
    ServerNotification,
)
from vipkeeper.notify.told_servers import ToldServers

WEB1_UP, WEB1_DOWN = (f"RS [10.0.0.11]:tcp:8081 [192.0.2.80]:tcp:80 {word}" for word in ("UP", "DOWN"))
VS_UP, VS_DOWN = (f"VS [192.0.2.80]:tcp:80 {word}" for word in ("UP", "DOWN"))


NONE = config(vip("a", 1))


def told_of(made: Config | None = None, earlier: dict[ServerName, ServerState] | None = None) -> ToldServers:
    told = ToldServers(earlier)
    reload(told, made or servers())
    return told


def reload(told: ToldServers, made: Config) -> None:
    told.reconfigure(made, balancing_plan(made))


def lines(found: list[ServerNotification]) -> list[str]:
    return [one.fifo_line().decode().rstrip("\n") for one in found]


def take(told: ToldServers, *changes: ServerChange) -> list[str]:
    return [line for change in changes for line in lines(told.take(change))]


def test_lines_are_keepalived_s_whatever_the_virtual_server_is() -> None:
    assert take(
        told_of(),
        real("web1", DOWN),
        quorum(DOWN),
        real("only", DOWN, "mark"),
        quorum(UP, "mark"),
        real("one", UP, "many"),
        quorum(DOWN, "many"),
    ) == [
        WEB1_DOWN,
        VS_DOWN,
        "RS [10.0.0.11]:none:8081 FWM 3 DOWN",
        "VS FWM 3 UP",
        "RS [2001:db8::1]:udp:8082 [G]:0 UP",
        "VS [G]:0 DOWN",
    ]


def test_a_direct_real_server_has_the_virtual_port() -> None:
    direct = servers(web1='lvs_method = "DR"')
    assert take(told_of(direct), real("web1", UP)) == ["RS [10.0.0.11]:tcp:80 [192.0.2.80]:tcp:80 UP"]


def test_a_state_is_told_once() -> None:
    told = told_of()
    assert take(told, real("web1", DOWN), real("web1", DOWN), quorum(DOWN), quorum(DOWN)) == [
        WEB1_DOWN,
        VS_DOWN,
    ]
    assert take(told, real("web1", UP), quorum(UP)) == [WEB1_UP, VS_UP]


def test_a_server_that_is_not_configured_is_nobodys_news() -> None:
    assert take(told_of(), real("other", DOWN), quorum(DOWN, "other")) == []


@pytest.mark.parametrize(("setting", "found"), [("", [VS_UP]), ("rs_init_notifies = true", [WEB1_UP, VS_UP])])
def test_the_first_state_of_a_quorum_is_told_and_of_a_real_server_if_that_is_wanted(
    setting: str, found: list[str]
) -> None:
    told = told_of(servers(ipvs=setting))
    assert take(told, real("web1", UP, first=True), quorum(UP, first=True)) == found
    assert take(told, real("web1", DOWN)) == [WEB1_DOWN]


def test_a_server_that_began_as_down_is_told_when_its_check_says_so_too() -> None:
    """`alpha`: keepalived says nothing at the start, and DOWN when the first check has failed."""
    told = told_of()
    assert take(told, real("web1", DOWN, first=True)) == []
    assert take(told, real("web1", DOWN), real("web1", DOWN)) == [WEB1_DOWN]


def test_a_first_state_of_a_real_server_is_not_mailed() -> None:
    told = told_of(servers("[mail]\nsmtp_alert_checker = true\n", ipvs="rs_init_notifies = true"))
    changes = (real("web1", UP, first=True), quorum(UP, first=True), real("web1", DOWN))
    assert [one.mailed for change in changes for one in told.take(change)] == [False, True, True]


def test_the_previous_state_is_the_one_there_was_told_or_not() -> None:
    told = told_of()
    told.take(real("web1", UP, first=True))
    (found,) = told.take(real("web1", DOWN))
    assert found.previous is UP


@pytest.mark.parametrize(("omega", "found"), [("", []), ("omega = true", [WEB1_DOWN, VS_DOWN])])
def test_the_end_is_told_of_what_is_up_if_omega_says_so(omega: str, found: list[str]) -> None:
    told = told_of(servers(web=omega, web1='notify_down = { script = "gone" }'))
    take(told, real("web1", UP), real("web2", DOWN), quorum(UP))
    assert take(told, real("web1", STOP)) == found[:1], "the director has said it of one"
    ends = told.stop()
    assert lines(ends) == found[1:], "and of what it had no time for, the notifier does"
    assert all(one.ends and one.state is STOP for one in ends)
    assert told.stop() == []


def test_the_end_runs_the_program_of_a_failure() -> None:
    told = told_of(servers(web="omega = true", web1='notify_down = { script = "gone" }'))
    told.take(real("web1", UP))
    (found,) = told.stop()
    assert [script.script for script, _ in found.programs()] == ["gone"]


def test_what_a_reload_takes_out_is_known_until_the_director_lets_go_of_it() -> None:
    told = told_of(servers(web="omega = true"))
    take(told, real("web1", UP), quorum(UP))
    reload(told, NONE)
    assert take(told, real("web1", STOP), quorum(STOP)) == [WEB1_DOWN, VS_DOWN]
    assert {("web", ""), ("web", "web1")}.isdisjoint(told.names)


def test_what_is_gone_and_comes_back_is_new() -> None:
    told = told_of()
    take(told, quorum(UP))
    for following in (NONE, NONE, servers()):
        reload(told, following)
    assert take(told, quorum(UP, first=True)) == [VS_UP]


def test_a_reload_tells_by_the_new_settings() -> None:
    told = told_of()
    reload(told, servers(web1='notify_down = { script = "new" }', web="notify_timeout = 5"))
    (found,) = told.take(real("web1", DOWN))
    assert ([script.script for script, _ in found.programs()], found.timeout_s) == (["new"], 5.0)


def test_what_an_earlier_process_told_is_not_told_again() -> None:
    told = told_of(earlier={("web", ""): UP, ("web", "web1"): UP, ("web", "web2"): DOWN})
    (again,) = told.take(quorum(UP, first=True))
    assert again.again
    assert told.take(real("web1", UP, first=True)) == []
    (news,) = told.take(real("web2", UP, first=True))
    assert (news.again, news.previous) == (False, DOWN), "but what has changed meanwhile is news"
    (later,) = told.take(quorum(DOWN))
    assert not later.again


def test_the_environment_says_whom_it_is_about() -> None:
    told = told_of()
    (server,) = told.take(real("web1", DOWN, detail="status 503"))
    (lost,) = told.take(quorum(DOWN))
    assert isinstance(server, RealServerNotification)
    assert server.environment() == {
        "VIPKEEPER_VIRTUAL_SERVER": "web",
        "VIPKEEPER_VIRTUAL_ADDRESS": "[192.0.2.80]:tcp:80",
        "VIPKEEPER_STATE": "DOWN",
        "VIPKEEPER_PREVIOUS": "",
        "VIPKEEPER_DETAIL": "status 503",
        "VIPKEEPER_REAL_SERVER": "web1",
        "VIPKEEPER_REAL_ADDRESS": "[10.0.0.11]:tcp:8081",
    }
    assert isinstance(lost, QuorumNotification)
    assert lost.environment()["VIPKEEPER_WEIGHT"] == "1"
    assert lost.environment()["VIPKEEPER_QUORUM"] == "2"
    assert server.turn == lost.turn, "programs of one virtual server take turns"
