"""The rules of `accept = false` in a real kernel: what stands there, and that nothing stays. What they do to
packets is tested with a client in tests/interop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from vipkeeper.kernel.input_rules import InputRules, remove_input_rules
from vipkeeper.lab.namespaces import Namespace, make_namespace, new_lab_name

pytestmark = pytest.mark.root

BOTH = frozenset({"192.0.2.1", "2001:db8::1"})


@pytest.fixture
def host() -> Iterator[Namespace]:
    with make_namespace(new_lab_name(), "input") as made:
        yield made


def ruleset(host: Namespace) -> str:
    return host.run("nft", "list", "ruleset")


def test_rules_come_change_and_go(host: Namespace) -> None:
    rules = host.call(InputRules)
    host.call(rules.require)
    host.call(lambda: rules.set(BOTH))
    shown = ruleset(host)
    assert "icmpv6 type 135-136 accept" in shown  # RFC 9568: solicitations are never dropped
    assert 'ip daddr @silent4 iif != "lo" drop' in shown
    assert 'ip6 daddr @silent6 iif != "lo" drop' in shown
    assert "hook input priority 200" in shown  # behind IPVS
    host.call(lambda: rules.set({"192.0.2.2"}))
    shown = ruleset(host)
    assert "192.0.2.2" in shown
    assert "192.0.2.1" not in shown
    host.call(lambda: rules.set(()))
    assert ruleset(host) == ""
    rules.close(keep=True)


def test_what_a_killed_agent_left_is_replaced_or_removed(host: Namespace) -> None:
    killed = host.call(InputRules)
    host.call(lambda: killed.set(BOTH))
    killed.close(keep=True)
    host.call(host_requires)
    assert "192.0.2.1" in ruleset(host)
    host.call(lambda: InputRules().set(()))
    assert ruleset(host) == ""
    host.call(remove_input_rules)  # nothing there is nothing to complain of


def host_requires() -> None:
    rules = InputRules()
    rules.require()
    rules.close(keep=True)


def test_tables_of_others_are_not_touched(host: Namespace) -> None:
    theirs = "table inet theirs {\nchain input { type filter hook input priority 0; }\n}\n"
    host.run("nft", "-f", "-", text_input=theirs)
    rules = host.call(InputRules)
    host.call(lambda: rules.set(BOTH))
    host.call(lambda: rules.close(keep=False))
    assert "table inet theirs" in ruleset(host)
    assert "vipkeeper" not in ruleset(host)
