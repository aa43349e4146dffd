"""What settings of notifications must mean together: mail that can be sent, words that have an effect.

Rules of this file: pure; see `rules.py`. Nothing here keeps an agent from running: a VIP does not stay down
for want of a mail server.
"""

from __future__ import annotations

from collections.abc import Iterator

from vipkeeper.config.mistakes import Finding
from vipkeeper.config.notify_schema import Mail, Notify
from vipkeeper.config.programs_named import NOTIFY_KEYS, all_notify, notify_scripts
from vipkeeper.config.schema import Config
from vipkeeper.config.toml_positions import Path

_WITHOUT_MAIL = "no mail is sent: "


def notify_notices(config: Config) -> Iterator[Finding]:
    """What is set and tells nobody anything. `config` has no broken rule."""
    yield from _mail(config)
    for path, program in notify_scripts(config):
        if program.script is None and (program.user is not None or program.group is not None):
            yield Finding(path, "names who it runs as, and no script", "add script, or delete it")
    scripts = config.scripts
    if scripts.fifo_script.script is not None and scripts.fifo is None:
        yield Finding(("scripts", "fifo_script"), "there is no FIFO for it to read", "add scripts.fifo")
    if config.ipvs.fifo_script.script is not None and config.ipvs.fifo is None:
        yield Finding(("ipvs", "fifo_script"), "there is no FIFO for it to read", "add ipvs.fifo")
    if scripts.fifo is None and scripts.fifo_states_on_reload:
        yield Finding(("scripts", "fifo_states_on_reload"), "there is no FIFO", "add scripts.fifo")
    for path, notify in all_notify(config):
        yield from _without_effect(path, notify, fifo=scripts.fifo is not None)


def _without_effect(path: Path, notify: Notify, *, fifo: bool) -> Iterator[Finding]:
    runs = any(getattr(notify, key).script is not None for key in NOTIFY_KEYS)
    if not runs and notify.timeout_s != Notify().timeout_s:
        yield Finding((*path, "timeout"), "there is no script that it would limit", "delete it")
    if notify.priority_changes and not fifo:
        yield Finding((*path, "priority_changes"), "there is no FIFO that tells them", "add scripts.fifo")


def _mail(config: Config) -> Iterator[Finding]:
    mail = config.mail
    wanted = [path for path, notify in all_notify(config) if notify.smtp_alert]
    wanted += list(_servers_mailed(config))
    general = mail.smtp_alert or (mail.smtp_alert_checker and bool(config.virtual_server))
    if mail.notification_email is not None and mail.smtp_server is None:
        fix = "add smtp_server, for example 127.0.0.1"
        yield Finding(("mail", "notification_email"), f"{_WITHOUT_MAIL}there is no smtp_server", fix)
    elif mail.smtp_server is not None and mail.notification_email is None:
        fix = "add notification_email"
        yield Finding(("mail", "smtp_server"), f"{_WITHOUT_MAIL}there are no recipients", fix)
    elif mail.smtp_server is None and (general or wanted):
        key = "smtp_alert" if mail.smtp_alert else "smtp_alert_checker"
        path: Path = (*wanted[0], "smtp_alert") if wanted else ("mail", key)
        yield Finding(path, f"{_WITHOUT_MAIL}there is no smtp_server", "add it, and notification_email")
    elif mail.smtp_server is not None and not general and not wanted:
        yield Finding(
            ("mail", "smtp_server"),
            f"{_WITHOUT_MAIL}no VIP, no sync group and no virtual or real server has smtp_alert",
            "write smtp_alert into those whose changes are to be mailed, or once for all",
        )
    yield from _login(mail)


def _servers_mailed(config: Config) -> Iterator[Path]:
    for name, virtual in config.virtual_server.items():
        if virtual.smtp_alert:
            yield ("virtual_server", name)
        for real_name, real in virtual.real_server.items():
            if real.smtp_alert:
                yield ("virtual_server", name, "real_server", real_name)


def _login(mail: Mail) -> Iterator[Finding]:
    path: Path = ("mail", "username")
    if (mail.username is None) != (mail.password_file is None):
        set_key = "password_file" if mail.username is None else "username"
        missing = "username" if mail.username is None else "password_file"
        yield Finding(("mail", set_key), f"there is no {missing}, so nobody logs in", f"add {missing}")
    elif mail.username is not None and mail.encryption == "none":
        wrong = "the password is sent in clear text"
        yield Finding(path, wrong, 'write encryption = "starttls" or "tls"')
