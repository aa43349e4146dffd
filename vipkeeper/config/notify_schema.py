"""Settings of what this node tells others when a VIP changes hands: scripts, FIFOs, mail.

Rules of this file: as in `schema.py`; names are keepalived's.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from vipkeeper.config.described import about as _about
from vipkeeper.config.program_owner import ProgramGroup, ProgramUser


class NotifyScript(msgspec.Struct, frozen=True):
    """One program that is run. Without `script`, none is."""

    script: (
        Annotated[
            str,
            _about(
                "Program and arguments; quotes hold words together. No shell reads it.",
                "/etc/vipkeeper/notify.sh master",
                min_length=1,
            ),
        ]
        | None
    ) = None
    user: ProgramUser = None
    group: ProgramGroup = None


class Notify(msgspec.Struct, frozen=True, rename={"timeout_s": "timeout"}):
    """Programs that are run when the state changes: keepalived's `notify_master` and so on.

    They run one after the other, in the order of the changes.
    """

    master: NotifyScript = NotifyScript()
    backup: NotifyScript = NotifyScript()
    fault: NotifyScript = NotifyScript()
    stop: NotifyScript = NotifyScript()
    deleted: NotifyScript = NotifyScript()
    any: NotifyScript = NotifyScript()
    master_rx_lower_pri: NotifyScript = NotifyScript()
    say_deleted: Annotated[
        bool,
        _about(
            "Whether a VIP that a reload removes is told as DELETED although there is no `deleted` program; "
            "else it is told as FAULT, as by keepalived (there: `notify_deleted` without a program).",
            True,
        ),
    ] = False
    priority_changes: (
        Annotated[
            bool,
            _about(
                "Whether changes of the effective priority are told through the FIFOs; the default is "
                "`scripts.priority_changes`.",
                True,
            ),
        ]
        | None
    ) = None
    smtp_alert: (
        Annotated[
            bool,
            _about("Whether changes of the state are mailed; the default is `mail.smtp_alert`.", True),
        ]
        | None
    ) = None
    timeout_s: Annotated[
        float,
        _about(
            "A program that takes longer is ended (SIGTERM, after 2 s SIGKILL), so that the next change is "
            "told too.",
            60.0,
            unit="seconds",
            gt=0,
            le=86400,
        ),
    ] = 30.0


_SCRIPTS_KEYS = {"startup_timeout_s": "startup_timeout", "shutdown_timeout_s": "shutdown_timeout"}


class Scripts(msgspec.Struct, frozen=True, rename=_SCRIPTS_KEYS):
    """Programs of the operator: who runs them, which may run, and where events are written for them."""

    user: (
        Annotated[
            str,
            _about(
                "The user that scripts run as (keepalived: `script_user`). Without it `keepalived_script` if "
                "there is such a user; else the agent's own. If that is root and `enable_script_security` is "
                "on, a script without a user of its own does not run.",
                "keepalived_script",
                min_length=1,
            ),
        ]
        | None
    ) = None
    group: (
        Annotated[
            str,
            _about("The group that scripts run as; the default is the user's own.", "nogroup", min_length=1),
        ]
        | None
    ) = None
    enable_script_security: Annotated[
        bool,
        _about(
            "Whether a script that would run as root is refused when anybody but root could change it, or a "
            "directory above it. Off: it runs, and the log says what is wrong.",
            True,
        ),
    ] = False
    set_supplementary_groups: Annotated[
        bool, _about("Whether scripts also have the supplementary groups of their user.", True)
    ] = False
    fifo: (
        Annotated[
            str,
            _about(
                "A FIFO that gets a line for each change of a VIP, sync group, virtual or real server "
                "(keepalived: `notify_fifo`). It is made if it does not exist.",
                "/run/vipkeeper/notify.fifo",
                min_length=1,
            ),
        ]
        | None
    ) = None
    fifo_user: (
        Annotated[
            str,
            _about(
                "The user whom the FIFO belongs to when the agent makes it; the default is the one that "
                "`fifo_script` runs as, else the agent's own.",
                "nobody",
                min_length=1,
            ),
        ]
        | None
    ) = None
    fifo_group: (
        Annotated[
            str,
            _about("The group of the FIFO; the default is the user's own.", "nogroup", min_length=1),
        ]
        | None
    ) = None
    fifo_script: NotifyScript = NotifyScript()
    fifo_servers: Annotated[
        bool,
        _about(
            "Whether it also gets the lines of virtual and real servers (keepalived: `vrrp_notify_fifo` does "
            "not). `ipvs.fifo` gets them in any case.",
            False,
        ),
    ] = True
    fifo_states_on_reload: Annotated[
        bool,
        _about("Whether a reload writes the present states to the FIFO.", True),
    ] = False
    priority_changes: Annotated[
        bool,
        _about(
            "Whether changes of the effective priority are told through the FIFO (keepalived: "
            "`vrrp_notify_priority_changes`).",
            True,
        ),
    ] = False
    startup: NotifyScript = NotifyScript()
    startup_timeout_s: Annotated[
        float, _about("How long the start waits for it.", 10.0, unit="seconds", ge=1, le=1000)
    ] = 10.0
    shutdown: NotifyScript = NotifyScript()
    shutdown_timeout_s: Annotated[
        float, _about("How long the end waits for it.", 10.0, unit="seconds", ge=1, le=1000)
    ] = 10.0


class Mail(msgspec.Struct, frozen=True, rename={"smtp_connect_timeout_s": "smtp_connect_timeout"}):
    """Mail about changes of state. Nothing is sent unless `notification_email` and `smtp_server` are set."""

    notification_email: (
        Annotated[tuple[str, ...], _about("Who gets it.", ["ops@example.com"], min_length=1)] | None
    ) = None
    notification_email_from: (
        Annotated[
            str,
            _about(
                "Who it comes from; the default is the agent's user at this host.",
                "vipkeeper@example.com",
                min_length=1,
            ),
        ]
        | None
    ) = None
    smtp_server: (
        Annotated[
            str,
            _about(
                "The mail server: `HOST`, `HOST:PORT` or `[IPV6]:PORT`. Without a port 25; 465 with `tls`, "
                "587 with `starttls`.",
                "smtp.example.com:587",
                min_length=1,
            ),
        ]
        | None
    ) = None
    smtp_helo_name: (
        Annotated[
            str, _about("What this host calls itself there; the default is its name.", "lb1", min_length=1)
        ]
        | None
    ) = None
    smtp_connect_timeout_s: Annotated[
        float,
        _about(
            "How long the server may take to answer. What could not be delivered is tried again.",
            10.0,
            unit="seconds",
            gt=0,
            le=3600,
        ),
    ] = 30.0
    encryption: Annotated[
        Literal["none", "starttls", "tls"],
        _about(
            "`starttls` asks the server for encryption and does not go on without; `tls` begins with it.",
            "starttls",
        ),
    ] = "none"
    ca_file: (
        Annotated[
            str,
            _about(
                "Certificates that sign the server's own (PEM), instead of the system's.",
                "/etc/ssl/mail.pem",
                min_length=1,
            ),
        ]
        | None
    ) = None
    username: (
        Annotated[str, _about("The name to log in with, if the server wants it.", "vipkeeper", min_length=1)]
        | None
    ) = None
    password_file: (
        Annotated[
            str,
            _about("File whose first line is the password.", "/etc/vipkeeper/mail-password", min_length=1),
        ]
        | None
    ) = None
    router_id: (
        Annotated[
            str,
            _about("What mails call this node; the default is `node`.", "lb01", min_length=1),
        ]
        | None
    ) = None
    smtp_alert: Annotated[
        bool,
        _about(
            "Whether changes of VIPs and sync groups are mailed, unless one of them says otherwise.", True
        ),
    ] = False
    smtp_alert_checker: Annotated[
        bool,
        _about(
            "Whether changes of real servers and of the quorum are mailed, unless a virtual or real server "
            "says otherwise.",
            True,
        ),
    ] = False
    email_faults: Annotated[
        bool,
        _about("Whether the state FAULT is mailed too (keepalived: `no_email_faults` turns it off).", False),
    ] = True
