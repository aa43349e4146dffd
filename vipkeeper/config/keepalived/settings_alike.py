"""Words that mean the same in both languages: one table of names.

Rules of this file: a value is carried over as it is; what needs a thought has code elsewhere.
"""

from __future__ import annotations

from vipkeeper.config.keepalived.drafts import Draft
from vipkeeper.config.keepalived.views import View
from vipkeeper.config.toml_positions import Path

# keepalived's word in an instance; the same in global_defs, for all instances; ours below `vip.NAME`.
NUMBERS_OF_VIP: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("virtual_router_id", "", ("vrrp", "vrid")),
    ("unicast_ttl", "", ("vrrp", "unicast_ttl")),
    ("garp_master_delay", "", ("garp", "master_delay")),
    ("garp_master_repeat", "", ("garp", "master_repeat")),
    ("garp_master_refresh", "", ("garp", "master_refresh")),
    ("garp_master_refresh_repeat", "", ("garp", "master_refresh_repeat")),
    ("garp_lower_prio_delay", "", ("garp", "lower_prio_delay")),
    ("garp_lower_prio_repeat", "", ("garp", "lower_prio_repeat")),
    ("down_timer_adverts", "vrrp_down_timer_adverts", ("vrrp", "down_timer_adverts")),
)
FLAGS_OF_VIP: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("lower_prio_no_advert", "vrrp_lower_prio_no_advert", ("vrrp", "lower_prio_no_advert")),
    ("owner_ignore_adverts", "vrrp_owner_ignore_adverts", ("vrrp", "owner_ignore_adverts")),
    ("strict_mode", "vrrp_strict", ("vrrp", "strict")),
    ("promote_secondaries", "", ("promote_secondaries",)),
    ("dont_track_primary", "", ("dont_track_primary",)),
)

# Words of global_defs and their places.
GLOBAL_NUMBERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("vrrp_startup_delay", ("startup_delay",)),
    ("smtp_connect_timeout", ("mail", "smtp_connect_timeout")),
    ("startup_script_timeout", ("scripts", "startup_timeout")),
    ("shutdown_script_timeout", ("scripts", "shutdown_timeout")),
    ("vrrp_garp_master_delay", ("garp", "master_delay")),
    ("vrrp_garp_master_repeat", ("garp", "master_repeat")),
    ("vrrp_garp_master_refresh", ("garp", "master_refresh")),
    ("vrrp_garp_master_refresh_repeat", ("garp", "master_refresh_repeat")),
    ("vrrp_garp_lower_prio_delay", ("garp", "lower_prio_delay")),
    ("vrrp_garp_lower_prio_repeat", ("garp", "lower_prio_repeat")),
    ("vrrp_garp_interval", ("garp", "interval")),
    ("vrrp_gna_interval", ("garp", "gna_interval")),
)
GLOBAL_FLAGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("set_supplementary_groups", ("scripts", "set_supplementary_groups")),
    ("fifo_write_vrrp_states_on_reload", ("scripts", "fifo_states_on_reload")),
    ("vrrp_notify_priority_changes", ("scripts", "priority_changes")),
    ("smtp_alert", ("mail", "smtp_alert")),
    ("smtp_alert_vrrp", ("mail", "smtp_alert")),  # behind the other: it says more
    ("smtp_alert", ("mail", "smtp_alert_checker")),
    ("smtp_alert_checker", ("mail", "smtp_alert_checker")),
)
GLOBAL_TEXTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("notification_email_from", ("mail", "notification_email_from")),
    ("smtp_helo_name", ("mail", "smtp_helo_name")),
    ("router_id", ("mail", "router_id")),
)
GLOBAL_PROGRAMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("startup_script", ("scripts", "startup")),
    ("shutdown_script", ("scripts", "shutdown")),
)


def put_number(draft: Draft, table: Path, view: View, keyword: str, key: str = "") -> bool:
    """The number behind `keyword`, if it is written, as `key` of a table: the same word unless given."""
    if (setting := view.find(keyword)) is None or (number := view.number(keyword)) is None:
        return False
    draft.put((*table, key or keyword), number, setting.statement)
    return True


def put_flag(draft: Draft, table: Path, view: View, keyword: str, key: str = "") -> bool:
    """The word `keyword` with its BOOL, if it is written."""
    if (setting := view.find(keyword)) is None or (value := view.flag(keyword)) is None:
        return False
    draft.put((*table, key or keyword), value, setting.statement)
    return True


def put_text(draft: Draft, table: Path, view: View, keyword: str, key: str = "") -> bool:
    """The text behind `keyword`, if it is written."""
    if (setting := view.find(keyword)) is None or not (text := view.text(keyword)):
        return False
    draft.put((*table, key or keyword), text, setting.statement)
    return True
