"""The list of VIPs as a person reads it."""

from __future__ import annotations

from tests.cli.stored_records import KEYS, NOW, candidacy, info, lease, seconds_ago, snapshot, vip
from vipkeeper.cli.vip_listing import list_vips
from vipkeeper.cli.vip_table import plain_table
from vipkeeper.model.records import VipRecord

EXPECTED = """\
VIP   ADDRESSES                 OWNER             LEASE  FENCE  EPOCH  SINCE      REASON          CANDIDATES
app   -                         -                 -      -      0      -          no-record-yet   n2 100
db    192.0.2.10, 2001:db8::10  (released to n2)  -      -      3      2 min ago  owner-released  -
gone  192.0.2.10, 2001:db8::10  n4                over   -      3      2 min ago  owner-expired   -
web   192.0.2.10, 2001:db8::10  n1                2.5 s  bpf    3      2 min ago  owner-expired   \
n2 100, n1 50 (the interface is down or has no carrier)"""


def test_one_line_a_vip_in_columns() -> None:
    vips = list_vips(
        snapshot(
            {
                KEYS.vip("web"): vip(),
                KEYS.vip("db"): vip(owner=None, released_to="n2"),
                KEYS.vip("gone"): vip(owner="n4"),
                KEYS.lease("n1"): lease(1.5),
                KEYS.info("n1"): info(
                    candidacy("web", priority=50, eligible=False, reason="interface-down"),
                ),
                KEYS.info("n2"): info(candidacy("web", "app")),
            }
        ),
        NOW,
    )
    assert plain_table(vips, NOW) == EXPECTED


def test_control_characters_of_the_store_do_not_reach_the_terminal() -> None:
    record = VipRecord("n\x1b[31m1", "i", 1, seconds_ago(1), "first-claim\n", ("192.0.2.1\x07",))
    text = plain_table(list_vips(snapshot({KEYS.vip("w\x9bb"): record}), NOW), NOW)
    assert len(text.splitlines()) == 2
    assert all(c.isprintable() or c == "\n" for c in text)


def test_ages_are_told_in_a_fitting_unit() -> None:
    ages = [(5, "5 s ago"), (119, "119 s ago"), (120, "2 min ago"), (7200, "2 h ago"), (200_000, "2 d ago")]
    for seconds, text in ages:
        record = VipRecord("n1", "i", 1, seconds_ago(seconds), "first-claim", ())
        assert f" {text} " in plain_table(list_vips(snapshot({KEYS.vip("a"): record}), NOW), NOW)
