"""Units that are configured no more while they are held, and addresses that change names."""

from __future__ import annotations

from tests.agent.shell_bench import MAIL, WEB, WEB6, Bench, play
from tests.kernel_segment.segment import until_so
from vipkeeper.election.effects import Holding
from vipkeeper.election.events import Withdrawn
from vipkeeper.model.reasons import Reason
from vipkeeper.model.vips import Unit

GROUP = Unit("lb", (WEB, WEB6, MAIL), 100, members=("web", "mail"))


def test_a_unit_that_is_gone_stays_while_it_is_held() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.running():
            bench.hold("web", "mail")
            bench.shell.reconfigure((GROUP,))
            assert bench.kernel.addresses().keys() == {WEB, WEB6, MAIL}
            assert bench.verdicts("lb") == [None]
            bench.hold("web")
            assert bench.heard(Withdrawn) == [Withdrawn(frozenset({"mail"}))]
            assert bench.kernel.addresses().keys() == {WEB, WEB6}
            bench.hold()
            assert bench.kernel.addresses() == {}

    play(story)


def test_addresses_that_change_names_are_not_touched() -> None:
    async def story() -> None:
        bench = Bench()
        async with bench.running():
            bench.hold("web", "mail")
            announced = bench.announcements(WEB)
            before = bench.kernel.addresses()
            bench.shell.reconfigure((GROUP,))
            bench.shell.want({"lb": Holding(bench.now_s + 60.0)})
            assert bench.kernel.addresses() == before
            bench.shell.want({"lb": Holding(bench.now_s + 61.0)})
            assert bench.announcements(WEB) == announced
            assert bench.heard(Withdrawn) == [Withdrawn(frozenset({"web", "mail"}))], "under these names"
            bench.hold()
            assert bench.kernel.addresses() == {}
            assert bench.heard(Withdrawn)[-1] == Withdrawn(frozenset({"lb"}))

    play(story)


def test_an_interface_that_need_not_be_up() -> None:
    async def story() -> None:
        bench = Bench()
        careless = Unit("mail", (MAIL,), 100, interfaces_needed=frozenset())
        async with bench.running():
            bench.shell.reconfigure((Unit("web", (WEB, WEB6), 100), careless))
            bench.kernel.set_carrier("eth1", up=False)
            bench.kernel.set_carrier("eth0", up=False)
            await until_so(lambda: bench.verdicts("web")[-1] is Reason.INTERFACE_DOWN)
            assert bench.verdicts("mail") == [None]

    play(story)
