"""notify_* of instances and groups.

Rules of this file: see `drafts.py`.
"""

from __future__ import annotations

from vipkeeper.config.keepalived.drafts import Draft
from vipkeeper.config.keepalived.programs import put_program
from vipkeeper.config.keepalived.views import View
from vipkeeper.config.toml_positions import Path

# keepalived's word, and ours below `notify`.
SCRIPTS = {
    "notify_master": "master",
    "notify_backup": "backup",
    "notify_fault": "fault",
    "notify_stop": "stop",
    "notify_deleted": "deleted",
    "notify": "any",
    "notify_master_rx_lower_pri": "master_rx_lower_pri",
}
_FLAGS = {"notify_priority_changes": "priority_changes", "smtp_alert": "smtp_alert"}


def put_notifications(draft: Draft, path: Path, view: View) -> None:
    """What one instance or group tells."""
    for keyword, key in SCRIPTS.items():
        setting = view.find(keyword)
        if setting is None:
            continue
        if keyword == "notify_deleted" and not setting.values:  # without a program: say DELETED, not FAULT
            draft.put((*path, "notify", "say_deleted"), True, setting.statement)
        else:
            put_program(draft, (*path, "notify", key), setting)
    for keyword, key in _FLAGS.items():
        setting, value = view.find(keyword), view.flag(keyword)
        if setting is not None and value is not None:
            draft.put((*path, "notify", key), value, setting.statement)
