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

WEB2_DOWN = "RS [10.0.0.12]:tcp:8082 [192.0.2.80]:tcp:80 DOWN"
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
        real("one", DOWN, "six"),
    ) == [
        WEB1_DOWN,
        VS_DOWN,
        "RS [10.0.0.11]:none:8081 FWM 3 DOWN",
        "VS FWM 3 UP",
        "RS [10.0.0.13]:udp:8082 [G]:0 UP",
        "VS [G]:0 DOWN",
        "RS [2001:db8::1]:sctp:80 [2001:db8::80]:sctp:80 DOWN",
    ]


def test_a_direct_real_server_has_the_virtual_port() -> None:
    direct = servers(web1='lvs_method = "DR"')
    assert take(told_of(direct), real("web1", UP)) == ["RS [10.0.0.11]:tcp:80 [192.0.2.80]:tcp:80 UP"]


def test_a_director_that_was_started_again_tells_no_first_state_twice() -> None:
    told = told_of()
    assert take(told, quorum(UP, first=True), quorum(UP, first=True)) == [VS_UP]
    assert take(told, quorum(DOWN), quorum(DOWN, first=True), quorum(UP, first=True)) == [VS_DOWN, VS_UP]


def test_what_the_director_calls_news_is_told_although_it_sounds_the_same() -> None:
    """A reload gave another server the name: the old one is gone, and the new one fails."""
    assert take(told_of(), real("web1", DOWN), real("web1", DOWN)) == [WEB1_DOWN, WEB1_DOWN]


def test_a_server_that_is_not_configured_is_nobodys_news() -> None:
    assert take(told_of(), real("other", DOWN), quorum(DOWN, "other")) == []


def test_that_a_server_is_up_from_the_start_is_not_mailed() -> None:
    checker = "[mail]\nsmtp_alert_checker = true\n"
    told = told_of(servers(checker))
    changes = (real("web1", UP, first=True), quorum(UP, first=True), real("web1", DOWN))
    assert [one.mailed for change in changes for one in told.take(change)] == [False, True, True]
    waited_for = told_of(
        servers(checker, web1="alpha = true\n[virtual_server.web.real_server.web1.tcp_check.a]")
    )
    assert [one.mailed for one in waited_for.take(real("web1", UP, first=True))] == [True]


def test_the_previous_state_is_said() -> None:
    told = told_of()
    told.take(real("web1", UP))
    (found,) = told.take(real("web1", DOWN))
    assert found.previous is UP


@pytest.mark.parametrize(("omega", "found"), [("", []), ("omega = true", [WEB1_DOWN, VS_DOWN])])
def test_the_end_is_told_of_what_is_up_if_omega_says_so(omega: str, found: list[str]) -> None:
    told = told_of(servers(web=omega, web1='notify_down = { script = "gone" }'))
    take(told, real("web1", UP), real("web2", DOWN), quorum(UP))
    if omega:
        assert take(told, real("web1", STOP)) == found[:1], "the director has said it of one"
    ends = told.stop()
    assert lines(ends) == found[1:], "and of what it had no time for, the notifier does"
    assert all(one.ends and one.state is STOP for one in ends)
    assert told.stop() == []


def test_the_end_of_what_an_earlier_agent_told_is_told_too() -> None:
    told = told_of(servers(web="omega = true"), {("web", "web1"): UP, ("web", "web2"): DOWN})
    assert lines(told.stop()) == [WEB1_DOWN]


def test_the_end_runs_the_program_of_a_failure() -> None:
    told = told_of(servers(web="omega = true", web1='notify_down = { script = "gone" }'))
    told.take(real("web1", UP))
    (found,) = told.stop()
    assert [script.script for script, _ in found.programs()] == ["gone"]


def test_what_a_reload_takes_out_is_known_until_the_director_lets_go_of_it() -> None:
    told = told_of()
    take(told, real("web1", UP), quorum(UP))
    reload(told, NONE)
    assert take(told, real("web1", DOWN), quorum(DOWN)) == [WEB1_DOWN, VS_DOWN]
    reload(told, NONE)
    assert told.names == frozenset()


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
    told = told_of(earlier={("web", ""): UP, ("web", "web1"): DOWN, ("web", "web2"): DOWN})
    assert lines(told.present()) == [WEB1_DOWN, WEB2_DOWN, VS_UP], "but the reader of a FIFO may be new"
    assert all(one.again for one in told.present())
    assert take(told, quorum(UP, first=True), real("web1", DOWN)) == []
    (news,) = told.take(real("web2", UP))
    assert (news.again, news.previous) == (False, DOWN), "what has changed meanwhile is news"
    (later,) = told.take(quorum(DOWN))
    assert (later.again, later.previous) == (False, UP)
    assert told.present() == [], "and what was said since is no earlier process's word"


def test_what_an_earlier_process_told_of_what_was_gone_meanwhile_counts_for_nothing() -> None:
    told = told_of(NONE, earlier={("web", ""): UP})
    reload(told, servers())
    (found,) = told.take(quorum(UP, first=True))
    assert not found.again


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
