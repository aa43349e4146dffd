"""Tracked things: names that must exist, scripts that must be words, weights that must matter."""

from __future__ import annotations

import pytest

from tests.config.sources import ONE_VIP, config_of, mistakes_of
from vipkeeper.config.rules import notices
from vipkeeper.config.track_rules import tracking_summary

CHECK = "[track_script.check]\nscript = \"/bin/check -a 'b c'\"\n"
TRACKED = f"{CHECK}{ONE_VIP}preempt = true\n"


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (
            f"{CHECK}{ONE_VIP}[vip.web.track_script.chekc]",
            "x.toml:7: vip.web.track_script.chekc: there is no [track_script.chekc]; did you mean check?",
        ),
        (f"{ONE_VIP}[vip.web.track_file.down]", "there is no [track_file.down]; add the table"),
        (f"{ONE_VIP}[vip.web.track_process.nginx]", "there is no [track_process.nginx]; add the table"),
        (
            f'{ONE_VIP}[sync_group.g]\nvips = ["web"]\n[sync_group.g.track_script.x]',
            "sync_group.g.track_script.x: there is no [track_script.x]; add the table",
        ),
        (
            f'{ONE_VIP}[track_script.c]\nscript = "/bin/check \'a"',
            "x.toml:6: track_script.c.script: it cannot be split into words: no closing quotation; write",
        ),
        (f"{ONE_VIP}[track_script.c]\nscript = \"'' a\"", "track_script.c.script: it names no program"),
        (f'{ONE_VIP}notify.any.script = "\'"', "vip.web.notify.any.script: it cannot be split into words"),
        (f'{ONE_VIP}[scripts]\nstartup.script = " "', "scripts.startup.script: it names no program"),
    ],
)
def test_one_mistake(text: str, mistake: str) -> None:
    found = mistakes_of(text)
    assert len(found) == 1, found
    assert mistake in found[0]


@pytest.mark.parametrize(
    ("text", "notice"),
    [
        (f"{CHECK}{ONE_VIP}", "no VIP and no group tracks it"),
        (
            f"{CHECK}weight = -5\n{ONE_VIP}priority = 150\npreempt = true\n[vip.web.track_script.check]",
            "failing checks lower the priority from 150 to 145: a partner with 145 or less (such as 100)",
        ),
        (
            f"{CHECK}weight = -50\n{ONE_VIP}priority = 150\npreempt = true\n[vip.web.track_script.check]",
            "from 150 to 100: a partner with 100 or less (such as 100) never takes over",
        ),
        (
            f"{CHECK}weight = -50\n{ONE_VIP}[vip.web.track_script.check]",
            "without preemption a lowered priority moves nothing",
        ),
    ],
)
def test_what_hardly_does_what_was_meant(text: str, notice: str) -> None:
    (found,) = notices(config_of(text))
    assert notice in f"{found.wrong}; {found.fix}"


@pytest.mark.parametrize(
    "text",
    [
        f"{TRACKED}priority = 150\n[vip.web.track_script.check]\nweight = -51",
        f"{TRACKED}priority = 100\n[vip.web.track_script.check]\nweight = -5",
        f"{CHECK}{ONE_VIP}[vip.web.track_script.check]\nweight = 0",
    ],
)
def test_weights_that_may_well_matter(text: str) -> None:
    assert notices(config_of(text)) == ()


def test_a_file_with_both_roles_tells_what_the_partner_has() -> None:
    other = '[vip.b]\naddresses = ["192.0.2.11"]\ninterface = "eth0"\npriority = 90\n'
    text = f"{TRACKED}priority = 100\ntrack_script.check.weight = {{}}\n{other}"
    assert notices(config_of(text.format(-11))) == ()
    (found,) = notices(config_of(text.format(-10)))
    assert "from 100 to 90: a partner with 90 or less (such as 90)" in found.wrong


def test_the_summary_says_how_far_a_priority_moves() -> None:
    files = '[track_file.down]\nfile = "/etc/down"\n'
    text = f"{files}{TRACKED}priority = 100\n[vip.web.track_script.check]\nweight = -20\n"
    text += "[vip.web.track_file.down]\n[vip.web.track_interface.eth1]\n"
    assert list(tracking_summary(config_of(text))) == [
        "vip web: tracks script check (-20), file down (its number times 1), interface eth1 (unfit while it "
        "fails); priority 80 to 100"
    ]
