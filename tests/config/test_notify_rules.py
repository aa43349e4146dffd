"""Notifications: what is set and tells nobody anything is said, and never refused."""

from __future__ import annotations

import pytest

from tests.config.sources import ONE_VIP, config_of
from vipkeeper.config.rules import notices

SERVER = 'smtp_server = "127.0.0.1"\n'
RECIPIENT = 'notification_email = ["ops@example.com"]\n'


@pytest.mark.parametrize(
    ("settings", "notice"),
    [
        (f"[mail]\n{RECIPIENT}", "no mail is sent: there is no smtp_server; add smtp_server"),
        (f"[mail]\n{SERVER}", "no mail is sent: there are no recipients; add notification_email"),
        (
            f"[mail]\n{RECIPIENT}{SERVER}",
            "no sync group and no virtual or real server has smtp_alert",
        ),
        ("[mail]\nsmtp_alert = true", "there is no smtp_server; add it, and notification_email"),
        ("[vip.web.notify]\nsmtp_alert = true", "there is no smtp_server; add it, and notification_email"),
        (
            f'[mail]\n{RECIPIENT}{SERVER}smtp_alert = true\nusername = "x"',
            "there is no password_file, so nobody logs in",
        ),
        (
            f'[mail]\n{RECIPIENT}{SERVER}smtp_alert = true\nusername = "x"\npassword_file = "/x"',
            "the password is sent in clear text",
        ),
        ('[vip.web.notify.master]\nuser = "nobody"', "names who it runs as, and no script"),
        ('[scripts.fifo_script]\nscript = "/bin/read"', "there is no FIFO for it to read"),
        ('[ipvs.fifo_script]\nscript = "/bin/read"', "there is no FIFO for it to read; add ipvs.fifo"),
        ("[scripts]\nfifo_states_on_reload = true", "there is no FIFO; add scripts.fifo"),
        ("[vip.web.notify]\npriority_changes = true", "there is no FIFO that tells them"),
        ("[vip.web.notify]\ntimeout = 5", "there is no script that it would limit"),
    ],
)
def test_what_tells_nobody_anything(settings: str, notice: str) -> None:
    (found,) = notices(config_of(f"{ONE_VIP}{settings}"))
    assert notice in f"{found.wrong}; {found.fix}"


@pytest.mark.parametrize(
    "settings",
    [
        f"[mail]\n{RECIPIENT}{SERVER}smtp_alert = true",
        f"[mail]\n{RECIPIENT}{SERVER}[vip.web.notify]\nsmtp_alert = true",
        f'[mail]\n{RECIPIENT}{SERVER}smtp_alert = true\nusername = "x"\npassword_file = "/x"'
        '\nencryption = "tls"',
        '[scripts]\nfifo = "/run/x"\nfifo_states_on_reload = true\nfifo_script.script = "/bin/read"',
        '[vip.web.notify]\ntimeout = 5\nmaster = { script = "/bin/x", user = "nobody" }',
    ],
)
def test_what_is_complete(settings: str) -> None:
    assert notices(config_of(f"{ONE_VIP}{settings}")) == ()
